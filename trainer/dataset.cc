#include "trainer/dataset.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "data/cell.h"
#include "data/utf8.h"

namespace adscore::trainer {
namespace {

// Calls visit(feature, column) for the features of one role, in schema order.
template <typename Visit>
void ForEachOfRole(const Dataset& dataset, model::FeatureRole role, const Visit& visit) {
  for (size_t i = 0; i < dataset.columns.size(); ++i) {
    const model::Feature& feature = dataset.schema.features[i];
    if (feature.role == role) visit(feature, dataset.columns[i]);
  }
}

void Clear(RawStorage* storage) {
  storage->numeric.clear();
  storage->categorical.clear();
  storage->multi_count.clear();
  storage->multi.clear();
}

model::RawColumns ViewOf(const RawStorage& storage, size_t rows) {
  return {.rows = rows,
          .numeric = storage.numeric,
          .categorical = storage.categorical,
          .multi_count = storage.multi_count,
          .multi = storage.multi};
}

}  // namespace

model::RawColumns Dataset::Slice(model::FeatureRole role, size_t first, size_t count,
                                 RawStorage* storage) const {
  Clear(storage);
  const auto append = [first, count](const auto& from, auto* to) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(first);
    to->insert(to->end(), begin, begin + static_cast<std::ptrdiff_t>(count));
  };
  ForEachOfRole(*this, role, [&](const model::Feature& feature, const Column& column) {
    switch (feature.kind) {
      case model::FeatureKind::kNumeric:
        append(column.numeric, &storage->numeric);
        break;
      case model::FeatureKind::kCategorical:
        append(column.tokens, &storage->categorical);
        break;
      case model::FeatureKind::kMultiCategorical: {
        append(column.multi_count, &storage->multi_count);
        const auto at = [&column](size_t row) {
          return column.multi.begin() + static_cast<std::ptrdiff_t>(row < column.multi_begin.size()
                                                                        ? column.multi_begin[row]
                                                                        : column.multi.size());
        };
        storage->multi.insert(storage->multi.end(), at(first), at(first + count));
        break;
      }
    }
  });
  return ViewOf(*storage, count);
}

model::RawColumns Dataset::Gather(model::FeatureRole role, std::span<const uint32_t> row_ids,
                                  RawStorage* storage) const {
  Clear(storage);
  ForEachOfRole(*this, role, [&](const model::Feature& feature, const Column& column) {
    switch (feature.kind) {
      case model::FeatureKind::kNumeric:
        for (const uint32_t row : row_ids) storage->numeric.push_back(column.numeric[row]);
        break;
      case model::FeatureKind::kCategorical:
        for (const uint32_t row : row_ids) storage->categorical.push_back(column.tokens[row]);
        break;
      case model::FeatureKind::kMultiCategorical:
        for (const uint32_t row : row_ids) {
          const auto begin = column.multi.begin() + static_cast<std::ptrdiff_t>(column.multi_begin[row]);
          storage->multi_count.push_back(column.multi_count[row]);
          storage->multi.insert(storage->multi.end(), begin, begin + column.multi_count[row]);
        }
        break;
    }
  });
  return ViewOf(*storage, row_ids.size());
}

void Dataset::AppendLabelsAndCounts(const Dataset& more) {
  if (rows == 0) {
    schema = more.schema;
    columns.resize(more.columns.size());
    labels.resize(more.labels.size());
  }
  rows += more.rows;
  weights.insert(weights.end(), more.weights.begin(), more.weights.end());
  times.insert(times.end(), more.times.begin(), more.times.end());
  for (size_t f = 0; f < columns.size(); ++f) columns[f].AppendCounts(more.columns[f]);
  for (size_t h = 0; h < labels.size(); ++h) {
    labels[h].insert(labels[h].end(), more.labels[h].begin(), more.labels[h].end());
  }
}

bool HasUnknownLabels(const Dataset& data) {
  return std::any_of(data.labels.begin(), data.labels.end(), [](const std::vector<uint8_t>& labels) {
    return std::find(labels.begin(), labels.end(), kUnknownLabel) != labels.end();
  });
}

absl::StatusOr<const Column*> Dataset::Cells(size_t feature, size_t block, Column* buffer) const {
  if (cache == nullptr) return &columns[feature];
  if (absl::Status read = cache->Read(block, feature, buffer); !read.ok()) return read;
  return buffer;
}

absl::Status ForEachBlock(const Dataset& data, std::span<const uint32_t> rows, const BlockVisit& visit) {
  if (data.cache == nullptr) return visit(data, rows, 0);
  Dataset in_memory;
  in_memory.schema = data.schema;
  in_memory.columns.resize(data.columns.size());
  std::vector<uint32_t> local;
  for (size_t block = 0; block < data.blocks() && !rows.empty(); ++block) {
    const size_t begin = data.BlockBegin(block);
    const size_t end = data.BlockEnd(block);
    local.clear();
    for (const uint32_t row : rows) {
      if (row >= end) break;
      local.push_back(static_cast<uint32_t>(row - begin));
    }
    if (local.empty()) continue;
    rows = rows.subspan(local.size());
    in_memory.rows = end - begin;
    for (size_t f = 0; f < in_memory.columns.size(); ++f) {
      absl::Status read = data.cache->Read(block, f, &in_memory.columns[f]);
      if (!read.ok()) return read;
    }
    if (absl::Status visited = visit(in_memory, local, begin); !visited.ok()) return visited;
  }
  return absl::OkStatus();
}

absl::StatusOr<Dataset> TakeRows(const Dataset& data, std::span<const uint32_t> rows) {
  Dataset taken;
  taken.schema = data.schema;
  taken.rows = rows.size();
  taken.columns.resize(data.columns.size());
  for (size_t f = 0; f < taken.columns.size(); ++f) {
    absl::Status read = ForEachCell(data, f, rows, [&](const Column& column, size_t local, uint32_t) {
      taken.columns[f].AppendRow(column, local);
    });
    if (!read.ok()) return read;
  }
  for (const std::vector<uint8_t>& labels : data.labels) {
    std::vector<uint8_t>& of = taken.labels.emplace_back();
    for (const uint32_t row : rows) of.push_back(labels[row]);
  }
  if (!data.weights.empty()) {
    for (const uint32_t row : rows) taken.weights.push_back(data.weights[row]);
  }
  return taken;
}

absl::StatusOr<std::vector<model::Label>> ParseLabels(std::string_view flag) {
  if (!data::IsUtf8(flag)) {
    return absl::InvalidArgumentError(absl::StrCat("--label '", absl::CHexEscape(std::string(flag)),
                                                   "' is not UTF-8; save the file as UTF-8, and use a "
                                                   "terminal that writes it"));
  }
  std::vector<model::Label> labels;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(std::string(flag), ','))) {
    const size_t equals = part.find('=');
    model::Label label;
    label.column = data::Trim(std::string_view(part).substr(0, equals));
    if (equals != std::string::npos) label.positive = data::Trim(std::string_view(part).substr(equals + 1));
    if (label.column.empty() || (equals != std::string::npos && label.positive.empty())) {
      return absl::InvalidArgumentError(
          absl::StrCat("--label '", std::string(flag),
                       "' has an empty part; write COLUMN or COLUMN=POSITIVE, with "
                       "commas between labels"));
    }
    for (const model::Label& other : labels) {
      if (other.column == label.column) {
        return absl::InvalidArgumentError(absl::StrCat("--label names '", label.column, "' twice"));
      }
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

}  // namespace adscore::trainer
