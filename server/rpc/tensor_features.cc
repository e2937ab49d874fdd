#include "server/rpc/tensor_features.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "data/cell.h"
#include "server/rpc/tensor_columns.h"

namespace adscore::server {
namespace {

using model::Feature;
using model::FeatureKind;
using model::FeatureRole;

std::string Named(std::string_view name) {
  return absl::StrCat("input '", std::string(name.substr(0, 100)), "'");
}

absl::Status UnknownName(std::string_view name, const model::Schema& schema) {
  const std::string names =
      absl::StrJoin(schema.features, ", ", [](std::string* text, const Feature& f) { text->append(f.name); });
  return absl::InvalidArgumentError(absl::StrCat(
      Named(name), ": the model has no such feature; it has ", names,
      IsDense(schema)
          ? absl::StrCat("; or all of them in this order in one input '", std::string(kAllFeatures), "'")
          : std::string()));
}

absl::Status CheckElement(const Feature& feature, const TensorView& tensor) {
  const bool is_real = tensor.element == Element::kFp32 || tensor.element == Element::kFp64;
  if (feature.kind == FeatureKind::kNumeric) {
    if (!tensor.IsText()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(Named(tensor.name), ": a numeric feature; expected numbers (FP32, say), got BYTES"));
  }
  if (!is_real && tensor.element != Element::kBool) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Named(tensor.name), ": a ", ToString(feature.kind),
                                                 " feature; expected BYTES or whole numbers, got ",
                                                 ToString(tensor.element)));
}

absl::Status CheckWidth(const Feature& feature, const TensorView& tensor) {
  if (feature.kind == FeatureKind::kMultiCategorical) {
    // One string of many values that stands for thousands would take as long, and as much memory, as
    // thousands of them.
    if (tensor.values == tensor.rows * tensor.width) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(Named(tensor.name), ": expected all of its ",
                                                   tensor.rows * tensor.width, " values, got ",
                                                   tensor.values));
  }
  if (tensor.width == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Named(tensor.name), ": shape: expected [", tensor.rows,
                                                 "] or [", tensor.rows, ", 1], got ", tensor.width,
                                                 " elements per row"));
}

void AppendMissing(const Feature& feature, size_t rows, model::RawStorage* to) {
  switch (feature.kind) {
    case FeatureKind::kNumeric:
      to->numeric.insert(to->numeric.end(), rows, std::numeric_limits<float>::quiet_NaN());
      return;
    case FeatureKind::kCategorical:
      to->categorical.insert(to->categorical.end(), rows, data::kMissingToken);
      return;
    case FeatureKind::kMultiCategorical:
      to->multi_count.insert(to->multi_count.end(), rows, 0);
      return;
  }
}

void AppendRows(const Feature& feature, const TensorView& tensor, size_t column, model::RawStorage* to) {
  switch (feature.kind) {
    case FeatureKind::kNumeric:
      return AppendNumbers(tensor, column, &to->numeric);
    case FeatureKind::kCategorical:
      return AppendTokens(tensor, &to->categorical);
    case FeatureKind::kMultiCategorical:
      return AppendTokenLists(tensor, feature.delimiter, &to->multi_count, &to->multi);
  }
}

bool SameNumber(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// The first row of the single feature in `rows` that differs from row 0.
std::optional<size_t> FirstDifferent(const model::RawStorage& rows) {
  for (size_t r = 1; r < rows.numeric.size(); ++r) {
    if (!SameNumber(rows.numeric[r], rows.numeric[0])) return r;
  }
  for (size_t r = 1; r < rows.categorical.size(); ++r) {
    if (rows.categorical[r] != rows.categorical[0]) return r;
  }
  size_t begin = 0;
  for (size_t r = 1; r < rows.multi_count.size(); ++r) {
    begin += rows.multi_count[r - 1];
    const auto first = rows.multi.begin();
    if (rows.multi_count[r] != rows.multi_count[0] ||
        !std::equal(first, first + rows.multi_count[0], first + static_cast<ptrdiff_t>(begin))) {
      return r;
    }
  }
  return std::nullopt;
}

void AppendFirst(const model::RawStorage& rows, model::RawStorage* to) {
  if (!rows.numeric.empty()) to->numeric.push_back(rows.numeric[0]);
  if (!rows.categorical.empty()) to->categorical.push_back(rows.categorical[0]);
  if (rows.multi_count.empty()) return;
  to->multi_count.push_back(rows.multi_count[0]);
  to->multi.insert(to->multi.end(), rows.multi.begin(), rows.multi.begin() + rows.multi_count[0]);
}

// The tensor that holds all features of a dense model, if that is what came.
const TensorView* AllFeatures(std::span<const TensorView> tensors, const model::Schema& schema,
                              bool any_name) {
  if (tensors.size() != 1 || (!any_name && tensors[0].name != kAllFeatures)) return nullptr;
  return IsDense(schema) && schema.Find(tensors[0].name) == nullptr ? &tensors[0] : nullptr;
}

constexpr size_t kKeptBytes = 512 << 10;

template <typename T>
void TrimVector(std::vector<T>* vector) {
  if (vector->capacity() * sizeof(T) > kKeptBytes) std::vector<T>().swap(*vector);
}

void TrimStorage(model::RawStorage* storage) {
  TrimVector(&storage->numeric);
  TrimVector(&storage->categorical);
  TrimVector(&storage->multi_count);
  TrimVector(&storage->multi);
}

}  // namespace

bool IsDense(const model::Schema& schema) {
  return std::all_of(schema.features.begin(), schema.features.end(),
                     [](const Feature& feature) { return feature.kind == FeatureKind::kNumeric; });
}

absl::Status TensorDecoder::Decode(std::span<const TensorView> tensors, const model::Schema& schema,
                                   size_t rows, bool any_name, model::Impression* impression) {
  context_.Clear();
  candidates_.Clear();
  if (tensors.empty()) {
    return absl::InvalidArgumentError(
        "inputs: none; the number of candidates follows from them, so one at least is required");
  }
  const size_t features = schema.features.size();
  const TensorView* all = AllFeatures(tensors, schema, any_name);
  if (all == nullptr) {
    absl::Status status = Match(tensors, schema);
    if (!status.ok()) return status;
  } else if (all->width != features) {
    return absl::InvalidArgumentError(absl::StrCat(Named(all->name), ": shape: expected [", all->rows, ", ",
                                                   features, "], one column per feature, got ", all->width,
                                                   " elements per row"));
  }
  for (size_t f = 0; f < features; ++f) {
    const Feature& feature = schema.features[f];
    const TensorView* tensor = all == nullptr ? given_[f] : all;
    if (tensor != nullptr) {
      absl::Status status = CheckElement(feature, *tensor);
      if (status.ok() && all == nullptr) status = CheckWidth(feature, *tensor);
      if (!status.ok()) return status;
    }
    absl::Status status = feature.role == FeatureRole::kContext
                              ? AppendContext(feature, tensor, all == nullptr ? 0 : f, rows)
                              : AppendCandidates(feature, tensor, all == nullptr ? 0 : f, rows);
    if (!status.ok()) return status;
  }
  impression->context = context_.View(1);
  impression->candidates = candidates_.View(rows);
  absl::Status status = model::CheckColumns(schema, FeatureRole::kContext, impression->context);
  status.Update(model::CheckColumns(schema, FeatureRole::kCandidate, impression->candidates));
  return status;
}

// Clients send features in the schema's order, as a rule: so the next one is looked at first.
absl::Status TensorDecoder::Match(std::span<const TensorView> tensors, const model::Schema& schema) {
  given_.assign(schema.features.size(), nullptr);
  size_t next = 0;
  for (const TensorView& tensor : tensors) {
    size_t f = next;
    if (f == schema.features.size() || schema.features[f].name != tensor.name) {
      const Feature* feature = schema.Find(tensor.name);
      if (feature == nullptr) return UnknownName(tensor.name, schema);
      f = static_cast<size_t>(feature - schema.features.data());
    }
    if (given_[f] != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(Named(tensor.name), ": is there twice"));
    }
    given_[f] = &tensor;
    next = f + 1;
  }
  return absl::OkStatus();
}

absl::Status TensorDecoder::AppendCandidates(const Feature& feature, const TensorView* tensor, size_t column,
                                             size_t rows) {
  if (tensor == nullptr) {
    AppendMissing(feature, rows, &candidates_);
    return absl::OkStatus();
  }
  if (tensor->rows != rows) {
    return absl::InvalidArgumentError(absl::StrCat(Named(tensor->name), ": shape: expected ", rows,
                                                   " rows, one per candidate, as another input has; got ",
                                                   tensor->rows));
  }
  AppendRows(feature, *tensor, column, &candidates_);
  return absl::OkStatus();
}

absl::Status TensorDecoder::AppendContext(const Feature& feature, const TensorView* tensor, size_t column,
                                          size_t rows) {
  if (tensor == nullptr) {
    AppendMissing(feature, 1, &context_);
    return absl::OkStatus();
  }
  if (tensor->rows == 1) {
    AppendRows(feature, *tensor, column, &context_);
    return absl::OkStatus();
  }
  if (tensor->rows != rows) {
    return absl::InvalidArgumentError(absl::StrCat(Named(tensor->name), ": shape: expected 1 row, or ", rows,
                                                   " as another input has; got ", tensor->rows));
  }
  repeated_.Clear();
  AppendRows(feature, *tensor, column, &repeated_);
  if (const std::optional<size_t> row = FirstDifferent(repeated_)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Named(tensor->name), ": '", feature.name,
                     "' is a context feature, the same for all candidates of a request, but rows 0 and ",
                     *row, " differ; send it once, with shape [1], and another context in another request"));
  }
  AppendFirst(repeated_, &context_);
  return absl::OkStatus();
}

void TensorDecoder::Trim() {
  TrimStorage(&context_);
  TrimStorage(&candidates_);
  TrimStorage(&repeated_);
}

}  // namespace adscore::server
