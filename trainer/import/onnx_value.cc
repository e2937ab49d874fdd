#include "trainer/import/onnx_value.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

// Where the elements of `shape` lie when it is spread to `to`: 0 for an axis of one element.
std::vector<size_t> Strides(const std::vector<int64_t>& shape, const std::vector<int64_t>& to) {
  std::vector<size_t> strides(to.size(), 0);
  size_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i + to.size() - shape.size()] = shape[i] == 1 ? 0 : stride;
    stride *= static_cast<size_t>(shape[i]);
  }
  return strides;
}

std::vector<size_t> Indices(const std::vector<int64_t>& shape, const std::vector<int64_t>& to, size_t count) {
  const std::vector<size_t> strides = Strides(shape, to);
  std::vector<size_t> indices(count);
  for (size_t i = 0; i < count; ++i) {
    size_t rest = i;
    for (size_t axis = to.size(); axis-- > 0;) {
      indices[i] += rest % static_cast<size_t>(to[axis]) * strides[axis];
      rest /= static_cast<size_t>(to[axis]);
    }
  }
  return indices;
}

}  // namespace

absl::StatusOr<size_t> ElementCount(const std::vector<int64_t>& shape) {
  std::optional<size_t> count = 1;
  for (const int64_t size : shape) {
    if (size < 0) return absl::InvalidArgumentError(absl::StrCat("a shape of ", ShapeText(shape)));
    count = count ? WeightCount(*count, static_cast<size_t>(size)) : count;
  }
  if (!count) {
    return absl::InvalidArgumentError(
        absl::StrCat("a shape of ", ShapeText(shape), ", and ", kMostWeights, " elements are the most"));
  }
  return *count;
}

std::string ShapeText(const std::vector<int64_t>& shape, bool rows) {
  std::string text = rows ? "[rows" : "[";
  for (const int64_t size : shape) {
    absl::StrAppend(&text, text.size() > 1 ? ", " : "",
                    size == kBatch ? std::string("rows") : std::to_string(size));
  }
  return text + "]";
}

absl::StatusOr<Spread> SpreadShapes(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  Spread spread;
  spread.shape.resize(std::max(a.size(), b.size()));
  for (size_t i = 0; i < spread.shape.size(); ++i) {
    const int64_t of_a = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t of_b = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shapes ", ShapeText(a), " and ", ShapeText(b), " do not fit each other"));
    }
    spread.shape[spread.shape.size() - 1 - i] = of_a == 1 ? of_b : of_a;
  }
  const absl::StatusOr<size_t> count = ElementCount(spread.shape);
  if (!count.ok()) return count.status();
  const absl::StatusOr<size_t> of_a = ElementCount(a);
  const absl::StatusOr<size_t> of_b = ElementCount(b);
  if (!of_a.ok()) return of_a.status();
  if (!of_b.ok()) return of_b.status();
  if (*count > std::max({*of_a, *of_b, kMostComputed})) {
    return absl::InvalidArgumentError(absl::StrCat("it spreads ", ShapeText(a), " and ", ShapeText(b), " to ",
                                                   *count, " elements; ", kMostComputed, " are the most"));
  }
  spread.a = Indices(a, spread.shape, *count);
  spread.b = Indices(b, spread.shape, *count);
  return spread;
}

absl::StatusOr<size_t> AxisOf(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of ", rank, " axes"));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace adscore::trainer
