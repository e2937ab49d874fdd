#include "trainer/block_reader.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "data/cell.h"
#include "data/date_time.h"
#include "trainer/columns.h"
#include "trainer/label_values.h"
#include "trainer/label_window.h"

namespace adscore::trainer {
namespace {

// Which cell of a row each feature of `schema` is.
absl::StatusOr<std::vector<size_t>> FindFeatures(const std::string& path,
                                                 const std::vector<std::string>& names,
                                                 const model::Schema& schema) {
  std::vector<size_t> found;
  for (const model::Feature& feature : schema.features) {
    absl::StatusOr<size_t> cell =
        RequireColumn(path, names, feature.Column(), absl::StrCat("feature '", feature.name, "'"));
    if (!cell.ok()) return cell.status();
    found.push_back(*cell);
  }
  return found;
}

// The same for the labels; nothing if the file has none of them and needs none.
absl::StatusOr<std::vector<size_t>> FindLabels(const std::string& path, const std::vector<std::string>& names,
                                               const std::vector<model::Label>& labels, bool required,
                                               const model::Schema& schema) {
  std::vector<size_t> found;
  const bool any = std::any_of(labels.begin(), labels.end(), [&names](const model::Label& label) {
    return FindColumn(names, label.column).has_value();
  });
  if (!any && !required) return found;
  for (const model::Label& label : labels) {
    const std::string what = absl::StrCat("label '", label.column, "'");
    absl::StatusOr<size_t> cell = RequireColumn(path, names, label.column, what);
    if (!cell.ok()) return cell.status();
    if (std::any_of(schema.features.begin(), schema.features.end(),
                    [&](const model::Feature& feature) { return feature.Column() == label.column; })) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, " is also a feature of the schema, which would give the answer away; remove it there"));
    }
    found.push_back(*cell);
  }
  return found;
}

// False if the cell has no value.
bool AppendCell(std::string_view cell, const model::Feature& feature, Column* column) {
  switch (feature.kind) {
    case model::FeatureKind::kNumeric: {
      const float number = data::NumberOrNan(cell);
      const bool missing = std::isnan(number);
      if (missing) {
        ++column->missing;
        if (!cell.empty() && !data::IsMissingNumber(cell) && column->unparsable++ == 0) {
          column->first_unparsable = cell.substr(0, 40);
        }
      }
      column->numeric.push_back(number);
      return !missing;
    }
    case model::FeatureKind::kCategorical:
      if (feature.part != model::DatePart::kNone) {
        cell = data::DatePartToken(
            cell, feature.part == model::DatePart::kHour ? data::DatePart::kHour : data::DatePart::kWeekday);
      }
      column->missing += cell.empty() ? 1 : 0;
      column->tokens.push_back(data::TokenHash(cell));
      return !cell.empty();
    case model::FeatureKind::kMultiCategorical: {
      const size_t begin = column->multi.size();
      data::AppendTokenHashes(cell, feature.delimiter, &column->multi);
      const size_t count = column->multi.size() - begin;
      column->missing += count == 0 ? 1 : 0;
      column->multi_begin.push_back(begin);
      column->multi_count.push_back(static_cast<uint32_t>(count));
      return count > 0;
    }
  }
  return false;
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

}  // namespace

absl::StatusOr<std::unique_ptr<BlockReader>> BlockReader::Open(const Sources& sources, data::Format format,
                                                               const model::Schema& schema,
                                                               const std::vector<model::Label>& labels,
                                                               bool labels_required,
                                                               const std::string& time_column) {
  absl::StatusOr<std::unique_ptr<SourceReader>> table = SourceReader::Open(sources, format);
  if (!table.ok()) return table.status();
  const std::string& path = sources.list().front().path;
  const std::vector<std::string>& names = (*table)->columns();
  absl::StatusOr<std::vector<size_t>> features = FindFeatures(path, names, schema);
  if (!features.ok()) return features.status();
  absl::StatusOr<std::vector<size_t>> label_cells = FindLabels(path, names, labels, labels_required, schema);
  if (!label_cells.ok()) return label_cells.status();
  std::optional<size_t> time_cell;
  if (!time_column.empty()) {
    const absl::StatusOr<size_t> cell =
        RequireColumn(path, names, time_column, absl::StrCat("--label-time ", time_column));
    if (!cell.ok()) return cell.status();
    time_cell = *cell;
  }
  std::unique_ptr<BlockReader> reader(new BlockReader);
  reader->format_ = format;
  reader->schema_ = schema;
  reader->labels_ = labels;
  reader->labels_required_ = labels_required;
  reader->weighted_ = sources.weighted();
  reader->table_ = *std::move(table);
  reader->feature_cells_ = *std::move(features);
  reader->label_cells_ = *std::move(label_cells);
  reader->time_cell_ = time_cell;
  return reader;
}

absl::StatusOr<bool> BlockReader::Next(size_t rows, Dataset* block) {
  if (block->columns.empty()) {
    block->schema = schema_;
    block->columns.resize(feature_cells_.size());
    // A cell has a byte at least, with what ends it: a small log gets no more memory than it can fill. Where
    // a compressed one has more rows than that, its columns grow as they are read.
    const size_t most = std::min<uint64_t>(rows, table_->bytes_total() / table_->columns().size() + 1);
    for (size_t f = 0; f < feature_cells_.size(); ++f) {
      block->columns[f].Reserve(schema_.features[f].kind, most);
    }
    block->labels.resize(label_cells_.size());
  }
  for (Column& column : block->columns) column.Clear();
  for (std::vector<uint8_t>& labels : block->labels) labels.clear();
  block->weights.clear();
  block->times.clear();
  for (block->rows = 0; block->rows < rows; ++block->rows) {
    absl::StatusOr<bool> more = table_->Next(&cells_);
    if (!more.ok()) return more.status();
    if (!*more) break;
    for (size_t f = 0; f < feature_cells_.size(); ++f) {
      const model::Feature& feature = schema_.features[f];
      const bool there = AppendCell(cells_[feature_cells_[f]], feature, &block->columns[f]);
      if (!there && feature.missing == model::MissingRule::kRefuse &&
          feature.kind == model::FeatureKind::kNumeric) {
        return absl::InvalidArgumentError(
            absl::StrCat(table_->source().path, ":", table_->line(), ": feature '", feature.name,
                         "' is missing, and its schema says that such rows have no answer (\"missing\": "
                         "\"refuse\"): complete the row, or take it out"));
      }
    }
    for (size_t i = 0; i < label_cells_.size(); ++i) {
      const std::string_view cell = cells_[label_cells_[i]];
      const std::optional<bool> positive = IsPositive(labels_[i], cell);
      if (!positive)
        return BadLabel(table_->source().path, format_, table_->line(), labels_[i], cell, labels_required_);
      block->labels[i].push_back(*positive ? 1 : 0);
    }
    if (time_cell_) {
      const std::string_view cell = cells_[*time_cell_];
      const std::optional<int64_t> time = ParseRowTime(cell);
      if (!time) {
        return absl::InvalidArgumentError(absl::StrCat(
            table_->source().path, ":", table_->line(), ": --label-time ", table_->columns()[*time_cell_],
            " is '", std::string(cell.substr(0, 40)),
            "', which is no date, no time and no number of seconds: correct it, or take the row out"));
      }
      block->times.push_back(*time);
    }
    if (weighted_) block->weights.push_back(table_->source().weight);
  }
  return block->rows > 0;
}

}  // namespace adscore::trainer
