#include "trainer/import/onnx_node.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace adscore::trainer {

std::string OnnxNode::Title() const {
  const std::string& name =
      !node_->name().empty() || node_->output_size() == 0 ? node_->name() : node_->output(0);
  return absl::StrCat(type(), " '", name.substr(0, 200), "'");
}

const onnx::Attribute* OnnxNode::Find(const char* name) const {
  for (const onnx::Attribute& attribute : node_->attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

int64_t OnnxNode::Int(const char* name, int64_t otherwise) const {
  const onnx::Attribute* attribute = Find(name);
  return attribute != nullptr && attribute->has_i() ? attribute->i() : otherwise;
}

float OnnxNode::Float(const char* name, float otherwise) const {
  const onnx::Attribute* attribute = Find(name);
  return attribute != nullptr && attribute->has_f() ? attribute->f() : otherwise;
}

std::string OnnxNode::Text(const char* name, const std::string& otherwise) const {
  const onnx::Attribute* attribute = Find(name);
  return attribute != nullptr && attribute->has_s() ? attribute->s() : otherwise;
}

std::vector<int64_t> OnnxNode::Ints(const char* name) const {
  const onnx::Attribute* attribute = Find(name);
  if (attribute == nullptr) return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<float> OnnxNode::Floats(const char* name) const {
  const onnx::Attribute* attribute = Find(name);
  if (attribute == nullptr) return {};
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> OnnxNode::Texts(const char* name) const {
  const onnx::Attribute* attribute = Find(name);
  if (attribute == nullptr) return {};
  return {attribute->strings().begin(), attribute->strings().end()};
}

const onnx::Tensor* OnnxNode::Tensor(const char* name) const {
  const onnx::Attribute* attribute = Find(name);
  return attribute != nullptr && attribute->has_t() ? &attribute->t() : nullptr;
}

absl::StatusOr<const OnnxValue*> OnnxNode::Input(size_t i) const {
  if (HasInput(i)) return inputs[i];
  return absl::InvalidArgumentError(absl::StrCat("it lacks input ", i));
}

absl::StatusOr<const OnnxConstant*> OnnxNode::Constant(size_t i) const {
  const absl::StatusOr<const OnnxValue*> input = Input(i);
  if (!input.ok()) return input.status();
  if ((*input)->kind == OnnxValue::Kind::kConstant) return &(*input)->constant;
  return absl::InvalidArgumentError(
      absl::StrCat("its input ", i, " is computed from the model's input; supported is a constant"));
}

absl::StatusOr<std::vector<int64_t>> OnnxNode::Integers(size_t i, const char* attribute) const {
  if (!HasInput(i)) return Ints(attribute);
  const absl::StatusOr<const OnnxConstant*> constant = Constant(i);
  if (!constant.ok()) return constant.status();
  if ((*constant)->type != OnnxConstant::Type::kInteger) {
    return absl::InvalidArgumentError(absl::StrCat("its input ", i, " should be whole numbers"));
  }
  return (*constant)->integers;
}

OnnxValue SumsValue(Form form, std::vector<int64_t> shape) {
  OnnxValue value;
  value.kind = OnnxValue::Kind::kSums;
  value.form = std::move(form);
  value.shape = std::move(shape);
  return value;
}

absl::StatusOr<Form> SumsOf(const OnnxValue& value, OnnxContext* context) {
  switch (value.kind) {
    case OnnxValue::Kind::kSums:
      return value.form;
    case OnnxValue::Kind::kProbabilities:
      return context->graph.Activate(value.form, {model::ActivationKind::kSigmoid});
    case OnnxValue::Kind::kColumns:
      break;
    default:
      return absl::InvalidArgumentError("its input is nothing that a layer of numbers can be made of");
  }
  if (value.truncated && !value.mapped) {
    return absl::InvalidArgumentError(
        "it computes with numbers that are cut to whole ones; supported is to look such ones up in a table");
  }
  if (!value.mapped) {
    absl::StatusOr<Form> numbers = context->graph.Numbers(value.columns);
    if (!numbers.ok() || value.shift == 0) return numbers;
    const std::vector<double> one(numbers->width, 1.0);
    const std::vector<double> shift(numbers->width, value.shift);
    return context->graph.ScaleShift(*numbers, one, shift);
  }
  std::vector<Form> parts;
  for (const size_t column : value.columns) {
    LookupTable table;
    table.tokens = value.map.tokens;
    table.dim = 1;
    for (const double number : value.map.values)
      table.values.push_back(static_cast<float>(number + value.shift));
    table.unknown = {static_cast<float>(value.map.otherwise + value.shift)};
    absl::StatusOr<Form> part = context->graph.Look(column, std::move(table));
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  return context->graph.Concatenate(parts);
}

OnnxValue SelectElements(const OnnxValue& value, const std::vector<size_t>& elements,
                         std::vector<int64_t> shape, const DenseGraph& graph) {
  OnnxValue selected;
  selected.kind = value.kind;
  selected.shape = std::move(shape);
  selected.shift = value.shift;
  selected.fractional = value.fractional;
  selected.truncated = value.truncated;
  selected.mapped = value.mapped;
  selected.map = value.map;
  selected.erf_scale = value.erf_scale;
  selected.erf_shift = value.erf_shift;
  if (value.kind == OnnxValue::Kind::kColumns) {
    for (const size_t i : elements) selected.columns.push_back(value.columns[i]);
  } else if (value.kind != OnnxValue::Kind::kLabel) {
    selected.form = graph.Select(value.form, elements);
  }
  return selected;
}

absl::StatusOr<OnnxValue> JoinValues(const std::vector<const OnnxValue*>& values, std::vector<int64_t> shape,
                                     OnnxContext* context) {
  const OnnxValue& first = *values.front();
  bool columns = true;
  bool probabilities = true;
  for (const OnnxValue* value : values) {
    columns =
        columns && value->kind == OnnxValue::Kind::kColumns && !value->mapped && value->shift == first.shift;
    probabilities = probabilities && value->kind == OnnxValue::Kind::kProbabilities;
  }
  OnnxValue joined;
  joined.shape = std::move(shape);
  if (columns) {
    joined.kind = OnnxValue::Kind::kColumns;
    joined.shift = first.shift;
    for (const OnnxValue* value : values) {
      joined.fractional = joined.fractional || value->fractional;
      joined.truncated = joined.truncated || value->truncated;
      joined.columns.insert(joined.columns.end(), value->columns.begin(), value->columns.end());
    }
    return joined;
  }
  joined.kind = probabilities ? OnnxValue::Kind::kProbabilities : OnnxValue::Kind::kSums;
  std::vector<Form> parts;
  for (const OnnxValue* value : values) {
    absl::StatusOr<Form> part = probabilities ? value->form : SumsOf(*value, context);
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  absl::StatusOr<Form> all = context->graph.Concatenate(parts);
  if (!all.ok()) return all.status();
  joined.form = *std::move(all);
  return joined;
}

}  // namespace adscore::trainer
