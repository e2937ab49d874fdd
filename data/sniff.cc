#include "data/sniff.h"

#include <algorithm>
#include <string>
#include <vector>

#include "data/cell.h"
#include "data/record.h"

namespace adscore::data {
namespace {

constexpr size_t kSniffedRecords = 50;

struct Fit {
  size_t columns = 0;  // cells of the header
  size_t matching =
      0;  // further records with as many cells, or one more that is empty (a trailing delimiter)
};

Fit Measure(std::string_view sample, bool whole, Dialect dialect) {
  Fit fit;
  std::vector<std::string_view> cells;
  for (size_t records = 0; records < kSniffedRecords && !sample.empty();) {
    RecordExtent extent = FindRecord(sample, dialect);
    if (extent.open || (extent.consumed > sample.size() && !whole)) break;
    std::string record(sample.substr(0, extent.size));  // splitting may change it
    sample.remove_prefix(std::min(extent.consumed, sample.size()));
    if (record.empty()) continue;
    SplitRecord(record.data(), extent, dialect, &cells);
    if (records++ == 0) {
      fit.columns = cells.size();
    } else if (cells.size() == fit.columns || (cells.size() == fit.columns + 1 && cells.back().empty())) {
      ++fit.matching;
    }
  }
  return fit;
}

}  // namespace

absl::Status CheckText(std::string_view sample) {
  if (sample.starts_with("PK\x03\x04")) {
    return absl::InvalidArgumentError("is a zip archive or a spreadsheet, not text; export it as CSV");
  }
  if (sample.starts_with("\xff\xfe") || sample.starts_with("\xfe\xff")) {
    return absl::InvalidArgumentError("is UTF-16; save it as UTF-8");
  }
  if (sample.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("is binary, not text; export it as CSV");
  }
  return absl::OkStatus();
}

bool LooksLikeCriteo(std::string_view line) {
  std::string record(line);
  std::vector<std::string_view> cells;
  SplitRecord(record.data(), {.size = record.size()}, {.delimiter = '\t', .quotes = false}, &cells);
  const bool labelled = cells.size() == kCriteoColumns && (cells[0] == "0" || cells[0] == "1");
  if (!labelled && cells.size() != kCriteoFeatures) return false;
  const auto first = cells.begin() + (labelled ? 1 : 0);
  return std::all_of(first, first + kCriteoIntegers, [](std::string_view cell) {
    return IsMissingNumber(cell) || ParseNumber(cell).has_value();
  });
}

char SniffDelimiter(std::string_view sample, bool whole) {
  char best = ',';
  Fit best_fit;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const Fit fit = Measure(sample, whole, {.delimiter = delimiter});
    if (fit.columns < 2) continue;
    if (best_fit.columns < 2 || fit.matching > best_fit.matching ||
        (fit.matching == best_fit.matching && fit.columns > best_fit.columns)) {
      best = delimiter;
      best_fit = fit;
    }
  }
  return best;
}

}  // namespace adscore::data
