// FoldConstants: the operators on constants alone, which exporters leave between a weight and its layer, or
// use to compute a shape.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/import/onnx_elements.h"
#include "trainer/import/onnx_node.h"
#include "trainer/import/onnx_tensor.h"

namespace adscore::trainer {
namespace {

using Type = OnnxConstant::Type;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

OnnxValue ValueOf(OnnxConstant constant) {
  OnnxValue value;
  value.constant = std::move(constant);
  return value;
}

// The constant's elements, in that order, under a new shape.
OnnxValue Take(const OnnxConstant& from, const std::vector<size_t>& elements, std::vector<int64_t> shape) {
  OnnxConstant to;
  to.type = from.type;
  to.shape = std::move(shape);
  for (const size_t i : elements) {
    if (from.type == Type::kFloat) to.floats.push_back(from.floats[i]);
    if (from.type == Type::kInteger) to.integers.push_back(from.integers[i]);
    if (from.type == Type::kText) to.texts.push_back(from.texts[i]);
  }
  return ValueOf(std::move(to));
}

absl::StatusOr<OnnxValue> ConstantNode(const OnnxNode& node, const OnnxContext& context) {
  OnnxConstant constant;
  if (const onnx::Tensor* tensor = node.Tensor("value"); tensor != nullptr) {
    absl::StatusOr<OnnxConstant> read = ReadTensor(*tensor, context.folder);
    if (!read.ok()) return read.status();
    return ValueOf(*std::move(read));
  }
  if (node.Has("value_float") || node.Has("value_floats")) {
    constant.floats = node.Floats("value_floats");
    if (node.Has("value_float")) constant.floats = {node.Float("value_float", 0)};
  } else if (node.Has("value_int") || node.Has("value_ints")) {
    constant.type = Type::kInteger;
    constant.integers = node.Ints("value_ints");
    if (node.Has("value_int")) constant.integers = {node.Int("value_int", 0)};
  } else {
    return Bad("a constant of this kind is not supported");
  }
  const bool list = node.Has("value_floats") || node.Has("value_ints");
  if (list) constant.shape = {static_cast<int64_t>(constant.size())};
  return ValueOf(std::move(constant));
}

absl::StatusOr<double> Compute(const std::string& type, double a, double b) {
  if (type == "Add") return a + b;
  if (type == "Sub") return a - b;
  if (type == "Mul") return a * b;
  if (type == "Div") return a / b;
  if (type == "Pow") return std::pow(a, b);
  return Bad("arithmetic on constants of this kind is not supported");
}

absl::StatusOr<OnnxValue> Arithmetic(const OnnxNode& node) {
  const absl::StatusOr<const OnnxConstant*> a = node.Constant(0);
  const absl::StatusOr<const OnnxConstant*> b = node.Constant(1);
  if (!a.ok()) return a.status();
  if (!b.ok()) return b.status();
  if (!(*a)->IsNumber() || !(*b)->IsNumber()) return Bad("arithmetic on strings");
  const absl::StatusOr<Spread> spread = SpreadShapes((*a)->shape, (*b)->shape);
  if (!spread.ok()) return spread.status();
  OnnxConstant result;
  result.type = (*a)->type;
  result.shape = spread->shape;
  for (size_t i = 0; i < spread->a.size(); ++i) {
    if (result.type == Type::kInteger &&
        ((*a)->integers[spread->a[i]] == kBatch ||
         ((*b)->type == Type::kInteger && (*b)->integers[spread->b[i]] == kBatch))) {
      return Bad("it computes with the number of rows; rows must stay apart from each other");
    }
    const absl::StatusOr<double> value = Compute(node.type(), (*a)->At(spread->a[i]), (*b)->At(spread->b[i]));
    if (!value.ok()) return value.status();
    if (result.type == Type::kFloat) {
      result.floats.push_back(static_cast<float>(*value));
    } else if (std::fabs(*value) < 1e18) {
      result.integers.push_back(static_cast<int64_t>(*value));
    } else {
      return Bad("its result is too large for a whole number");
    }
  }
  return ValueOf(std::move(result));
}

absl::StatusOr<OnnxValue> Cast(const OnnxNode& node, const OnnxConstant& from) {
  const int64_t to = node.Int("to", 0);
  const bool to_float = to == 1 || to == 10 || to == 11 || to == 16;
  if (!from.IsNumber() || to == 8) return Bad("a cast of constants from or to strings is not supported");
  OnnxConstant cast;
  cast.shape = from.shape;
  cast.type = to_float ? Type::kFloat : Type::kInteger;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from.type == Type::kInteger && !to_float) {
      cast.integers.push_back(to == 9 ? from.integers[i] != 0 : from.integers[i]);
    } else if (to_float) {
      cast.floats.push_back(static_cast<float>(from.At(i)));
    } else if (std::fabs(from.At(i)) < 1e18) {
      cast.integers.push_back(to == 9 ? from.At(i) != 0 : static_cast<int64_t>(from.At(i)));
    } else {
      return Bad("a number is too large for a whole number");
    }
  }
  return ValueOf(std::move(cast));
}

absl::StatusOr<OnnxValue> Unary(const OnnxNode& node, const OnnxConstant& from) {
  if (!from.IsNumber()) return Bad("arithmetic on strings");
  OnnxConstant result;
  result.type = node.type() == "Not" ? Type::kInteger : from.type;
  result.shape = from.shape;
  for (size_t i = 0; i < from.size(); ++i) {
    const double x = from.At(i);
    const double y = node.type() == "Neg" ? -x : node.type() == "Sqrt" ? std::sqrt(x) : x == 0 ? 1 : 0;
    if (result.type == Type::kFloat) {
      result.floats.push_back(static_cast<float>(y));
    } else if (std::fabs(y) < 1e18) {
      result.integers.push_back(static_cast<int64_t>(y));
    } else {
      return Bad("its result is too large for a whole number");
    }
  }
  return ValueOf(std::move(result));
}

absl::StatusOr<OnnxValue> ConstantOfShape(const OnnxNode& node, const OnnxConstant& shape,
                                          const OnnxContext& context) {
  OnnxConstant filled;
  filled.shape = shape.integers;
  const absl::StatusOr<size_t> count = ElementCount(filled.shape);
  if (shape.type != Type::kInteger) return Bad("its shape is no list of whole numbers");
  if (!count.ok()) return count.status();
  if (*count > kMostComputed) {
    return Bad(absl::StrCat("it makes ", *count, " elements; ", kMostComputed, " are the most"));
  }
  OnnxConstant value;
  value.floats = {0};
  if (const onnx::Tensor* tensor = node.Tensor("value"); tensor != nullptr) {
    absl::StatusOr<OnnxConstant> read = ReadTensor(*tensor, context.folder);
    if (!read.ok()) return read.status();
    value = *std::move(read);
  }
  if (value.size() != 1) return Bad("its value is not one number");
  return Take(value, std::vector<size_t>(*count, 0), filled.shape);
}

absl::StatusOr<OnnxValue> Concatenate(const OnnxNode& node) {
  std::vector<std::vector<int64_t>> shapes;
  OnnxConstant all;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const absl::StatusOr<const OnnxConstant*> part = node.Constant(i);
    if (!part.ok()) return part.status();
    if (i > 0 && (*part)->type != all.type) return Bad("it joins different types");
    all.type = (*part)->type;
    shapes.push_back((*part)->shape);
    all.floats.insert(all.floats.end(), (*part)->floats.begin(), (*part)->floats.end());
    all.integers.insert(all.integers.end(), (*part)->integers.begin(), (*part)->integers.end());
    all.texts.insert(all.texts.end(), (*part)->texts.begin(), (*part)->texts.end());
  }
  const absl::StatusOr<Elements> joined = JoinElements(shapes, node.Int("axis", 0));
  if (!joined.ok()) return joined.status();
  return Take(all, joined->from, joined->shape);
}

}  // namespace

absl::StatusOr<OnnxValue> FoldConstants(const OnnxNode& node, const OnnxContext& context) {
  const std::string& type = node.type();
  if (type == "Constant") return ConstantNode(node, context);
  if (type == "Concat" && !node.inputs.empty()) return Concatenate(node);
  const absl::StatusOr<const OnnxConstant*> first = node.Constant(0);
  if (!first.ok()) return first.status();
  const OnnxConstant& x = **first;
  if (type == "Identity" || type == "Dropout") return ValueOf(x);
  if (type == "Cast") return Cast(node, x);
  if (type == "Neg" || type == "Sqrt" || type == "Not") return Unary(node, x);
  if (type == "ConstantOfShape") return ConstantOfShape(node, x, context);
  if (type == "Shape") {
    OnnxConstant shape;
    shape.type = Type::kInteger;
    shape.integers = x.shape;
    shape.shape = {static_cast<int64_t>(x.shape.size())};
    return ValueOf(std::move(shape));
  }
  if (IsElementOperator(type)) {
    const absl::StatusOr<Elements> elements = PickElements(node, x.shape);
    if (!elements.ok()) return elements.status();
    return Take(x, elements->from, elements->shape);
  }
  return Arithmetic(node);
}

}  // namespace adscore::trainer
