#include "trainer/label_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "trainer/label_values.h"

namespace adscore::trainer {
absl::Status CheckLabels(const Dataset& data, const std::vector<model::Label>& labels, const Sources& sources,
                         data::Format format) {
  for (size_t head = 0; head < labels.size(); ++head) {
    const std::vector<uint8_t>& column = data.labels[head];
    const auto positives = static_cast<uint64_t>(std::count(column.begin(), column.end(), 1));
    const auto negatives = static_cast<uint64_t>(std::count(column.begin(), column.end(), 0));
    if (positives > 0 && negatives > 0) continue;
    const std::string& name = labels[head].column;
    const std::string counted = labels[head].positive.empty()
                                    ? std::string("1, true, yes, y or t count as positive")
                                    : absl::StrCat("'", labels[head].positive, "' counts as positive");
    return absl::InvalidArgumentError(absl::StrCat(
        sources.ToString(), ": the label '", name, "' is ", positives == 0 ? "never" : "always",
        " positive in ", positives + negatives, " rows, so that there is nothing to learn: its values are ",
        DescribeLabelValues(sources, format, name), "; ", counted, "; name another value with --label ", name,
        "=VALUE"));
  }
  return absl::OkStatus();
}

}  // namespace adscore::trainer
