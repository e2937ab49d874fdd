#include "trainer/cell_check.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

constexpr double kNearlyAll = 0.95;    // of the cells that are there
constexpr uint64_t kEnoughCells = 50;  // fewer may be new by chance

}  // namespace

void CountUnknown(const model::Snapshot& snapshot, Dataset* block) {
  for (size_t f = 0; f < block->columns.size(); ++f) {
    const model::Vocabulary& vocabulary = snapshot.encodings[f].vocabulary;
    for (const uint64_t token : block->columns[f].tokens) {
      if (vocabulary.Lookup(token) == model::kUnknownId) ++block->columns[f].unknown;
    }
  }
}

std::vector<std::string> CellNotices(const Dataset& data) {
  std::vector<std::string> notices;
  for (size_t i = 0; i < data.columns.size(); ++i) {
    const Column& column = data.columns[i];
    const uint64_t present = data.rows - column.missing;
    if (present >= kEnoughCells &&
        static_cast<double>(column.unknown) >= kNearlyAll * static_cast<double>(present)) {
      notices.push_back(
          absl::StrFormat("column '%s': the model knows %d of its %d names: are they written as in the log "
                          "that it learnt from?",
                          data.schema.features[i].name, present - column.unknown, present));
    }
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
