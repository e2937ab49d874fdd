#include "trainer/import/onnx_choices.h"

#include <string>
#include <utility>

#include "absl/status/status.h"

namespace adscore::trainer {
namespace {

using Kind = OnnxValue::Kind;
using model::ActivationKind;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

// Ids below 0 count from the end in Python; a token is never below 0, so that the answer is known.
absl::StatusOr<OnnxValue> LessThanZero(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<const OnnxConstant*> bound = node.Constant(1);
  if (!bound.ok()) return bound.status();
  if (x.kind != Kind::kColumns || x.shift != 0 || x.mapped || (*bound)->size() != 1 ||
      !(*bound)->IsNumber() || (*bound)->At(0) != 0) {
    return Bad("a comparison; supported is one of ids with 0");
  }
  context->never_negative.insert(x.columns.begin(), x.columns.end());
  OnnxValue no;
  no.constant.type = OnnxConstant::Type::kInteger;
  no.constant.shape.assign(x.shape.size() + 1, 1);
  no.constant.integers = {0};
  return no;
}

absl::StatusOr<OnnxValue> Above(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<const OnnxConstant*> bound = node.Constant(1);
  if (!bound.ok()) return bound.status();
  if ((*bound)->size() != 1 || !(*bound)->IsNumber()) return Bad("a comparison with more than one number");
  absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  OnnxValue above = SumsValue(*std::move(sums), x.shape);
  above.kind = Kind::kAbove;
  above.bound = (*bound)->At(0);
  return above;
}

// PyTorch's softplus is x itself where x is so large that no float tells them apart.
bool IsBoundedSoftplus(const OnnxValue& above, const OnnxValue& x, const OnnxValue& otherwise,
                       const DenseGraph& graph) {
  const Form& y = otherwise.form;
  if (x.kind != Kind::kSums || otherwise.kind != Kind::kSums || above.bound < 15) return false;
  if (!graph.Same(above.form, x.form) || y.level != x.form.level + 1 || !y.plain || y.width != x.form.width)
    return false;
  const DenseGraph::Level& level = graph.hidden()[y.level - 1];
  const absl::StatusOr<Form> full = graph.Full(x.form);
  if (level.activation.kind != ActivationKind::kSoftplus || !full.ok()) return false;
  for (size_t i = 0; i < y.width; ++i) {
    const DenseGraph::HiddenUnit& unit = level.units[y.unit[i]];
    if (y.scale[i] != 1 || y.offset[i] != 0 || unit.offset != full->offset[i]) return false;
    for (size_t u = 0; u < unit.weights.size(); ++u) {
      if (unit.weights[u] != full->weights[u * y.width + i]) return false;
    }
  }
  return true;
}

absl::StatusOr<OnnxValue> Where(const OnnxNode& node, const OnnxContext& context) {
  const OnnxValue& condition = *node.inputs[0];
  const absl::StatusOr<const OnnxValue*> yes = node.Input(1);
  const absl::StatusOr<const OnnxValue*> no = node.Input(2);
  if (!yes.ok()) return yes.status();
  if (!no.ok()) return no.status();
  const OnnxConstant& constant = condition.constant;
  if (condition.kind == Kind::kConstant && constant.type == OnnxConstant::Type::kInteger &&
      constant.size() == 1) {
    return constant.integers[0] != 0 ? **yes : **no;
  }
  if (condition.kind == Kind::kAbove && IsBoundedSoftplus(condition, **yes, **no, context.graph)) return **no;
  return Bad("a choice by numbers of the row; supported is that of PyTorch's softplus");
}

}  // namespace

absl::StatusOr<OnnxValue> ApplyChoice(const OnnxNode& node, OnnxContext* context) {
  if (node.type() == "Where") return Where(node, *context);
  const OnnxValue& x = *node.inputs[0];
  return node.type() == "Less" ? LessThanZero(node, x, context) : Above(node, x, context);
}

}  // namespace adscore::trainer
