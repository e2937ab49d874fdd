#include "trainer/number_check.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer {

std::vector<std::string> NumberNotices(const Dataset& data) {
  std::vector<std::string> notices;
  for (size_t i = 0; i < data.columns.size(); ++i) {
    const Column& column = data.columns[i];
    if (column.unparsable == 0) continue;
    const double share = 100.0 * static_cast<double>(column.unparsable) / static_cast<double>(data.rows);
    notices.push_back(absl::StrFormat(
        "column '%s': %d of %d cells (%s%%) are no numbers and count as missing; the first one is '%s'",
        data.schema.features[i].name, column.unparsable, data.rows,
        absl::StrFormat(share < 1 ? "%.2g" : "%.0f", share), column.first_unparsable));
  }
  return notices;
}

absl::Status CheckNumbers(const Dataset& data, const std::string& path) {
  for (size_t i = 0; i < data.columns.size(); ++i) {
    const Column& column = data.columns[i];
    if (column.unparsable == 0 || column.missing < data.rows) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": column '", data.schema.features[i].name, "' is numeric in the schema, and none of its ",
        data.rows, " cells is a number; the first one is '", column.first_unparsable,
        "': make its kind categorical in --schema, or take it out"));
  }
  return absl::OkStatus();
}

}  // namespace adscore::trainer
