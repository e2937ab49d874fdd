#include "server/rpc/requested_heads.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace adscore::server {

absl::Status AddRequestedHead(std::string_view name, const model::Snapshot& snapshot,
                              std::vector<size_t>* heads) {
  const auto found = std::find_if(snapshot.heads.begin(), snapshot.heads.end(),
                                  [&](const model::Head& head) { return head.name == name; });
  const std::string shown(name.substr(0, 100));
  if (found == snapshot.heads.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the model has no head '", shown, "'; it has ",
        absl::StrJoin(snapshot.heads, ", ",
                      [](std::string* text, const model::Head& head) { text->append(head.name); })));
  }
  const auto number = static_cast<size_t>(found - snapshot.heads.begin());
  if (std::find(heads->begin(), heads->end(), number) != heads->end()) {
    return absl::InvalidArgumentError(absl::StrCat("'", shown, "' is there twice"));
  }
  heads->push_back(number);
  return absl::OkStatus();
}

void AddAllHeads(const model::Snapshot& snapshot, std::vector<size_t>* heads) {
  for (size_t h = 0; h < snapshot.heads.size(); ++h) heads->push_back(h);
}

}  // namespace adscore::server
