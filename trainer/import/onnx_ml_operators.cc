// ApplyOnnxMlOperator: the operators of ai.onnx.ml that scikit-learn's exporter writes around a network.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/import/onnx_elements.h"
#include "trainer/import/onnx_node.h"
#include "trainer/import/onnx_tensor.h"

namespace adscore::trainer {
namespace {

using Kind = OnnxValue::Kind;
using Values = absl::StatusOr<std::vector<OnnxValue>>;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

Values One(OnnxValue value) {
  std::vector<OnnxValue> values;
  values.push_back(std::move(value));
  return values;
}

OnnxValue Label() {
  OnnxValue label;
  label.kind = Kind::kLabel;
  return label;
}

// One number for all of `count` elements, or one each.
absl::StatusOr<std::vector<double>> PerElement(const std::vector<float>& numbers, size_t count,
                                               const char* what) {
  if (numbers.size() == 1) return std::vector<double>(count, numbers[0]);
  if (numbers.size() == count) return std::vector<double>(numbers.begin(), numbers.end());
  return Bad(absl::StrCat("its ", what, " has ", numbers.size(), " numbers for ", count, " inputs"));
}

Values Scaler(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<std::vector<double>> offset = PerElement(node.Floats("offset"), sums->width, "offset");
  const absl::StatusOr<std::vector<double>> scale = PerElement(node.Floats("scale"), sums->width, "scale");
  if (!offset.ok()) return offset.status();
  if (!scale.ok()) return scale.status();
  for (size_t i = 0; i < sums->width; ++i) (*offset)[i] *= -(*scale)[i];
  return One(SumsValue(context->graph.ScaleShift(*sums, *scale, *offset), x.shape));
}

// What stands for a missing number.
Values Imputer(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  if (x.kind != Kind::kColumns || x.mapped || x.shift != 0)
    return Bad("it is not applied to the model's input itself");
  if (!std::isnan(node.Float("replaced_value_float", 0)))
    return Bad("it replaces something else than missing numbers");
  const absl::StatusOr<std::vector<double>> values =
      PerElement(node.Floats("imputed_value_floats"), x.columns.size(), "imputed_value_floats");
  if (!values.ok()) return values.status();
  for (size_t i = 0; i < x.columns.size(); ++i) {
    if (absl::Status status = context->graph.SetMissing(x.columns[i], (*values)[i]); !status.ok())
      return status;
  }
  return One(x);
}

// Two probabilities that add up to 1 are what they are divided by their sum.
Values Normalizer(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  if (x.kind == Kind::kProbabilities && node.Text("norm", "MAX") == "L1" && x.form.width == 2) {
    const std::vector<double> minus = {-1};
    const std::vector<double> nothing = {0};
    const Form other =
        context->graph.ScaleShift(context->graph.Select(x.form, std::vector<size_t>{0}), minus, nothing);
    if (context->graph.Same(other, context->graph.Select(x.form, std::vector<size_t>{1}))) return One(x);
  }
  return Bad(
      "it divides by what all of a row's numbers add up to; supported is that of two classes' probabilities");
}

std::vector<std::string> Digits(const std::vector<int64_t>& numbers) {
  std::vector<std::string> texts;
  for (const int64_t number : numbers) texts.push_back(std::to_string(number));
  return texts;
}

Values OneHotEncoder(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  if (x.kind != Kind::kColumns || x.shift != 0)
    return Bad("it encodes what is no input of the model but computed by it");
  const bool strings = node.Has("cats_strings");
  const std::vector<std::string> categories =
      strings ? node.Texts("cats_strings") : Digits(node.Ints("cats_int64s"));
  if (categories.empty()) return Bad("it has no categories");
  if (std::set<std::string>(categories.begin(), categories.end()).size() != categories.size()) {
    return Bad("it has a category twice");
  }
  LookupTable table;
  table.dim = categories.size();
  table.unknown.assign(table.dim, 0.0F);
  if (!x.mapped) {
    table.tokens = categories;
  } else {
    if (!WeightCount(x.map.tokens.size(), table.dim)) return Bad("it has too many categories");
    table.tokens = x.map.tokens;
    table.values.assign(table.tokens.size() * table.dim, 0.0F);
    for (size_t i = 0; i < table.tokens.size(); ++i) {
      const std::string number =
          std::to_string(static_cast<int64_t>(std::clamp(x.map.values[i], -1e18, 1e18)));
      const auto found = std::find(categories.begin(), categories.end(), number);
      if (found != categories.end())
        table.values[i * table.dim + static_cast<size_t>(found - categories.begin())] = 1;
    }
  }
  std::vector<Form> parts;
  for (const size_t column : x.columns) {
    if (node.Int("zeros", 1) == 0) {
      context->notices.push_back(absl::StrCat(
          "input '", context->graph.columns()[column].name,
          "': the model refuses a category that it does not know; here such a one has no effect"));
    }
    absl::StatusOr<Form> part = context->graph.Look(column, table);
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  absl::StatusOr<Form> all = context->graph.Concatenate(parts);
  if (!all.ok()) return all.status();
  std::vector<int64_t> shape = x.shape;
  shape.push_back(static_cast<int64_t>(table.dim));
  return One(SumsValue(*std::move(all), std::move(shape)));
}

// Keys and values are of one type each, in an attribute named after it, or in a tensor.
absl::StatusOr<OnnxConstant> ListOf(const OnnxNode& node, const std::string& what,
                                    const OnnxContext& context) {
  OnnxConstant list;
  if (const onnx::Tensor* tensor = node.Tensor((what + "_tensor").c_str()); tensor != nullptr) {
    return ReadTensor(*tensor, context.folder);
  }
  list.texts = node.Texts((what + "_strings").c_str());
  list.integers = node.Ints((what + "_int64s").c_str());
  list.floats = node.Floats((what + "_floats").c_str());
  list.type = !list.texts.empty()      ? OnnxConstant::Type::kText
              : !list.integers.empty() ? OnnxConstant::Type::kInteger
                                       : OnnxConstant::Type::kFloat;
  return list;
}

// What stands for a key that is not there. The attribute's name depends on its type.
absl::StatusOr<double> Otherwise(const OnnxNode& node, const OnnxConstant& values,
                                 const OnnxContext& context) {
  if (const onnx::Tensor* tensor = node.Tensor("default_tensor"); tensor != nullptr) {
    const absl::StatusOr<OnnxConstant> constant = ReadTensor(*tensor, context.folder);
    if (!constant.ok()) return constant.status();
    if (constant->size() != 1 || !constant->IsNumber()) return Bad("its default is not one number");
    return constant->At(0);
  }
  if (values.type == OnnxConstant::Type::kInteger) return static_cast<double>(node.Int("default_int64", -1));
  return static_cast<double>(node.Float("default_float", 0));
}

Values LabelEncoder(const OnnxNode& node, const OnnxValue& x, const OnnxContext& context) {
  if (x.kind != Kind::kColumns || x.mapped || x.shift != 0) {
    return Bad("it encodes what is no input of the model but computed by it");
  }
  OnnxConstant keys;
  OnnxConstant values;
  if (node.Has("classes_strings")) {  // the first version of the operator
    keys.type = OnnxConstant::Type::kText;
    keys.texts = node.Texts("classes_strings");
    values.type = OnnxConstant::Type::kInteger;
    for (size_t i = 0; i < keys.texts.size(); ++i) values.integers.push_back(static_cast<int64_t>(i));
  } else {
    absl::StatusOr<OnnxConstant> read = ListOf(node, "keys", context);
    if (!read.ok()) return read.status();
    keys = *std::move(read);
    read = ListOf(node, "values", context);
    if (!read.ok()) return read.status();
    values = *std::move(read);
  }
  if (values.type == OnnxConstant::Type::kText) return Bad("it makes strings; supported are numbers");
  if (keys.type == OnnxConstant::Type::kFloat)
    return Bad("its keys are floats; supported are strings and whole numbers");
  if (keys.size() != values.size() || keys.size() == 0) {
    return Bad(absl::StrCat("it has ", keys.size(), " keys and ", values.size(), " values"));
  }
  const absl::StatusOr<double> otherwise = Otherwise(node, values, context);
  if (!otherwise.ok()) return otherwise.status();
  OnnxValue mapped = x;
  mapped.mapped = true;
  mapped.map.tokens = keys.type == OnnxConstant::Type::kText ? keys.texts : Digits(keys.integers);
  if (std::set<std::string>(mapped.map.tokens.begin(), mapped.map.tokens.end()).size() != keys.size()) {
    return Bad("it has a key twice");
  }
  for (size_t i = 0; i < values.size(); ++i) mapped.map.values.push_back(values.At(i));
  mapped.map.otherwise = *otherwise;
  return One(std::move(mapped));
}

// Picks along the last axis.
Values ArrayFeatureExtractor(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<const OnnxConstant*> indices = node.Constant(1);
  if (!indices.ok()) return indices.status();
  if ((*indices)->type != OnnxConstant::Type::kInteger) return Bad("its indices are no whole numbers");
  if (x.shape.empty() || x.shape.back() <= 0) return Bad("its input has one number per row");
  const auto last = static_cast<size_t>(x.shape.back());
  std::vector<size_t> elements;
  if (!WeightCount(x.Elements() / last, (*indices)->size())) return Bad("it picks too many");
  for (size_t first = 0; first < x.Elements(); first += last) {
    for (const int64_t i : (*indices)->integers) {
      if (i < 0 || i >= x.shape.back()) return Bad(absl::StrCat("it picks element ", i, " of ", last));
      elements.push_back(first + static_cast<size_t>(i));
    }
  }
  std::vector<int64_t> shape = x.shape;
  shape.back() = static_cast<int64_t>((*indices)->size());
  return One(SelectElements(x, elements, std::move(shape), context->graph));
}

Values FeatureVectorizer(const OnnxNode& node, OnnxContext* context) {
  int64_t width = 0;
  for (const OnnxValue* value : node.inputs) {
    const bool row = value != nullptr && value->kind != Kind::kConstant && value->kind != Kind::kErf &&
                     value->shape.size() == 1;
    if (!row) return Bad("its inputs are not one list of numbers per row each");
    width += value->shape[0];
  }
  absl::StatusOr<OnnxValue> joined = JoinValues(node.inputs, {width}, context);
  if (!joined.ok()) return joined.status();
  return One(*std::move(joined));
}

// A logistic regression: the label, then what the post-transform makes of the scores.
Values LinearClassifier(const OnnxNode& node, const OnnxValue& x, OnnxContext* context) {
  const absl::StatusOr<Form> sums = SumsOf(x, context);
  if (!sums.ok()) return sums.status();
  const std::vector<float> coefficients = node.Floats("coefficients");
  const std::vector<float> intercepts = node.Floats("intercepts");
  if (sums->width == 0 || coefficients.empty() || coefficients.size() % sums->width != 0) {
    return Bad(absl::StrCat("it has ", coefficients.size(), " coefficients for ", sums->width, " inputs"));
  }
  const size_t scores = coefficients.size() / sums->width;
  if (scores > 2 || (!intercepts.empty() && intercepts.size() != scores)) {
    return Bad(absl::StrCat("it has ", scores,
                            " classes; a head is one probability, so that two classes are supported"));
  }
  std::vector<float> w(coefficients.size());
  for (size_t s = 0; s < scores; ++s) {
    for (size_t i = 0; i < sums->width; ++i) w[i * scores + s] = coefficients[s * sums->width + i];
  }
  absl::StatusOr<Form> linear = context->graph.Multiply(*sums, w, scores);
  if (!linear.ok()) return linear.status();
  const std::vector<double> one(scores, 1.0);
  std::vector<double> shift(intercepts.begin(), intercepts.end());
  shift.resize(scores, 0.0);
  linear = context->graph.ScaleShift(*linear, one, shift);
  const std::string post = node.Text("post_transform", "NONE");
  if (scores == 1) {  // the second class's score alone
    constexpr float kBoth[] = {-1, 1};
    linear = context->graph.Multiply(*linear, kBoth, 2);
  } else if (post == "SOFTMAX") {
    linear = context->graph.Differences(*linear);
  }
  if (!linear.ok()) return linear.status();
  if (post != "LOGISTIC" && post != "NONE" && !(post == "SOFTMAX" && scores == 2)) {
    return Bad(absl::StrCat("post_transform ", post, " of ", scores, " scores is not supported"));
  }
  std::vector<OnnxValue> values;
  values.push_back(Label());
  values.push_back(SumsValue(*std::move(linear), {2}));
  if (post != "NONE") values.back().kind = Kind::kProbabilities;
  return values;
}

}  // namespace

absl::StatusOr<std::vector<OnnxValue>> ApplyOnnxMlOperator(const OnnxNode& node, OnnxContext* context) {
  const std::string& type = node.type();
  const absl::StatusOr<const OnnxValue*> first = node.Input(0);
  if (!first.ok()) return first.status();
  const OnnxValue& x = **first;
  if (x.kind == Kind::kConstant) return Bad("its first input is a constant");
  if (type == "Scaler") return Scaler(node, x, context);
  if (type == "Imputer") return Imputer(node, x, context);
  if (type == "Normalizer") return Normalizer(node, x, context);
  if (type == "OneHotEncoder") return OneHotEncoder(node, x, context);
  if (type == "LabelEncoder") return LabelEncoder(node, x, *context);
  if (type == "ArrayFeatureExtractor") return ArrayFeatureExtractor(node, x, context);
  if (type == "FeatureVectorizer") return FeatureVectorizer(node, context);
  if (type == "LinearClassifier") return LinearClassifier(node, x, context);
  if (type == "Binarizer" && x.kind == Kind::kProbabilities) return One(Label());
  if (type == "ZipMap") return One(x);
  return Bad(absl::StrCat("this operator is not supported; supported are ", kOnnxMlOperators));
}

}  // namespace adscore::trainer
