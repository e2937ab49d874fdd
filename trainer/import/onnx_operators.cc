// ApplyOnnxOperator: what the operators of ONNX's own domain do to values of a row.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/import/onnx_arithmetic.h"
#include "trainer/import/onnx_choices.h"
#include "trainer/import/onnx_elements.h"
#include "trainer/import/onnx_node.h"

namespace adscore::trainer {
namespace {

using Kind = OnnxValue::Kind;
using Values = absl::StatusOr<std::vector<OnnxValue>>;
using model::Activation;
using model::ActivationKind;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

Values One(OnnxValue value) {
  std::vector<OnnxValue> values;
  values.push_back(std::move(value));
  return values;
}

Values OneSums(absl::StatusOr<Form> form, std::vector<int64_t> shape) {
  if (!form.ok()) return form.status();
  return One(SumsValue(*std::move(form), std::move(shape)));
}

std::vector<int64_t> WithRows(const std::vector<int64_t>& shape) {
  std::vector<int64_t> with = {kBatch};
  with.insert(with.end(), shape.begin(), shape.end());
  return with;
}

std::vector<int64_t> WithoutRows(const std::vector<int64_t>& shape) {
  return {shape.begin() + 1, shape.end()};
}

Values Activate(const OnnxValue& x, const Activation& activation, OnnxContext* context) {
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  return OneSums(context->graph.Activate(*sums, activation), x.shape);
}

Values Sigmoid(const OnnxValue& x, OnnxContext* context) {
  absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  OnnxValue value = SumsValue(*std::move(sums), x.shape);
  value.kind = Kind::kProbabilities;
  return One(std::move(value));
}

Values Softmax(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<size_t> axis =
      AxisOf(node.Int("axis", node.opset() < 13 ? 1 : -1), x.shape.size() + 1);
  if (!axis.ok()) return axis.status();
  if (x.shape.empty() || x.shape.back() != static_cast<int64_t>(x.Elements()) || *axis != x.shape.size()) {
    return Bad(absl::StrCat("a softmax along axis ", *axis, " of ", ShapeText(x.shape, true),
                            "; supported is the last one, where it is the only one"));
  }
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<Form> logits = context->graph.Differences(*sums);
  if (!logits.ok()) return logits.status();
  OnnxValue value = SumsValue(*std::move(logits), x.shape);
  value.kind = Kind::kProbabilities;
  return One(std::move(value));
}

// x · w, w being [width, outputs].
Values Product(const OnnxValue& x, const OnnxConstant& w, OnnxContext* context) {
  if (w.type != OnnxConstant::Type::kFloat) return Bad("its weights are no floats");
  if (w.shape.size() != 2 || x.shape.empty() || w.shape[0] != x.shape.back() ||
      x.Elements() != static_cast<size_t>(x.shape.back())) {
    return Bad(absl::StrCat("it multiplies ", ShapeText(x.shape, true), " by ", ShapeText(w.shape)));
  }
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  std::vector<int64_t> shape = x.shape;
  shape.back() = w.shape[1];
  return OneSums(context->graph.Multiply(*sums, w.floats, static_cast<size_t>(w.shape[1])), std::move(shape));
}

Values MatMul(const OnnxNode& node, OnnxContext* context) {
  if (node.inputs[0]->kind == Kind::kConstant)
    return Bad("it multiplies a constant by rows; supported are rows by a constant");
  const absl::StatusOr<const OnnxConstant*> w = node.Constant(1);
  if (!w.ok()) return w.status();
  return Product(*node.inputs[0], **w, context);
}

Values Gemm(const OnnxNode& node, OnnxContext* context) {
  const absl::StatusOr<const OnnxConstant*> w = node.Constant(1);
  if (!w.ok()) return w.status();
  if (node.inputs[0]->kind == Kind::kConstant || node.Int("transA", 0) != 0) {
    return Bad("its rows are not the first axis of its first input");
  }
  OnnxConstant weights = **w;
  if (weights.shape.size() != 2) return Bad(absl::StrCat("its weights are ", ShapeText(weights.shape)));
  if (weights.type != OnnxConstant::Type::kFloat) return Bad("its weights are no floats");
  if (node.Int("transB", 0) != 0) {
    const auto outputs = static_cast<size_t>(weights.shape[0]);
    const auto depth = static_cast<size_t>(weights.shape[1]);
    for (size_t o = 0; o < outputs; ++o) {
      for (size_t k = 0; k < depth; ++k) weights.floats[k * outputs + o] = (*w)->floats[o * depth + k];
    }
    std::swap(weights.shape[0], weights.shape[1]);
  }
  for (float& weight : weights.floats) weight *= node.Float("alpha", 1);
  Values product = Product(*node.inputs[0], weights, context);
  if (!product.ok() || !node.HasInput(2)) return product;
  const absl::StatusOr<const OnnxConstant*> bias = node.Constant(2);
  if (!bias.ok()) return bias.status();
  if ((*bias)->type != OnnxConstant::Type::kFloat) return Bad("its bias is no float");
  OnnxConstant shift = **bias;
  for (float& value : shift.floats) value *= node.Float("beta", 1);
  absl::StatusOr<OnnxValue> sum =
      ArithmeticWithConstant("Add", product->front(), shift, /*first=*/true, context);
  if (!sum.ok()) return sum.status();
  if (sum->shape != product->front().shape) {
    return Bad(absl::StrCat("its bias of ", ShapeText(shift.shape), " does not fit ",
                            ShapeText(product->front().shape, true)));
  }
  return One(*std::move(sum));
}

Values BatchNormalization(const OnnxNode& node, OnnxContext* context) {
  const OnnxValue& x = *node.inputs[0];
  if (node.Int("training_mode", 0) != 0) return Bad("it is in training mode: export the model for inference");
  std::vector<const OnnxConstant*> of;  // scale, shift, mean, variance
  for (size_t i = 1; i < 5; ++i) {
    const absl::StatusOr<const OnnxConstant*> constant = node.Constant(i);
    if (!constant.ok()) return constant.status();
    const bool fits = (*constant)->type == OnnxConstant::Type::kFloat && !x.shape.empty() &&
                      (*constant)->shape == std::vector<int64_t>{x.shape.front()};
    if (!fits)
      return Bad(absl::StrCat("its input ", i, " of ", ShapeText((*constant)->shape), " does not fit ",
                              ShapeText(x.shape, true)));
    of.push_back(*constant);
  }
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  const size_t each = x.shape.front() == 0 ? 1 : sums->width / static_cast<size_t>(x.shape.front());
  std::vector<double> scale(sums->width);
  std::vector<double> shift(sums->width);
  for (size_t i = 0; i < sums->width; ++i) {
    const size_t channel = i / each;
    scale[i] = of[0]->At(channel) /
               std::sqrt(of[3]->At(channel) + static_cast<double>(node.Float("epsilon", 1e-5F)));
    shift[i] = of[1]->At(channel) - of[2]->At(channel) * scale[i];
  }
  return OneSums(context->graph.ScaleShift(*sums, scale, shift), x.shape);
}

// A table of rows, indexed by ids of the row: an embedding.
Values Embedding(const OnnxNode& node, const OnnxConstant& table, const OnnxValue& ids,
                 OnnxContext* context) {
  if (ids.kind != Kind::kColumns) return Bad("it looks up what is no input of the model but computed by it");
  if (table.type != OnnxConstant::Type::kFloat || table.shape.empty() || node.Int("axis", 0) != 0) {
    return Bad("its table is not one of floats, looked up along the first axis");
  }
  const auto rows = static_cast<size_t>(table.shape[0]);
  if (rows == 0 || table.floats.empty()) return Bad("its table is empty");
  const size_t dim = table.floats.size() / rows;
  LookupTable embedding = EmbeddingOfIds(table.floats, rows, dim);
  const auto row_of = [rows](double id) {
    return id >= 0 && id < static_cast<double>(rows) ? static_cast<size_t>(id) : rows;
  };
  if (ids.mapped) {
    LookupTable named;
    named.dim = dim;
    named.unknown = embedding.unknown;
    const auto append = [&](size_t row, std::vector<float>* to) {
      const float* from = row < rows ? table.floats.data() + row * dim : embedding.unknown.data();
      to->insert(to->end(), from, from + dim);
    };
    for (size_t i = 0; i < ids.map.tokens.size(); ++i)
      append(row_of(ids.map.values[i] + ids.shift), &named.values);
    if (row_of(ids.map.otherwise + ids.shift) < rows) {
      named.unknown.clear();
      append(row_of(ids.map.otherwise + ids.shift), &named.unknown);
    }
    named.tokens = ids.map.tokens;
    embedding = std::move(named);
  } else if (ids.shift != 0) {
    if (std::fabs(ids.shift) > 1e9) return Bad("its ids are shifted out of its table");
    for (size_t row = 0; row < rows; ++row) {
      embedding.tokens[row] = std::to_string(static_cast<int64_t>(row) - static_cast<int64_t>(ids.shift));
    }
  }
  std::vector<Form> parts;
  for (const size_t column : ids.columns) {
    absl::StatusOr<Form> part = context->graph.Look(column, embedding);
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  std::vector<int64_t> shape = ids.shape;
  shape.insert(shape.end(), table.shape.begin() + 1, table.shape.end());
  return OneSums(context->graph.Concatenate(parts), std::move(shape));
}

Values Move(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<Elements> elements = PickElements(node, WithRows(x.shape));
  if (!elements.ok()) return elements.status();
  return One(SelectElements(x, elements->from, WithoutRows(elements->shape), context->graph));
}

Values Concat(const OnnxNode& node, OnnxContext* context) {
  std::vector<std::vector<int64_t>> shapes;
  for (const OnnxValue* value : node.inputs) {
    if (value == nullptr || value->kind == Kind::kConstant || value->kind == Kind::kErf) {
      return Bad("it joins numbers of the row with a constant");
    }
    shapes.push_back(WithRows(value->shape));
  }
  const absl::StatusOr<Elements> elements = JoinElements(shapes, node.Int("axis", 1));
  if (!elements.ok()) return elements.status();
  const absl::StatusOr<OnnxValue> joined = JoinValues(node.inputs, {}, context);
  if (!joined.ok()) return joined.status();
  return One(SelectElements(*joined, elements->from, WithoutRows(elements->shape), context->graph));
}

Values Split(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const std::vector<int64_t> shape = WithRows(x.shape);
  const absl::StatusOr<size_t> axis = AxisOf(node.Int("axis", 0), shape.size());
  absl::StatusOr<std::vector<int64_t>> sizes = node.Integers(1, "split");
  if (!axis.ok()) return axis.status();
  if (!sizes.ok()) return sizes.status();
  if (shape[*axis] == kBatch) return Bad("it picks among the rows; a row must stay apart from the others");
  const auto parts = static_cast<int64_t>(node.outputs());
  if (parts == 0) return Bad("it has no outputs");
  const int64_t each = (shape[*axis] + parts - 1) / parts;
  for (int64_t left = shape[*axis]; sizes->size() < node.outputs() && left >= 0 && !node.HasInput(1);
       left -= each) {
    sizes->push_back(std::min(each, left));
  }
  if (sizes->size() != node.outputs()) return Bad("its sizes are not as many as its outputs");
  std::vector<OnnxValue> values;
  int64_t begin = 0;
  for (const int64_t size : *sizes) {
    const absl::StatusOr<Elements> elements = CutElements(shape, *axis, begin, size);
    if (!elements.ok()) return elements.status();
    values.push_back(SelectElements(x, elements->from, WithoutRows(elements->shape), context->graph));
    begin += size;
  }
  return values;
}

// A sum or mean over axes of a row is one more matrix.
Values Reduce(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<std::vector<int64_t>> given = node.Integers(1, "axes");
  if (!given.ok()) return given.status();
  if (given->empty()) return Bad("it takes all rows together");
  const std::vector<int64_t> shape = WithRows(x.shape);
  std::vector<int64_t> kept = shape;
  for (const int64_t given_axis : *given) {
    const absl::StatusOr<size_t> axis = AxisOf(given_axis, shape.size());
    if (!axis.ok()) return axis.status();
    if (*axis == 0) return Bad("it takes all rows together");
    kept[*axis] = 1;
  }
  const absl::StatusOr<Spread> spread = SpreadShapes(x.shape, WithoutRows(kept));
  const absl::StatusOr<size_t> outputs = ElementCount(WithoutRows(kept));
  if (!spread.ok()) return spread.status();
  if (!outputs.ok()) return outputs.status();
  if (*outputs == 0 || !WeightCount(x.Elements(), *outputs)) return Bad("its input is empty, or too large");
  const float share =
      node.type() == "ReduceMean" ? static_cast<float>(*outputs) / static_cast<float>(x.Elements()) : 1;
  std::vector<float> matrix(x.Elements() * *outputs);
  for (size_t i = 0; i < x.Elements(); ++i) matrix[i * *outputs + spread->b[i]] = share;
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  std::vector<int64_t> result;
  const bool keep = node.Int("keepdims", 1) != 0;
  for (size_t i = 1; i < kept.size(); ++i) {
    if (keep || kept[i] != 1 || shape[i] == 1) result.push_back(kept[i]);
  }
  return OneSums(context->graph.Multiply(*sums, matrix, *outputs), std::move(result));
}

Values PRelu(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<const OnnxConstant*> slope = node.Constant(1);
  if (!slope.ok()) return slope.status();
  const std::vector<float>& slopes = (*slope)->floats;
  if (slopes.empty() || !std::equal(slopes.begin() + 1, slopes.end(), slopes.begin())) {
    return Bad("its slopes differ from unit to unit; supported is one for all");
  }
  return Activate(x, {ActivationKind::kLeakyRelu, slopes[0]}, context);
}

Values Gelu(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const std::string approximate = node.Text("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return Bad(absl::StrCat("approximate is '", approximate, "'"));
  return Activate(x, {approximate == "none" ? ActivationKind::kGelu : ActivationKind::kGeluTanh}, context);
}

Values Selu(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const auto near = [](float value, double constant) {
    return std::fabs(static_cast<double>(value) - constant) < 1e-4;
  };
  if (!near(node.Float("alpha", 1.6732632F), model::kSeluAlpha) ||
      !near(node.Float("gamma", 1.0507010F), model::kSeluScale)) {
    return Bad("an alpha or gamma of its own");
  }
  return Activate(x, {ActivationKind::kSelu}, context);
}

Values Erf(const OnnxValue& x, OnnxContext* context) {
  absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  OnnxValue value = SumsValue(*std::move(sums), x.shape);
  value.kind = Kind::kErf;
  return One(std::move(value));
}

// Ids may be cast at will; of numbers, what a cast cuts off would be lost.
Values Cast(const OnnxNode& node, const OnnxValue& x) {
  const int64_t to = node.Int("to", 0);
  if (to == 1 || to == 10 || to == 11 || to == 16) return One(x);
  OnnxValue whole = x;
  if (x.kind != Kind::kColumns || (to == 8 && x.fractional)) {
    return Bad("it makes whole numbers or strings of numbers that need not be whole");
  }
  whole.truncated = x.truncated || x.fractional;
  return One(std::move(whole));
}

Values Dropout(const OnnxNode& node, const OnnxValue& x) {
  if (!node.HasInput(2)) return One(x);
  const absl::StatusOr<const OnnxConstant*> training = node.Constant(2);
  if (!training.ok()) return training.status();
  if ((*training)->size() == 1 && (*training)->IsNumber() && (*training)->At(0) == 0) return One(x);
  return Bad("it is in training mode: export the model for inference");
}

}  // namespace

absl::StatusOr<std::vector<OnnxValue>> ApplyOnnxOperator(const OnnxNode& node, OnnxContext* context) {
  const std::string& type = node.type();
  const absl::StatusOr<const OnnxValue*> first = node.Input(0);
  if (!first.ok()) return first.status();
  const OnnxValue& x = **first;
  if (type == "Gemm") return Gemm(node, context);
  if (type == "MatMul") return MatMul(node, context);
  if (type == "Add" || type == "Sub" || type == "Mul" || type == "Div" ||
      (type == "Sum" && node.inputs.size() == 2)) {
    absl::StatusOr<OnnxValue> value = ApplyArithmetic(type == "Sum" ? "Add" : type, node, context);
    if (!value.ok()) return value.status();
    return One(*std::move(value));
  }
  if (type == "Concat") return Concat(node, context);
  if (type == "Gather" && x.kind == Kind::kConstant) {
    const absl::StatusOr<const OnnxValue*> ids = node.Input(1);
    if (!ids.ok()) return ids.status();
    return Embedding(node, x.constant, **ids, context);
  }
  if (type == "Less" || type == "Greater" || type == "Where") {
    absl::StatusOr<OnnxValue> value = ApplyChoice(node, context);
    if (!value.ok()) return value.status();
    return One(*std::move(value));
  }
  if (x.kind == Kind::kConstant) return Bad("its first input is a constant, and the others are not");
  if (type == "Shape") {
    OnnxValue shape;
    shape.constant.type = OnnxConstant::Type::kInteger;
    shape.constant.integers = WithRows(x.shape);
    shape.constant.shape = {static_cast<int64_t>(x.shape.size() + 1)};
    return One(std::move(shape));
  }
  if (IsElementOperator(type)) return Move(node, x, context);
  if (type == "Split") return Split(node, x, context);
  if (type == "Identity") return One(x);
  if (type == "Cast") return Cast(node, x);
  if (type == "Dropout") return Dropout(node, x);
  if (type == "BatchNormalization") return BatchNormalization(node, context);
  if (type == "Sigmoid") return Sigmoid(x, context);
  if (type == "Softmax") return Softmax(node, x, context);
  if (type == "Relu") return Activate(x, {}, context);
  if (type == "Tanh") return Activate(x, {ActivationKind::kTanh}, context);
  if (type == "Softplus") return Activate(x, {ActivationKind::kSoftplus}, context);
  if (type == "LeakyRelu")
    return Activate(x, {ActivationKind::kLeakyRelu, node.Float("alpha", 0.01F)}, context);
  if (type == "Elu") return Activate(x, {ActivationKind::kElu, node.Float("alpha", 1)}, context);
  if (type == "Selu") return Selu(node, x, context);
  if (type == "Gelu") return Gelu(node, x, context);
  if (type == "PRelu") return PRelu(node, x, context);
  if (type == "Erf") return Erf(x, context);
  if (type == "ReduceSum" || type == "ReduceMean") return Reduce(node, x, context);
  if (type == "Neg") {
    OnnxConstant minus;
    minus.floats = {-1};
    absl::StatusOr<OnnxValue> value = ArithmeticWithConstant("Mul", x, minus, /*first=*/true, context);
    if (!value.ok()) return value.status();
    return One(*std::move(value));
  }
  if (type == "ArgMax" && x.kind == Kind::kProbabilities) {
    OnnxValue label;
    label.kind = Kind::kLabel;
    return One(std::move(label));
  }
  return Bad(absl::StrCat("this operator is not supported; supported are ", kOnnxOperators));
}

}  // namespace adscore::trainer
