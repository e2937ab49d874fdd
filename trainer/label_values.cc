#include "trainer/label_values.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace adscore::trainer {
namespace {

constexpr size_t kValuesShown = 5;
constexpr size_t kValuesCounted = 1000;  // a label has few; a column with more was named by mistake

}  // namespace

std::string DescribeLabelValues(const Sources& sources, data::Format format, const std::string& column) {
  absl::StatusOr<std::unique_ptr<SourceReader>> reader = SourceReader::Open(sources, format);
  if (!reader.ok()) return "";
  const std::vector<std::string>& columns = (*reader)->columns();
  const size_t at = std::find(columns.begin(), columns.end(), column) - columns.begin();
  std::map<std::string, uint64_t, std::less<>> counts;
  std::vector<std::string_view> cells;
  while (true) {
    const absl::StatusOr<bool> more = (*reader)->Next(&cells);
    if (!more.ok() || !*more || at >= cells.size()) break;
    const auto found = counts.find(cells[at]);
    if (found != counts.end()) {
      ++found->second;
    } else if (counts.size() < kValuesCounted) {
      counts.emplace(cells[at], 1);
    }
  }
  std::vector<std::pair<uint64_t, std::string>> by_count;
  for (const auto& [value, count] : counts) by_count.emplace_back(count, value);
  std::sort(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<std::string> shown;
  for (size_t i = 0; i < by_count.size() && i < kValuesShown; ++i) {
    shown.push_back(absl::StrCat("'", by_count[i].second, "' (", by_count[i].first,
                                 by_count[i].first == 1 ? " row)" : " rows)"));
  }
  if (by_count.size() > kValuesShown) shown.push_back("…");
  return absl::StrJoin(shown, ", ");
}

}  // namespace adscore::trainer
