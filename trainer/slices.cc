#include "trainer/slices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "data/cell.h"
#include "trainer/bootstrap.h"
#include "trainer/columns.h"
#include "trainer/evaluation.h"
#include "trainer/figures_report.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kRowsPerProgress = 16'384;
// Values that are told apart: a column with more is no column to slice by, and must not eat the memory.
constexpr size_t kMostValues = 100'000;
constexpr uint32_t kBeyond = std::numeric_limits<uint32_t>::max();  // a value after those
constexpr double kNumericShare = 0.99;                              // as in the inference of a schema
constexpr size_t kShownBytes = 60;                                  // of a value

// The cells of one column as they are read.
class CellCollector {
 public:
  void Add(std::string_view cell) {
    if (const std::optional<float> number = data::ParseNumber(cell)) {
      numbers_.push_back(*number);
      ++number_cells_;
    } else {
      numbers_.push_back(std::numeric_limits<float>::quiet_NaN());
      missing_numbers_ += data::IsMissingNumber(cell) ? 1 : 0;
    }
    const uint64_t hash = data::TokenHash(cell);
    const auto found = ids_.find(hash);
    if (found != ids_.end()) {
      value_of_.push_back(found->second);
      ++counts_[found->second];
    } else if (values_.size() < kMostValues) {
      ids_.emplace(hash, static_cast<uint32_t>(values_.size()));
      value_of_.push_back(static_cast<uint32_t>(values_.size()));
      values_.emplace_back(cell.substr(0, kShownBytes));
      if (cell.size() > kShownBytes) values_.back() += "…";
      counts_.push_back(1);
    } else {
      value_of_.push_back(kBeyond);
    }
  }

  SlicedColumn Cut(const std::string& name) const {
    const auto present = static_cast<double>(numbers_.size() - missing_numbers_);
    const bool numeric = number_cells_ > 0 && static_cast<double>(number_cells_) >= kNumericShare * present;
    return numeric && values_.size() > kMostSlices ? CutAtQuantiles(name) : CutByValue(name);
  }

 private:
  SlicedColumn CutAtQuantiles(const std::string& name) const {
    std::vector<float> ascending;
    for (const float number : numbers_) {
      if (!std::isnan(number)) ascending.push_back(number);
    }
    std::sort(ascending.begin(), ascending.end());
    std::vector<float> begins = {ascending.front()};  // of each bin
    for (size_t bin = 1; bin < kNumericSlices; ++bin) {
      const float begin = ascending[ascending.size() * bin / kNumericSlices];
      if (begin > begins.back()) begins.push_back(begin);
    }
    SlicedColumn cut;
    cut.name = name;
    for (size_t bin = 0; bin < begins.size(); ++bin) {
      cut.parts.push_back(bin + 1 < begins.size()
                              ? absl::StrFormat("%g to below %g", begins[bin], begins[bin + 1])
                              : absl::StrFormat("%g to %g", begins[bin], ascending.back()));
    }
    cut.parts.push_back(missing_numbers_ + number_cells_ == numbers_.size() ? "(missing)"
                                                                            : "(missing or no number)");
    for (const float number : numbers_) {
      const auto bin = std::upper_bound(begins.begin(), begins.end(), number) - begins.begin();
      cut.part_of.push_back(static_cast<uint8_t>(std::isnan(number) ? begins.size() : bin - 1));
    }
    return cut;
  }

  SlicedColumn CutByValue(const std::string& name) const {
    std::vector<uint32_t> by_count(values_.size());
    for (uint32_t id = 0; id < by_count.size(); ++id) by_count[id] = id;
    std::sort(by_count.begin(), by_count.end(), [this](uint32_t a, uint32_t b) {
      return counts_[a] != counts_[b] ? counts_[a] > counts_[b] : values_[a] < values_[b];
    });
    SlicedColumn cut;
    cut.name = name;
    std::vector<uint8_t> part_of_value(values_.size(), kMostSlices);
    for (const uint32_t id : by_count) {
      if (cut.parts.size() == kMostSlices || counts_[id] < kLeastSliceRows) break;
      part_of_value[id] = static_cast<uint8_t>(cut.parts.size());
      cut.parts.push_back(values_[id].empty() ? "(missing)" : values_[id]);
    }
    const auto other = static_cast<uint8_t>(cut.parts.size());
    cut.parts.push_back("(other)");
    for (const uint32_t value : value_of_) {
      cut.part_of.push_back(value == kBeyond ? other : std::min(part_of_value[value], other));
    }
    return cut;
  }

  std::vector<float> numbers_;  // [rows]; NaN: none
  size_t number_cells_ = 0;
  size_t missing_numbers_ = 0;
  std::vector<uint32_t> value_of_;  // [rows]: into values_, or kBeyond
  std::vector<std::string> values_;
  std::vector<uint64_t> counts_;  // of values_
  absl::flat_hash_map<uint64_t, uint32_t> ids_;
};

}  // namespace

absl::StatusOr<std::vector<SlicedColumn>> SliceColumns(const Sources& sources, data::Format format,
                                                       const std::vector<std::string>& columns,
                                                       std::optional<std::span<const uint32_t>> rows,
                                                       const ReadProgress& progress) {
  absl::StatusOr<std::unique_ptr<SourceReader>> opened = SourceReader::Open(sources, format);
  if (!opened.ok()) return opened.status();
  data::TableReader& reader = **opened;
  std::vector<size_t> at;
  for (const std::string& column : columns) {
    absl::StatusOr<size_t> found =
        RequireColumn(sources.ToString(), reader.columns(), column, absl::StrCat("--slice '", column, "'"));
    if (!found.ok()) return found.status();
    at.push_back(*found);
  }
  std::vector<CellCollector> collectors(columns.size());
  std::vector<std::string_view> cells;
  size_t next = 0;
  for (uint32_t row = 0; !rows || next < rows->size(); ++row) {
    absl::StatusOr<bool> more = reader.Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more && !rows) break;
    if (!*more)
      return absl::DataLossError(absl::StrCat(sources.ToString(), " has fewer rows than a moment ago"));
    if (progress && row % kRowsPerProgress == 0) progress(row, reader.bytes_read(), reader.bytes_total());
    if (rows && row != (*rows)[next]) continue;
    ++next;
    for (size_t c = 0; c < columns.size(); ++c) collectors[c].Add(cells[at[c]]);
  }
  std::vector<SlicedColumn> cut;
  for (size_t c = 0; c < columns.size(); ++c) cut.push_back(collectors[c].Cut(columns[c]));
  return cut;
}

ColumnSlices FiguresBySlice(const SlicedColumn& column, const Dataset& data, std::span<const uint32_t> rows,
                            std::span<const float> probabilities, size_t threads) {
  const size_t parts = column.parts.size();
  const size_t heads = data.labels.size();
  ColumnSlices sliced;
  sliced.column = column.name;
  for (const std::string& part : column.parts) sliced.slices.push_back({part, {}});
  for (size_t head = 0; head < heads; ++head) {
    std::vector<HeadRows> of_part(parts);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (data.labels[head][rows[i]] == kUnknownLabel) continue;
      HeadRows& part = of_part[column.part_of[i]];
      part.probabilities.push_back(probabilities[i * heads + head]);
      part.labels.push_back(data.labels[head][rows[i]]);
    }
    for (size_t p = 0; p < parts; ++p) {
      HeadFigures figures = ComputeFigures(of_part[p].probabilities, of_part[p].labels);
      figures.intervals = ComputeIntervals(of_part[p].probabilities, of_part[p].labels, figures, threads);
      sliced.slices[p].figures.push_back(figures);
    }
  }
  std::erase_if(sliced.slices, [](const Slice& slice) {
    return std::all_of(slice.figures.begin(), slice.figures.end(),
                       [](const HeadFigures& figures) { return figures.rows == 0; });
  });
  return sliced;
}

nlohmann::ordered_json SlicesToJson(const std::vector<model::Head>& heads,
                                    const std::vector<ColumnSlices>& columns) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const ColumnSlices& column : columns) {
    nlohmann::ordered_json& slices = json[column.column] = nlohmann::ordered_json::array();
    for (const Slice& slice : column.slices) {
      slices.push_back({{"value", slice.name}, {"heads", FiguresToJson(heads, slice.figures)}});
    }
  }
  return json;
}

std::string SlicesToTables(const std::vector<model::Head>& heads, const std::vector<ColumnSlices>& columns) {
  std::string tables;
  for (const ColumnSlices& column : columns) {
    for (size_t head = 0; head < heads.size(); ++head) {
      std::vector<std::string> names;
      std::vector<HeadFigures> figures;
      for (const Slice& slice : column.slices) {
        names.push_back(slice.name);
        figures.push_back(slice.figures[head]);
        figures.back().intervals = {};  // a line each, for people; --json has them
      }
      absl::StrAppend(&tables, "\n", heads[head].name, " by ", column.column, "\n",
                      FiguresToTable(names, "value", figures));
    }
  }
  return tables;
}

}  // namespace adscore::trainer
