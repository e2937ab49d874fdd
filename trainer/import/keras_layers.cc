#include "trainer/import/keras_layers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "trainer/import/keras_import.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;
using model::Activation;
using model::ActivationKind;
using Kind = KerasValue::Kind;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<Form> Sums(const KerasValue& value, DenseGraph* graph) {
  if (value.kind == Kind::kColumns) return graph->Numbers(value.columns);
  if (value.kind == Kind::kProbabilities) return graph->Activate(value.form, {ActivationKind::kSigmoid});
  return value.form;
}

absl::StatusOr<KerasValue> Result(absl::StatusOr<Form> form, std::vector<size_t> shape) {
  if (!form.ok()) return form.status();
  KerasValue value;
  value.form = *std::move(form);
  value.shape = std::move(shape);
  return value;
}

// The i-th array of the layer, of `count` numbers.
absl::StatusOr<const Array*> Weight(const KerasLayer& layer, size_t i, const std::vector<size_t>& shape) {
  if (i >= layer.weights->size()) {
    return Bad(absl::StrCat("its weights are not in the file: there are ", layer.weights->size(), " arrays"));
  }
  const Array& array = (*layer.weights)[i];
  if (array.shape != shape) {
    return Bad(absl::StrCat("array ", i, " is [", absl::StrJoin(array.shape, ", "), "] and should be [",
                            absl::StrJoin(shape, ", "), "]"));
  }
  return &array;
}

absl::StatusOr<KerasValue> Activate(KerasValue value, const Activation& activation, DenseGraph* graph) {
  absl::StatusOr<Form> sums = Sums(value, graph);
  if (!sums.ok()) return sums.status();
  if (activation.kind != ActivationKind::kSigmoid)
    return Result(graph->Activate(*sums, activation), value.shape);
  absl::StatusOr<KerasValue> result = Result(std::move(sums), value.shape);
  result->kind = Kind::kProbabilities;
  return result;
}

absl::StatusOr<KerasValue> Softmax(const KerasValue& value, DenseGraph* graph) {
  absl::StatusOr<Form> sums = Sums(value, graph);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<KerasValue> result = Result(graph->Differences(*sums), value.shape);
  if (!result.ok()) return result;
  result->kind = Kind::kProbabilities;
  result->pair = true;
  return result;
}

// `key` of `config`, which may be missing or null.
double NumberOr(const Json& config, const char* key, double otherwise) {
  const auto at = config.find(key);
  return at == config.end() || at->is_null() ? otherwise : at->get<double>();
}

absl::StatusOr<KerasValue> ReluLayer(const Json& config, const KerasValue& value, DenseGraph* graph) {
  if (config.contains("max_value") && !config.at("max_value").is_null()) {
    return Bad("a ReLU with max_value; supported is one without");
  }
  if (NumberOr(config, "threshold", 0) != 0) return Bad("a ReLU with a threshold; supported is one at 0");
  const double slope = NumberOr(config, "negative_slope", 0);
  if (slope == 0) return Activate(value, {}, graph);
  return Activate(value, {ActivationKind::kLeakyRelu, static_cast<float>(slope)}, graph);
}

// "relu", or an object with its settings; null and "linear" are nothing.
absl::StatusOr<KerasValue> Named(const Json& activation, const KerasValue& value, DenseGraph* graph) {
  if (activation.is_null()) return value;
  if (activation.is_object()) {
    const std::string name = activation.at("class_name").get<std::string>();
    const auto config = activation.find("config");
    if (config == activation.end() || !config->is_object())
      return Named(name == "function" ? *config : Json(name), value, graph);
    if (name == "ReLU") return ReluLayer(*config, value, graph);
    if (name == "LeakyReLU") {
      const double slope = NumberOr(*config, "negative_slope", NumberOr(*config, "alpha", 0.3));
      return Activate(value, {ActivationKind::kLeakyRelu, static_cast<float>(slope)}, graph);
    }
    return Bad(absl::StrCat("activation ", name, " is not supported"));
  }
  const std::string name = activation.get<std::string>();
  if (name == "linear") return value;
  if (name == "softmax") return Softmax(value, graph);
  if (name == "relu") return Activate(value, {}, graph);
  if (name == "leaky_relu") return Activate(value, {ActivationKind::kLeakyRelu, 0.2F}, graph);
  if (name == "elu") return Activate(value, {ActivationKind::kElu, 1}, graph);
  for (const ActivationKind kind : {ActivationKind::kSelu, ActivationKind::kTanh, ActivationKind::kSigmoid,
                                    ActivationKind::kSoftplus, ActivationKind::kGelu}) {
    if (name == model::ToString(kind)) return Activate(value, {kind}, graph);
  }
  return Bad(absl::StrCat("activation '", name,
                          "' is not supported; supported are linear, relu, leaky_relu, elu, ",
                          "selu, tanh, sigmoid, softplus, gelu and softmax of two"));
}

absl::StatusOr<KerasValue> Dense(const KerasLayer& layer, const KerasValue& input, DenseGraph* graph) {
  const size_t width = input.Elements();
  if (input.shape.empty() || input.shape.back() != width) {
    return Bad(
        absl::StrCat("its input is [", absl::StrJoin(input.shape, ", "),
                     "] per row, and a Dense layer over more than one axis is not supported: flatten it"));
  }
  const size_t units = layer.config->at("units").get<size_t>();
  const absl::StatusOr<const Array*> kernel = Weight(layer, 0, {width, units});
  if (!kernel.ok()) return kernel.status();
  absl::StatusOr<Form> sums = Sums(input, graph);
  if (sums.ok()) sums = graph->Multiply(*sums, (*kernel)->values, units);
  if (!sums.ok()) return sums.status();
  if (layer.config->value("use_bias", true)) {
    const absl::StatusOr<const Array*> bias = Weight(layer, 1, {units});
    if (!bias.ok()) return bias.status();
    const std::vector<double> one(units, 1.0);
    const std::vector<double> shift((*bias)->values.begin(), (*bias)->values.end());
    sums = graph->ScaleShift(*sums, one, shift);
  }
  std::vector<size_t> shape = input.shape;
  shape.back() = units;
  absl::StatusOr<KerasValue> result = Result(std::move(sums), shape);
  return Named(layer.config->at("activation"), *result, graph);
}

absl::StatusOr<KerasValue> ScaleShift(const KerasValue& input, const std::vector<double>& scale,
                                      const std::vector<double>& shift, DenseGraph* graph) {
  const absl::StatusOr<Form> sums = Sums(input, graph);
  if (!sums.ok()) return sums.status();
  return Result(graph->ScaleShift(*sums, scale, shift), input.shape);
}

// Along the last axis, which must be the only one of more than one element.
absl::Status CheckLastAxis(const Json& config, const KerasValue& input) {
  Json axis = config.value("axis", Json(-1));
  if (axis.is_array() && axis.size() == 1) axis = axis[0];
  const bool last =
      axis.is_number_integer() &&
      (axis.get<int64_t>() == -1 || axis.get<int64_t>() == static_cast<int64_t>(input.shape.size()));
  if (last && !input.shape.empty() && input.shape.back() == input.Elements()) return absl::OkStatus();
  return Bad(absl::StrCat("axis ", axis.dump(), " of an input of [", absl::StrJoin(input.shape, ", "),
                          "] per row; supported is the last axis, where it is the only one"));
}

absl::StatusOr<KerasValue> BatchNormalization(const KerasLayer& layer, const KerasValue& input,
                                              DenseGraph* graph) {
  if (absl::Status status = CheckLastAxis(*layer.config, input); !status.ok()) return status;
  const size_t width = input.Elements();
  std::vector<double> scale(width, 1.0);
  std::vector<double> shift(width, 0.0);
  size_t next = 0;
  const auto read = [&](bool there, double otherwise) -> absl::StatusOr<std::vector<double>> {
    if (!there) return std::vector<double>(width, otherwise);
    const absl::StatusOr<const Array*> array = Weight(layer, next++, {width});
    if (!array.ok()) return array.status();
    return std::vector<double>((*array)->values.begin(), (*array)->values.end());
  };
  const absl::StatusOr<std::vector<double>> gamma = read(layer.config->value("scale", true), 1);
  const absl::StatusOr<std::vector<double>> beta = read(layer.config->value("center", true), 0);
  const absl::StatusOr<std::vector<double>> mean = read(true, 0);
  const absl::StatusOr<std::vector<double>> variance = read(true, 1);
  for (const auto* values : {&gamma, &beta, &mean, &variance}) {
    if (!values->ok()) return values->status();
  }
  const double epsilon = NumberOr(*layer.config, "epsilon", 1e-3);
  for (size_t i = 0; i < width; ++i) {
    scale[i] = (*gamma)[i] / std::sqrt((*variance)[i] + epsilon);
    shift[i] = (*beta)[i] - (*mean)[i] * scale[i];
  }
  return ScaleShift(input, scale, shift, graph);
}

// One number for all elements, or one each, from the configuration.
std::vector<double> Spread(const Json& numbers, size_t width) {
  const Json* at = &numbers;
  while (at->is_array() && at->size() == 1) at = &at->front();
  if (!at->is_array()) return std::vector<double>(width, at->get<double>());
  return at->get<std::vector<double>>();
}

absl::StatusOr<KerasValue> Normalization(const KerasLayer& layer, const KerasValue& input,
                                         DenseGraph* graph) {
  const Json& config = *layer.config;
  if (config.value("invert", false)) return Bad("invert is not supported");
  const size_t width = input.Elements();
  std::vector<double> mean;
  std::vector<double> variance;
  if (config.contains("mean") && !config.at("mean").is_null()) {
    mean = Spread(config.at("mean"), width);
    variance = Spread(config.at("variance"), width);
  } else if (config.contains("axis") && config.at("axis").is_null()) {  // the same for all elements
    for (size_t i = 0; i < 2; ++i) {
      const absl::StatusOr<const Array*> array = Weight(layer, i, {});
      if (!array.ok()) return array.status();
      (i == 0 ? mean : variance).assign(width, (*array)->values[0]);
    }
  } else {
    if (absl::Status status = CheckLastAxis(config, input); !status.ok()) return status;
    for (size_t i = 0; i < 2; ++i) {
      const absl::StatusOr<const Array*> array = Weight(layer, i, {width});
      if (!array.ok()) return array.status();
      (i == 0 ? mean : variance).assign((*array)->values.begin(), (*array)->values.end());
    }
  }
  if (mean.size() != width || variance.size() != width) {
    return Bad(absl::StrCat("its means are ", mean.size(), " for ", width, " inputs"));
  }
  std::vector<double> scale(width);
  std::vector<double> shift(width);
  for (size_t i = 0; i < width; ++i) {
    scale[i] = 1 / std::max(std::sqrt(variance[i]), 1e-7);  // as Keras bounds it
    shift[i] = -mean[i] * scale[i];
  }
  return ScaleShift(input, scale, shift, graph);
}

absl::StatusOr<KerasValue> Rescaling(const KerasLayer& layer, const KerasValue& input, DenseGraph* graph) {
  const size_t width = input.Elements();
  const std::vector<double> scale = Spread(layer.config->at("scale"), width);
  const std::vector<double> shift = Spread(layer.config->value("offset", Json(0)), width);
  if (scale.size() != width || shift.size() != width)
    return Bad("its scale is not one number, or one per input");
  return ScaleShift(input, scale, shift, graph);
}

absl::StatusOr<KerasValue> Embedding(const KerasLayer& layer, const KerasValue& input, DenseGraph* graph) {
  if (input.kind != Kind::kColumns)
    return Bad("it looks up what is no input of the model but computed by it");
  const size_t rows = layer.config->at("input_dim").get<size_t>();
  const size_t dim = layer.config->at("output_dim").get<size_t>();
  const absl::StatusOr<const Array*> array = Weight(layer, 0, {rows, dim});
  if (!array.ok()) return array.status();
  std::vector<Form> parts;
  for (const size_t column : input.columns) {
    absl::StatusOr<Form> part = graph->Look(column, EmbeddingOfIds((*array)->values, rows, dim));
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  std::vector<size_t> shape = input.shape;
  shape.push_back(dim);
  return Result(graph->Concatenate(parts), shape);
}

absl::StatusOr<KerasValue> Concatenate(const Json& config, const std::vector<KerasValue>& inputs,
                                       DenseGraph* graph) {
  const int64_t rank = static_cast<int64_t>(inputs.front().shape.size());
  int64_t axis = config.value("axis", int64_t{-1});
  axis = axis < 0 ? axis + rank : axis - 1;  // without the batch
  KerasValue joined;
  joined.kind = Kind::kColumns;
  joined.shape = inputs.front().shape;
  if (axis < 0 || axis >= rank) return Bad("it joins along an axis that its inputs do not have");
  const auto at = static_cast<size_t>(axis);
  joined.shape[at] = 0;
  for (const KerasValue& input : inputs) {
    for (size_t i = 0; i < joined.shape.size(); ++i) {
      const bool alike =
          input.shape.size() == joined.shape.size() && (i == at || input.shape[i] == joined.shape[i]);
      if (!alike || (i < at && input.shape[i] != 1)) {
        return Bad("it joins inputs of several axes; supported are inputs of one each: flatten them first");
      }
    }
    joined.shape[at] += input.shape[at];
    if (input.kind != Kind::kColumns) joined.kind = Kind::kSums;
  }
  std::vector<Form> parts;
  for (const KerasValue& input : inputs) {
    joined.columns.insert(joined.columns.end(), input.columns.begin(), input.columns.end());
    if (joined.kind == Kind::kColumns) continue;
    absl::StatusOr<Form> part = Sums(input, graph);
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
  }
  if (joined.kind == Kind::kColumns) return joined;
  return Result(graph->Concatenate(parts), joined.shape);
}

absl::StatusOr<KerasValue> AddAll(const std::vector<KerasValue>& inputs, DenseGraph* graph) {
  absl::StatusOr<Form> sum = Sums(inputs.front(), graph);
  for (size_t i = 1; i < inputs.size() && sum.ok(); ++i) {
    if (inputs[i].shape != inputs.front().shape) return Bad("it adds inputs of different shapes");
    const absl::StatusOr<Form> more = Sums(inputs[i], graph);
    if (!more.ok()) return more.status();
    sum = graph->Add(*sum, *more);
  }
  return Result(std::move(sum), inputs.front().shape);
}

}  // namespace

absl::StatusOr<KerasValue> ApplyKerasLayer(const KerasLayer& layer, const std::vector<KerasValue>& inputs,
                                           DenseGraph* graph) {
  const std::string& what = layer.class_name;
  const Json& config = *layer.config;
  if (inputs.empty()) return Bad("it has no input");
  if (what == "Concatenate") return Concatenate(config, inputs, graph);
  if (what == "Add") return AddAll(inputs, graph);
  if (inputs.size() != 1) return Bad(absl::StrCat("it has ", inputs.size(), " inputs, and should have one"));
  KerasValue input = inputs.front();
  if (what == "Dense") return Dense(layer, input, graph);
  if (what == "Activation") return Named(config.at("activation"), input, graph);
  if (what == "ReLU") return ReluLayer(config, input, graph);
  if (what == "LeakyReLU") return Named({{"class_name", what}, {"config", config}}, input, graph);
  if (what == "ELU") {
    return Activate(input, {ActivationKind::kElu, static_cast<float>(NumberOr(config, "alpha", 1))}, graph);
  }
  if (what == "Softmax") return Softmax(input, graph);
  if (what == "BatchNormalization") return BatchNormalization(layer, input, graph);
  if (what == "Normalization") return Normalization(layer, input, graph);
  if (what == "Rescaling") return Rescaling(layer, input, graph);
  if (what == "Embedding") return Embedding(layer, input, graph);
  if (what == "Flatten" || what == "Reshape") {
    std::vector<size_t> shape = {input.Elements()};
    if (what == "Reshape") {
      shape.clear();
      size_t known = 1;
      for (const Json& size : config.at("target_shape")) {
        shape.push_back(size.get<int64_t>() < 0 ? 0 : size.get<size_t>());
        known *= std::max<size_t>(shape.back(), 1);  // if it overflows, it won't fit either
      }
      for (size_t& size : shape) size = size > 0 ? size : input.Elements() / std::max<size_t>(known, 1);
      std::optional<size_t> elements = 1;
      for (const size_t size : shape) elements = elements ? WeightCount(*elements, size) : elements;
      if (elements != input.Elements()) return Bad("its target_shape does not fit its input");
    }
    input.shape = std::move(shape);
    return input;
  }
  for (const char* noise : {"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D",
                            "ActivityRegularization"}) {
    if (what == noise) return input;
  }
  return Bad(absl::StrCat("layers of this class are not supported; supported are ", kKerasLayers));
}

}  // namespace adscore::trainer
