// The figures of parts of the rows: by the values of a column of the file, which need not be a feature. A
// model that is right on the whole can be wrong for one site or one hour.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/snapshot.h"
#include "trainer/dataset_reader.h"
#include "trainer/metrics.h"
#include "trainer/sources.h"

namespace adscore::trainer {

inline constexpr size_t kMostSlices = 20;      // of a column; the values with the fewest rows are gathered
inline constexpr size_t kLeastSliceRows = 50;  // with fewer, a figure says nothing
inline constexpr size_t kNumericSlices = 10;   // quantile bins of a column of numbers

// A column cut into parts.
struct SlicedColumn {
  std::string name;
  std::vector<std::string> parts;  // what they are called; values first, by falling count, or bins ascending
  std::vector<uint8_t> part_of;    // [rows that were cut]
};

// Cuts columns of a log: over all its rows, or over `rows`, ascending ids of some of them. A column of
// numbers with more than kMostSlices of them is cut at its quantiles, any other by value: the kMostSlices
// most frequent ones with at least kLeastSliceRows rows stand alone, and "(other)" gathers the rest; empty
// cells are
// "(missing)". InvalidArgument if a column is not there: the message lists those that are.
absl::StatusOr<std::vector<SlicedColumn>> SliceColumns(const Sources& sources, data::Format format,
                                                       const std::vector<std::string>& columns,
                                                       std::optional<std::span<const uint32_t>> rows,
                                                       const ReadProgress& progress);

struct Slice {
  std::string name;
  std::vector<HeadFigures> figures;  // by head, with intervals
};
struct ColumnSlices {
  std::string column;
  std::vector<Slice> slices;
};

// The figures of each part that has rows. probabilities: [rows][heads]; labels: those of all rows of `data`,
// of which `rows` are scored. `column` was cut over the same rows.
ColumnSlices FiguresBySlice(const SlicedColumn& column, const Dataset& data, std::span<const uint32_t> rows,
                            std::span<const float> probabilities, size_t threads);

// {"site": [{"value": "s1", "heads": {"click": {…}}}, …], …}.
nlohmann::ordered_json SlicesToJson(const std::vector<model::Head>& heads,
                                    const std::vector<ColumnSlices>& columns);

// A table for each column and head.
std::string SlicesToTables(const std::vector<model::Head>& heads, const std::vector<ColumnSlices>& columns);

}  // namespace adscore::trainer
