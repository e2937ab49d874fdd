#include "trainer/import/onnx_elements.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

// The batch counts as one element: what happens to a row happens to all of them.
int64_t Size(int64_t size) { return size == kBatch ? 1 : size; }

absl::StatusOr<size_t> Count(const std::vector<int64_t>& shape) {
  std::vector<int64_t> sizes;
  for (const int64_t size : shape) sizes.push_back(Size(size));
  return ElementCount(sizes);
}

bool HasRows(const std::vector<int64_t>& shape) { return !shape.empty() && shape.front() == kBatch; }

absl::StatusOr<Elements> Same(const std::vector<int64_t>& from, std::vector<int64_t> shape) {
  const absl::StatusOr<size_t> before = Count(from);
  const absl::StatusOr<size_t> after = Count(shape);
  if (!before.ok()) return before.status();
  if (!after.ok()) return after.status();
  if (*before != *after) {
    return Bad(absl::StrCat("it makes ", ShapeText(shape), " of ", ShapeText(from)));
  }
  if (HasRows(from) != HasRows(shape)) {
    return Bad(absl::StrCat("it makes ", ShapeText(shape), " of ", ShapeText(from),
                            ", which mixes the rows; the first axis must stay theirs"));
  }
  Elements elements;
  elements.from.resize(*before);
  std::iota(elements.from.begin(), elements.from.end(), size_t{0});
  elements.shape = std::move(shape);
  return elements;
}

absl::StatusOr<Elements> Reshape(const OnnxNode& node, const std::vector<int64_t>& from) {
  absl::StatusOr<std::vector<int64_t>> wanted = node.Integers(1, "shape");
  if (!wanted.ok()) return wanted.status();
  std::vector<int64_t> shape = *std::move(wanted);
  const bool zero_copies = node.Int("allowzero", 0) == 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && zero_copies && i < from.size()) shape[i] = from[i];
    if (shape[i] < -1 && shape[i] != kBatch) return Bad(absl::StrCat("it makes ", ShapeText(shape)));
  }
  if (std::count(shape.begin(), shape.end(), -1) > 1) return Bad("its shape is open in two axes");
  // The first axis is the rows', whether it is said to be open, or as many as there were when it was
  // exported. Then everything else must be a row's.
  if (HasRows(from) && !shape.empty() && (shape[0] == -1 || shape[0] >= 1)) {
    std::vector<int64_t> rows = shape;
    rows[0] = kBatch;
    const absl::StatusOr<size_t> row = Count(from);
    const absl::StatusOr<size_t> rest = std::count(rows.begin(), rows.end(), -1) == 0 ? Count(rows) : row;
    if (row.ok() && rest.ok() && *row == *rest) shape = rows;
  }
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    *open = 1;
    const absl::StatusOr<size_t> all = Count(from);
    const absl::StatusOr<size_t> known = Count(shape);
    if (!all.ok()) return all.status();
    if (!known.ok()) return known.status();
    if (*known == 0 || *all % *known != 0) return Bad(absl::StrCat("it does not fit ", ShapeText(from)));
    *open = static_cast<int64_t>(*all / *known);
  }
  return Same(from, std::move(shape));
}

absl::StatusOr<Elements> Flatten(const OnnxNode& node, const std::vector<int64_t>& from) {
  const int64_t axis = node.Int("axis", 1);
  const absl::StatusOr<size_t> at =
      axis == static_cast<int64_t>(from.size()) ? from.size() : AxisOf(axis, from.size());
  if (!at.ok()) return at.status();
  const auto middle = from.begin() + static_cast<ptrdiff_t>(*at);
  const absl::StatusOr<size_t> before = Count({from.begin(), middle});
  const absl::StatusOr<size_t> after = Count({middle, from.end()});
  if (!before.ok()) return before.status();
  if (!after.ok()) return after.status();
  if (HasRows(from) && *at != 1) return Bad("it mixes the rows; supported is axis 1");
  return Same(from, {HasRows(from) ? kBatch : static_cast<int64_t>(*before), static_cast<int64_t>(*after)});
}

absl::StatusOr<Elements> Squeeze(const OnnxNode& node, const std::vector<int64_t>& from) {
  const absl::StatusOr<std::vector<int64_t>> axes = node.Integers(1, "axes");
  if (!axes.ok()) return axes.status();
  std::vector<bool> drop(from.size(), false);
  for (const int64_t axis : *axes) {
    const absl::StatusOr<size_t> at = AxisOf(axis, from.size());
    if (!at.ok()) return at.status();
    if (from[*at] != 1) return Bad(absl::StrCat("it drops an axis of ", ShapeText(from), " that is not 1"));
    drop[*at] = true;
  }
  std::vector<int64_t> shape;
  for (size_t i = 0; i < from.size(); ++i) {
    if (axes->empty() ? from[i] != 1 : !drop[i]) shape.push_back(from[i]);
  }
  return Same(from, std::move(shape));
}

absl::StatusOr<Elements> Unsqueeze(const OnnxNode& node, const std::vector<int64_t>& from) {
  const absl::StatusOr<std::vector<int64_t>> axes = node.Integers(1, "axes");
  if (!axes.ok()) return axes.status();
  if (axes->size() > 8) return Bad("it adds more than 8 axes");
  const size_t rank = from.size() + axes->size();
  std::vector<bool> added(rank, false);
  for (const int64_t axis : *axes) {
    const absl::StatusOr<size_t> at = AxisOf(axis, rank);
    if (!at.ok()) return at.status();
    if (added[*at]) return Bad("it adds an axis twice");
    added[*at] = true;
  }
  std::vector<int64_t> shape;
  for (size_t i = 0, next = 0; i < rank; ++i) shape.push_back(added[i] ? 1 : from[next++]);
  return Same(from, std::move(shape));
}

// Elements where, along one axis, index `at[i]` of the input becomes index i of the output.
absl::StatusOr<Elements> Along(const std::vector<int64_t>& shape, size_t axis,
                               const std::vector<int64_t>& at) {
  if (shape[axis] == kBatch) return Bad("it picks among the rows; a row must stay apart from the others");
  Elements elements;
  elements.shape = shape;
  elements.shape[axis] = static_cast<int64_t>(at.size());
  size_t before = 1;
  size_t after = 1;
  for (size_t i = 0; i < axis; ++i) before *= static_cast<size_t>(Size(shape[i]));
  for (size_t i = axis + 1; i < shape.size(); ++i) after *= static_cast<size_t>(Size(shape[i]));
  const absl::StatusOr<size_t> count = Count(elements.shape);
  if (!count.ok()) return count.status();
  elements.from.reserve(*count);
  for (size_t b = 0; b < before; ++b) {
    for (const int64_t i : at) {
      if (i < 0 || i >= shape[axis]) {
        return Bad(absl::StrCat("it picks element ", i, " of an axis of ", shape[axis]));
      }
      const size_t first = (b * static_cast<size_t>(shape[axis]) + static_cast<size_t>(i)) * after;
      for (size_t a = 0; a < after; ++a) elements.from.push_back(first + a);
    }
  }
  return elements;
}

absl::StatusOr<Elements> Gather(const OnnxNode& node, const std::vector<int64_t>& shape) {
  const absl::StatusOr<const OnnxConstant*> indices = node.Constant(1);
  if (!indices.ok()) return indices.status();
  const absl::StatusOr<size_t> axis = AxisOf(node.Int("axis", 0), shape.size());
  if (!axis.ok()) return axis.status();
  if ((*indices)->type != OnnxConstant::Type::kInteger) return Bad("its indices are no whole numbers");
  std::vector<int64_t> at = (*indices)->integers;
  for (int64_t& i : at) i = i < 0 && i != kBatch ? i + Size(shape[*axis]) : i;
  absl::StatusOr<Elements> elements = Along(shape, *axis, at);
  if (!elements.ok()) return elements;
  const auto place = elements->shape.begin() + static_cast<ptrdiff_t>(*axis);
  elements->shape.insert(elements->shape.erase(place), (*indices)->shape.begin(), (*indices)->shape.end());
  return elements;
}

absl::StatusOr<Elements> Slice(const OnnxNode& node, const std::vector<int64_t>& shape) {
  const absl::StatusOr<std::vector<int64_t>> starts = node.Integers(1, "starts");
  const absl::StatusOr<std::vector<int64_t>> ends = node.Integers(2, "ends");
  const absl::StatusOr<std::vector<int64_t>> given = node.Integers(3, "axes");
  const absl::StatusOr<std::vector<int64_t>> steps = node.Integers(4, "steps");
  for (const auto* list : {&starts, &ends, &given, &steps}) {
    if (!list->ok()) return list->status();
  }
  std::vector<int64_t> axes = *given;
  for (size_t i = 0; axes.size() < starts->size() && given->empty(); ++i)
    axes.push_back(static_cast<int64_t>(i));
  if (ends->size() != starts->size() || axes.size() != starts->size() ||
      (!steps->empty() && steps->size() != starts->size())) {
    return Bad("its starts, ends, axes and steps are not equally many");
  }
  absl::StatusOr<Elements> elements = Same(shape, shape);
  for (size_t i = 0; i < starts->size() && elements.ok(); ++i) {
    const absl::StatusOr<size_t> axis = AxisOf(axes[i], shape.size());
    if (!axis.ok()) return axis.status();
    const int64_t step = steps->empty() ? 1 : (*steps)[i];
    if (step <= 0) return Bad("its step is not above 0");
    const int64_t size = elements->shape[*axis];
    if (size == kBatch) {
      if ((*starts)[i] == 0 && (*ends)[i] >= INT32_MAX && step == 1) continue;
      return Bad("it picks among the rows; a row must stay apart from the others");
    }
    const auto bound = [size](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? std::max(at, -size) + size : at, 0, size);
    };
    std::vector<int64_t> at;
    for (int64_t index = bound((*starts)[i]); index < bound((*ends)[i]); index += std::min(step, size))
      at.push_back(index);
    const absl::StatusOr<Elements> cut = Along(elements->shape, *axis, at);
    if (!cut.ok()) return cut.status();
    Elements next;
    next.shape = cut->shape;
    for (const size_t from : cut->from) next.from.push_back(elements->from[from]);
    elements = std::move(next);
  }
  return elements;
}

absl::StatusOr<Elements> Transpose(const OnnxNode& node, const std::vector<int64_t>& shape) {
  std::vector<int64_t> order = node.Ints("perm");
  for (size_t i = 0; order.size() < shape.size() && !node.Has("perm"); ++i) {
    order.push_back(static_cast<int64_t>(shape.size() - 1 - i));
  }
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != shape.size() || sorted[i] != static_cast<int64_t>(i))
      return Bad("its perm is no order of the axes");
  }
  if (HasRows(shape) && order[0] != 0) return Bad("it mixes the rows; the first axis must stay theirs");
  const absl::StatusOr<size_t> count = Count(shape);
  if (!count.ok()) return count.status();
  std::vector<size_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * static_cast<size_t>(Size(shape[i]));
  Elements elements;
  for (const int64_t axis : order) elements.shape.push_back(shape[static_cast<size_t>(axis)]);
  elements.from.resize(*count);
  for (size_t i = 0; i < *count; ++i) {
    size_t rest = i;
    for (size_t axis = shape.size(); axis-- > 0;) {
      const auto size = static_cast<size_t>(Size(elements.shape[axis]));
      elements.from[i] += rest % size * strides[static_cast<size_t>(order[axis])];
      rest /= size;
    }
  }
  return elements;
}

// To the shape that it has already, but for axes of one element.
absl::StatusOr<Elements> Expand(const OnnxNode& node, const std::vector<int64_t>& from) {
  const absl::StatusOr<std::vector<int64_t>> wanted = node.Integers(1, "shape");
  if (!wanted.ok()) return wanted.status();
  std::vector<int64_t> a = from;
  std::vector<int64_t> b = *wanted;
  const bool rows = HasRows(from);
  for (auto* shape : {&a, &b}) {
    if (HasRows(*shape)) shape->front() = 1;
  }
  if (rows && (b.size() > a.size() || (b.size() == a.size() && b.front() != 1)))
    return Bad("it repeats the rows");
  absl::StatusOr<Spread> spread = SpreadShapes(a, b);
  if (!spread.ok()) return spread.status();
  if (rows) spread->shape.front() = kBatch;
  return Elements{std::move(spread->a), std::move(spread->shape)};
}

using Operator = absl::StatusOr<Elements> (*)(const OnnxNode&, const std::vector<int64_t>&);
Operator Find(const std::string& type) {
  if (type == "Reshape") return Reshape;
  if (type == "Flatten") return Flatten;
  if (type == "Squeeze") return Squeeze;
  if (type == "Unsqueeze") return Unsqueeze;
  if (type == "Transpose") return Transpose;
  if (type == "Slice") return Slice;
  if (type == "Gather") return Gather;
  if (type == "Expand") return Expand;
  return nullptr;
}

}  // namespace

bool IsElementOperator(const std::string& type) { return Find(type) != nullptr; }

absl::StatusOr<Elements> PickElements(const OnnxNode& node, const std::vector<int64_t>& shape) {
  return Find(node.type())(node, shape);
}

absl::StatusOr<Elements> JoinElements(const std::vector<std::vector<int64_t>>& shapes, int64_t axis) {
  const std::vector<int64_t>& first = shapes.front();
  const absl::StatusOr<size_t> at = AxisOf(axis, first.size());
  if (!at.ok()) return at.status();
  if (first[*at] == kBatch)
    return Bad("it puts rows under each other; a row must stay apart from the others");
  Elements joined;
  joined.shape = first;
  joined.shape[*at] = 0;
  std::vector<size_t> row;  // elements of each array per index of the axes before
  size_t before = 1;
  for (size_t i = 0; i < *at; ++i) before *= static_cast<size_t>(Size(first[i]));
  for (const std::vector<int64_t>& shape : shapes) {
    for (size_t i = 0; i < first.size(); ++i) {
      if (shape.size() != first.size() || (i != *at && shape[i] != first[i])) {
        return Bad(absl::StrCat("it joins ", ShapeText(first), " and ", ShapeText(shape)));
      }
    }
    joined.shape[*at] += shape[*at];
    const absl::StatusOr<size_t> count = Count(shape);
    if (!count.ok()) return count.status();
    row.push_back(before == 0 ? 0 : *count / before);
  }
  const absl::StatusOr<size_t> count = Count(joined.shape);
  if (!count.ok()) return count.status();
  joined.from.reserve(*count);
  for (size_t b = 0; b < before; ++b) {
    size_t begin = 0;
    for (size_t part = 0; part < row.size(); begin += before * row[part++]) {
      for (size_t i = 0; i < row[part]; ++i) joined.from.push_back(begin + b * row[part] + i);
    }
  }
  return joined;
}

absl::StatusOr<Elements> CutElements(const std::vector<int64_t>& shape, size_t axis, int64_t begin,
                                     int64_t count) {
  if (count < 0 || begin < 0 || count > Size(shape[axis]) || begin > Size(shape[axis]) - count) {
    return Bad(absl::StrCat("it cuts ", count, " from ", begin, " on out of an axis of ", shape[axis]));
  }
  std::vector<int64_t> at(static_cast<size_t>(count));
  std::iota(at.begin(), at.end(), begin);
  return Along(shape, axis, at);
}

}  // namespace adscore::trainer
