#include "trainer/import/onnx_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

using Kind = OnnxValue::Kind;
using model::ActivationKind;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<OnnxValue> Sums(absl::StatusOr<Form> form, std::vector<int64_t> shape) {
  if (!form.ok()) return form.status();
  return SumsValue(*std::move(form), std::move(shape));
}

// Spreads a row's value to a larger shape.
OnnxValue SpreadValue(const OnnxValue& x, const std::vector<size_t>& elements,
                      const std::vector<int64_t>& shape, const OnnxContext& context) {
  return x.shape == shape ? x : SelectElements(x, elements, shape, context.graph);
}

// The shape of a constant beside rows, without the axis of the rows.
absl::StatusOr<std::vector<int64_t>> BesideRows(const std::vector<int64_t>& constant,
                                                const std::vector<int64_t>& row) {
  std::vector<int64_t> shape = constant;
  while (shape.size() > row.size() && shape.front() == 1) shape.erase(shape.begin());
  if (shape.size() > row.size()) {
    return Bad(absl::StrCat("its constant of ", ShapeText(constant), " differs from row to row of ",
                            ShapeText(row, true)));
  }
  return shape;
}

// Whole numbers that are 1 or 0 for all elements, added or multiplied to ids: how TensorFlow's exporter has
// an id below 0 counted from the end.
absl::StatusOr<OnnxValue> OnIds(const std::string& type, const OnnxValue& x, double number) {
  OnnxValue value = x;
  if (type == "Add" || type == "Sub") {
    value.shift += type == "Add" ? number : -number;
    return value;
  }
  if (number == 1) return value;
  OnnxValue zeros;
  zeros.constant.type = OnnxConstant::Type::kInteger;
  zeros.constant.shape.assign(x.shape.size() + 1, 1);
  zeros.constant.integers = {0};
  return zeros;
}

absl::StatusOr<OnnxValue> ErfArithmetic(const std::string& type, const OnnxValue& x, double number) {
  OnnxValue value = x;
  if (type == "Mul" || type == "Div") {
    const double factor = type == "Mul" ? number : 1 / number;
    value.erf_scale *= factor;
    value.erf_shift *= factor;
  } else {
    value.erf_shift += type == "Add" ? number : -number;
  }
  return value;
}

// x · (1 + erf(x / sqrt 2)), each a factor: a Gelu but for a constant.
absl::StatusOr<OnnxValue> TimesErf(const OnnxValue& x, const OnnxValue& erf, OnnxContext* context) {
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  if (x.shape != erf.shape || std::fabs(erf.erf_scale - erf.erf_shift) > 1e-6 * std::fabs(erf.erf_scale)) {
    return Bad("a product with Erf that is no Gelu");
  }
  const std::vector<double> nothing(erf.form.width, 0.0);
  const std::vector<double> root(erf.form.width, std::numbers::sqrt2);
  const Form argument = context->graph.ScaleShift(erf.form, root, nothing);
  for (const double factor : {1.0, 0.5}) {  // the half may be on either side
    const std::vector<double> scaled(erf.form.width, factor);
    if (!context->graph.Same(*sums, context->graph.ScaleShift(argument, scaled, nothing))) continue;
    absl::StatusOr<Form> gelu = context->graph.Activate(argument, {ActivationKind::kGelu});
    if (!gelu.ok()) return gelu.status();
    const std::vector<double> outer(erf.form.width, 2 * factor * erf.erf_scale);
    return SumsValue(context->graph.ScaleShift(*gelu, outer, nothing), x.shape);
  }
  return Bad("a product with Erf that is no Gelu");
}

}  // namespace

absl::StatusOr<OnnxValue> ArithmeticWithConstant(const std::string& type, const OnnxValue& x,
                                                 const OnnxConstant& c, bool first, OnnxContext* context) {
  if (!c.IsNumber()) return Bad("arithmetic on strings");
  const absl::StatusOr<std::vector<int64_t>> beside = BesideRows(c.shape, x.shape);
  if (!beside.ok()) return beside.status();
  const absl::StatusOr<Spread> spread = SpreadShapes(x.shape, *beside);
  if (!spread.ok()) return spread.status();
  std::vector<double> numbers;
  for (const size_t i : spread->b) numbers.push_back(c.At(i));
  const bool alike = !numbers.empty() && std::equal(numbers.begin() + 1, numbers.end(), numbers.begin());
  const OnnxValue wide = SpreadValue(x, spread->a, spread->shape, *context);
  const bool ids = x.kind == Kind::kColumns && c.type == OnnxConstant::Type::kInteger && !x.mapped && alike;
  if (ids && first && type == "Div" && numbers[0] == 1) return wide;
  if (ids && (type == "Add" || (type == "Sub" && first) ||
              (type == "Mul" && (numbers[0] == 0 || numbers[0] == 1)))) {
    return OnIds(type, wide, numbers[0]);
  }
  if (x.kind == Kind::kErf && alike && (first || type == "Add" || type == "Mul")) {
    return ErfArithmetic(type, wide, numbers[0]);
  }
  const bool ones = alike && numbers[0] == 1;
  if (x.kind == Kind::kProbabilities && type == "Sub" && !first && ones) {  // the other class's
    OnnxValue other = wide;
    const std::vector<double> minus(other.form.width, -1.0);
    const std::vector<double> nothing(other.form.width, 0.0);
    other.form = context->graph.ScaleShift(other.form, minus, nothing);
    return other;
  }
  const absl::StatusOr<Form> sums = SumsOf(wide, context);
  if (!sums.ok()) return sums.status();
  std::vector<double> scale(numbers.size(), 1.0);
  std::vector<double> shift(numbers.size(), 0.0);
  if (type == "Mul") {
    scale = numbers;
  } else if (type == "Div") {
    if (!first) return Bad("it divides a constant by a number of the row");
    for (size_t i = 0; i < numbers.size(); ++i) scale[i] = 1 / numbers[i];
  } else {
    shift = numbers;
    if (type == "Sub" && first)
      for (double& s : shift) s = -s;
    if (type == "Sub" && !first) scale.assign(numbers.size(), -1.0);
  }
  return Sums(context->graph.ScaleShift(*sums, scale, shift), spread->shape);
}

absl::StatusOr<OnnxValue> ApplyArithmetic(const std::string& type, const OnnxNode& node,
                                          OnnxContext* context) {
  const absl::StatusOr<const OnnxValue*> a = node.Input(0);
  const absl::StatusOr<const OnnxValue*> b = node.Input(1);
  if (!a.ok()) return a.status();
  if (!b.ok()) return b.status();
  if ((*b)->kind == Kind::kConstant)
    return ArithmeticWithConstant(type, **a, (*b)->constant, /*first=*/true, context);
  if ((*a)->kind == Kind::kConstant)
    return ArithmeticWithConstant(type, **b, (*a)->constant, /*first=*/false, context);
  if (type == "Mul" && (*a)->kind == Kind::kErf) return TimesErf(**b, **a, context);
  if (type == "Mul" && (*b)->kind == Kind::kErf) return TimesErf(**a, **b, context);
  if (type != "Add" && type != "Sub")
    return Bad("it multiplies numbers of a row with each other (an interaction, a gate or attention)");
  absl::StatusOr<Spread> spread = SpreadShapes((*a)->shape, (*b)->shape);
  if (!spread.ok()) return spread.status();
  const absl::StatusOr<Form> left = SumsOf(SpreadValue(**a, spread->a, spread->shape, *context), context);
  absl::StatusOr<Form> right = SumsOf(SpreadValue(**b, spread->b, spread->shape, *context), context);
  if (!left.ok()) return left.status();
  if (!right.ok()) return right.status();
  if (type == "Sub") {
    const std::vector<double> minus(right->width, -1.0);
    const std::vector<double> nothing(right->width, 0.0);
    right = context->graph.ScaleShift(*right, minus, nothing);
  }
  return Sums(context->graph.Add(*left, *right), std::move(spread->shape));
}

}  // namespace adscore::trainer
