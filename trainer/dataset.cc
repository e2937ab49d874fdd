#include "trainer/dataset.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "data/cell.h"
#include "data/date_time.h"
#include "data/utf8.h"
#include "trainer/columns.h"
#include "trainer/label_values.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kRowsPerProgress = 16'384;
constexpr uint64_t kMaxRows = std::numeric_limits<uint32_t>::max();  // row ids have 32 bits

// Where the cells of one column of the file go.
struct FeatureCells {
  size_t cell = 0;
  const model::Feature* feature = nullptr;
  Column* column = nullptr;
};
struct LabelCells {
  size_t cell = 0;
  const model::Label* label = nullptr;
  std::vector<uint8_t>* values = nullptr;
};

// Where the columns of `dataset->schema` lie in the file. Points into `dataset`.
absl::StatusOr<std::vector<FeatureCells>> FindFeatures(const std::string& path,
                                                       const std::vector<std::string>& names,
                                                       Dataset* dataset) {
  dataset->columns.resize(dataset->schema.features.size());
  std::vector<FeatureCells> found;
  for (size_t i = 0; i < dataset->columns.size(); ++i) {
    const model::Feature& feature = dataset->schema.features[i];
    const std::string what = absl::StrCat("feature '", feature.name, "'");
    absl::StatusOr<size_t> cell = RequireColumn(path, names, feature.Column(), what);
    if (!cell.ok()) return cell.status();
    found.push_back({*cell, &feature, &dataset->columns[i]});
  }
  return found;
}

// The same for the labels; nothing if the file has none of them and needs none.
absl::StatusOr<std::vector<LabelCells>> FindLabels(const std::string& path,
                                                   const std::vector<std::string>& names,
                                                   const std::vector<model::Label>& labels, bool required,
                                                   Dataset* dataset) {
  std::vector<LabelCells> found;
  const bool any = std::any_of(labels.begin(), labels.end(), [&names](const model::Label& label) {
    return FindColumn(names, label.column).has_value();
  });
  if (!any && !required) return found;
  dataset->labels.resize(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::string what = absl::StrCat("label '", labels[i].column, "'");
    absl::StatusOr<size_t> cell = RequireColumn(path, names, labels[i].column, what);
    if (!cell.ok()) return cell.status();
    const std::vector<model::Feature>& features = dataset->schema.features;
    if (std::any_of(features.begin(), features.end(),
                    [&](const model::Feature& feature) { return feature.Column() == labels[i].column; })) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, " is also a feature of the schema, which would give the answer away; remove it there"));
    }
    found.push_back({*cell, &labels[i], &dataset->labels[i]});
  }
  return found;
}

void AppendCell(std::string_view cell, const model::Feature& feature, Column* column) {
  switch (feature.kind) {
    case model::FeatureKind::kNumeric: {
      const std::optional<float> number = data::ParseNumber(cell);
      if (!number) {
        ++column->missing;
        if (!data::IsMissingNumber(cell) && column->unparsable++ == 0) {
          column->first_unparsable = cell.substr(0, 40);
        }
      }
      column->numeric.push_back(number.value_or(std::numeric_limits<float>::quiet_NaN()));
      return;
    }
    case model::FeatureKind::kCategorical:
      if (feature.part != model::DatePart::kNone) {
        cell = data::DatePartToken(
            cell, feature.part == model::DatePart::kHour ? data::DatePart::kHour : data::DatePart::kWeekday);
      }
      column->missing += cell.empty() ? 1 : 0;
      column->tokens.push_back(data::TokenHash(cell));
      return;
    case model::FeatureKind::kMultiCategorical: {
      const size_t begin = column->multi.size();
      data::AppendTokenHashes(cell, feature.delimiter, &column->multi);
      const size_t count = column->multi.size() - begin;
      column->missing += count == 0 ? 1 : 0;
      column->multi_begin.push_back(begin);
      column->multi_count.push_back(static_cast<uint32_t>(count));
      return;
    }
  }
}

// `retry` says that the caller can be told which value is the positive one, as fit can; evaluate goes by the
// snapshot.
absl::Status BadLabel(const std::string& path, data::Format format, uint64_t line, const model::Label& label,
                      std::string_view cell, bool retry) {
  const std::string advice =
      retry ? absl::StrCat("its values are ", DescribeLabelValues(path, format, label.column),
                           ": name the one that counts as positive with --label ", label.column, "=VALUE")
            : std::string(
                  "the snapshot was fitted to such cells and expects them: correct the file, or leave the "
                  "label columns out of it to get predictions only");
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", line, ": label '", label.column, "' is '", std::string(cell.substr(0, 40)),
                   "', which is neither 1/true/yes/y/t nor 0/false/no/n/f; ", advice));
}

// Room for all rows of the file at once, judging by the first ones, so that no column is copied as it grows.
void Reserve(uint64_t rows, Dataset* dataset) {
  for (size_t i = 0; i < dataset->columns.size(); ++i) {
    Column& column = dataset->columns[i];
    switch (dataset->schema.features[i].kind) {
      case model::FeatureKind::kNumeric:
        column.numeric.reserve(rows);
        break;
      case model::FeatureKind::kCategorical:
        column.tokens.reserve(rows);
        break;
      case model::FeatureKind::kMultiCategorical:
        column.multi_begin.reserve(rows);
        column.multi_count.reserve(rows);
        column.multi.reserve(column.multi.size() * rows / std::max<uint64_t>(dataset->rows, 1));
        break;
    }
  }
  for (std::vector<uint8_t>& label : dataset->labels) label.reserve(rows);
}

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

absl::StatusOr<Dataset> ReadDataset(const std::string& path, data::Format format, const model::Schema& schema,
                                    const std::vector<model::Label>& labels, bool labels_required,
                                    const ReadProgress& progress) {
  absl::StatusOr<std::unique_ptr<data::TableReader>> opened = data::TableReader::Open(path, format);
  if (!opened.ok()) return opened.status();
  data::TableReader& reader = **opened;

  Dataset dataset;
  dataset.schema = schema;
  absl::StatusOr<std::vector<FeatureCells>> features = FindFeatures(path, reader.columns(), &dataset);
  if (!features.ok()) return features.status();
  absl::StatusOr<std::vector<LabelCells>> label_cells =
      FindLabels(path, reader.columns(), labels, labels_required, &dataset);
  if (!label_cells.ok()) return label_cells.status();

  std::vector<std::string_view> cells;
  while (true) {
    absl::StatusOr<bool> more = reader.Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (dataset.rows == kMaxRows) {
      return absl::InvalidArgumentError(absl::StrCat(path, " has more than ", kMaxRows, " rows; split it"));
    }
    for (const FeatureCells& to : *features) AppendCell(cells[to.cell], *to.feature, to.column);
    for (const LabelCells& to : *label_cells) {
      const std::optional<bool> positive = IsPositive(*to.label, cells[to.cell]);
      if (!positive) {
        return BadLabel(path, format, reader.line(), *to.label, cells[to.cell], labels_required);
      }
      to.values->push_back(*positive ? 1 : 0);
    }
    ++dataset.rows;
    if (dataset.rows == kRowsPerProgress) {
      const double share =
          static_cast<double>(reader.bytes_read()) / static_cast<double>(reader.bytes_total());
      Reserve(static_cast<uint64_t>(static_cast<double>(dataset.rows) / share * 1.05), &dataset);
    }
    if (progress && dataset.rows % kRowsPerProgress == 0) {
      progress(dataset.rows, reader.bytes_read(), reader.bytes_total());
    }
  }
  if (dataset.rows == 0) return absl::InvalidArgumentError(absl::StrCat(path, " has a header but no rows"));
  if (progress) progress(dataset.rows, reader.bytes_read(), reader.bytes_total());
  return dataset;
}

absl::StatusOr<uint64_t> CountRows(const std::string& path, data::Format format,
                                   const ReadProgress& progress) {
  absl::StatusOr<std::unique_ptr<data::TableReader>> reader = data::TableReader::Open(path, format);
  if (!reader.ok()) return reader.status();
  std::vector<std::string_view> cells;
  for (uint64_t rows = 0;; ++rows) {
    absl::StatusOr<bool> more = (*reader)->Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    if (rows % kRowsPerProgress == 0) progress(rows, (*reader)->bytes_read(), (*reader)->bytes_total());
  }
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
