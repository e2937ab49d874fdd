#include "trainer/columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "data/cell.h"

namespace adscore::trainer {

std::optional<size_t> FindColumn(const std::vector<std::string>& columns, std::string_view name) {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

absl::StatusOr<size_t> RequireColumn(const std::string& path, const std::vector<std::string>& columns,
                                     std::string_view name, std::string_view what) {
  if (const std::optional<size_t> found = FindColumn(columns, name)) return *found;
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), " is not a column of ", path,
                                                 "; its columns are ", absl::StrJoin(columns, ", ")));
}

std::optional<bool> IsPositive(const model::Label& label, std::string_view cell) {
  const std::string_view text = data::Trim(cell);
  if (!label.positive.empty()) return text == label.positive;
  if (text == "1") return true;
  if (text == "0") return false;
  const std::string word = absl::AsciiStrToLower(std::string(text));
  if (word == "true" || word == "yes" || word == "y" || word == "t") return true;
  if (word == "false" || word == "no" || word == "n" || word == "f") return false;
  const std::optional<float> number =
      data::ParseNumber(text);  // "1.0", as a column with gaps is often written
  if (number == 1.0F) return true;
  if (number == 0.0F) return false;
  return std::nullopt;
}

}  // namespace adscore::trainer
