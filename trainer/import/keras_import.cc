#include "trainer/import/keras_import.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/import/keras_layers.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostLayers = 10'000;
constexpr size_t kMostDepth = 100;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

// A call of a layer: which one, and the how-manieth.
struct Call {
  std::string layer;
  size_t node = 0;
  bool operator<(const Call& other) const {
    return std::tie(layer, node) < std::tie(other.layer, other.node);
  }
};

struct Node {
  KerasLayer layer;
  Call call;
  std::vector<Call> inputs;
};

// ["dense", 0, 0]. The last number is which of its outputs, and no layer that is understood has a second one:
// that is a call that never comes.
Call CallOf(const Json& history) {
  const bool first = history.at(2).get<int64_t>() == 0;
  return {history.at(0).get<std::string>(), first ? history.at(1).get<size_t>() : SIZE_MAX};
}

bool IsHistory(const Json& json) { return json.is_array() && json.size() >= 3 && json[0].is_string(); }

// The tensors among the arguments of a call, however they are nested: Keras 3's __keras_tensor__ objects, or
// the lists of Keras 2.
void CollectInputs(const Json& arguments, size_t depth, std::vector<Call>* inputs) {
  if (depth > kMostDepth) return;
  if (IsHistory(arguments)) {
    inputs->push_back(CallOf(arguments));
  } else if (arguments.is_array()) {
    for (const Json& argument : arguments) CollectInputs(argument, depth + 1, inputs);
  } else if (arguments.is_object() && arguments.value("class_name", Json()) == "__keras_tensor__") {
    inputs->push_back(CallOf(arguments.at("config").at("keras_history")));
  } else if (arguments.is_object()) {
    for (const Json& argument : arguments) CollectInputs(argument, depth + 1, inputs);
  }
}

// [["a", 0, 0], ["b", 0, 0]], or the first alone, or an object of such.
std::vector<Call> Calls(const Json& json) {
  std::vector<Call> calls;
  CollectInputs(json, 0, &calls);
  return calls;
}

class KerasImporter {
 public:
  KerasImporter(const std::map<std::string, std::vector<Array>>& weights, bool logits)
      : weights_(weights), logits_(logits) {}

  // Throws what nlohmann throws.
  absl::StatusOr<ImportedGraph> Run(const Json& model) {
    const std::string kind = model.at("class_name").get<std::string>();
    const Json& config = model.at("config");
    absl::Status status;
    if (kind == "Sequential") {
      status = ReadSequential(config);
    } else if (kind == "Functional" || kind == "Model") {
      status = ReadFunctional(config);
    } else {
      return Bad(
          absl::StrCat("it is a model of class ", kind,
                       ", whose code is not in the file; Sequential and functional models are supported"));
    }
    if (status.ok()) status = Evaluate();
    for (const Call& output : outputs_) {
      if (status.ok()) status = AddHead(output);
    }
    if (!status.ok()) return status;
    return std::move(imported_);
  }

 private:
  Node NodeOf(const Json& layer) const {
    static const std::vector<Array> kNone;
    Node node;
    node.layer.config = &layer.at("config");
    node.layer.class_name = layer.at("class_name").get<std::string>();
    const auto own = layer.find("name");
    node.layer.name = own != layer.end() && own->is_string()
                          ? own->get<std::string>()
                          : node.layer.config->at("name").get<std::string>();
    const auto weights = weights_.find(node.layer.name);
    node.layer.weights = weights == weights_.end() ? &kNone : &weights->second;
    node.call = {node.layer.name, 0};
    return node;
  }

  absl::Status AddInput(const std::string& name, const Json& config) {
    const Json& shape =
        config.contains("batch_shape") ? config.at("batch_shape") : config.at("batch_input_shape");
    if (config.value("dtype", Json("float32")) == "string") {
      return Bad(absl::StrCat("input '", name,
                              "' is of strings, and Keras's lookups are not supported: give the "
                              "embedding's ids as whole numbers"));
    }
    if (shape.size() > 2 || (shape.size() == 2 && !shape[1].is_number_unsigned())) {
      return Bad(absl::StrCat("input '", name, "' is ", shape.dump(), "; supported is [null, columns]"));
    }
    KerasValue value;
    value.kind = KerasValue::Kind::kColumns;
    const size_t width = shape.size() == 2 ? shape[1].get<size_t>() : 1;
    if (width == 0 || width > kMostColumns - imported_.graph.columns().size())
      return Bad(absl::StrCat("input '", name, "' has an unlikely width"));
    for (size_t i = 0; i < width; ++i) {
      value.columns.push_back(imported_.graph.AddColumn(width == 1 ? name : absl::StrCat(name, "_", i)));
    }
    value.shape = {width};
    values_[{name, 0}] = std::move(value);
    return absl::OkStatus();
  }

  absl::Status ReadSequential(const Json& config) {
    const Json& layers = config.is_array() ? config : config.at("layers");
    Call last;
    for (const Json& layer : layers) {
      Node node = NodeOf(layer);
      if (last.layer.empty()) {
        const bool input = node.layer.class_name == "InputLayer";
        last = {input ? node.layer.name : "input", 0};
        Json shape = *node.layer.config;
        if (!input && !shape.contains("batch_input_shape")) {
          const Json& built = config.contains("build_input_shape") ? config.at("build_input_shape") : Json();
          if (!built.is_array())
            return Bad("it has no input shape: build the model, or give it an InputLayer");
          shape = {{"batch_input_shape", built}};
        }
        if (absl::Status status = AddInput(last.layer, shape); !status.ok()) return status;
        if (input) continue;
      }
      node.inputs = {last};
      last = node.call;
      nodes_.push_back(std::move(node));
    }
    if (nodes_.empty()) return Bad("it has no layers");
    outputs_ = {last};
    return absl::OkStatus();
  }

  absl::Status ReadFunctional(const Json& config) {
    std::map<std::string, const Json*> inputs;
    for (const Json& layer : config.at("layers")) {
      const Node node = NodeOf(layer);
      if (node.layer.class_name == "InputLayer") {
        inputs[node.layer.name] = node.layer.config;
        continue;
      }
      size_t calls = 0;
      for (const Json& inbound : layer.at("inbound_nodes")) {
        Node call = node;
        call.call.node = calls++;
        const Json& arguments = inbound.is_object() ? inbound.at("args") : inbound;
        CollectInputs(arguments, 0, &call.inputs);
        if (call.inputs.empty() && inbound.is_object() && inbound.contains("kwargs")) {
          CollectInputs(inbound.at("kwargs"), 0, &call.inputs);
        }
        nodes_.push_back(std::move(call));
      }
    }
    for (const Call& input : Calls(config.at("input_layers"))) {
      const auto layer = inputs.find(input.layer);
      if (layer == inputs.end()) return Bad(absl::StrCat("input '", input.layer, "' is no InputLayer"));
      if (absl::Status status = AddInput(input.layer, *layer->second); !status.ok()) return status;
    }
    outputs_ = Calls(config.at("output_layers"));
    if (outputs_.empty()) return Bad("it has no outputs");
    return absl::OkStatus();
  }

  // Each layer as soon as its inputs are there. Files have them in about that order.
  absl::Status Evaluate() {
    if (nodes_.size() > kMostLayers) return Bad(absl::StrCat("it has more than ", kMostLayers, " layers"));
    std::vector<const Node*> waiting;
    for (const Node& node : nodes_) waiting.push_back(&node);
    while (!waiting.empty()) {
      std::vector<const Node*> later;
      for (const Node* node : waiting) {
        std::vector<KerasValue> inputs;
        for (const Call& input : node->inputs) {
          const auto value = values_.find(input);
          if (value != values_.end()) inputs.push_back(value->second);
        }
        if (inputs.size() < node->inputs.size()) {
          later.push_back(node);
          continue;
        }
        absl::StatusOr<KerasValue> value = ApplyKerasLayer(node->layer, inputs, &imported_.graph);
        if (!value.ok()) {
          return Bad(absl::StrCat("layer '", node->layer.name, "' (", node->layer.class_name,
                                  "): ", value.status().message()));
        }
        values_[node->call] = *std::move(value);
      }
      if (later.size() == waiting.size()) {
        return Bad(absl::StrCat("layer '", later.front()->layer.name, "' (", later.front()->layer.class_name,
                                ") waits for an input that is not there, or for itself"));
      }
      waiting = std::move(later);
    }
    return absl::OkStatus();
  }

  absl::Status AddHead(const Call& output) {
    const auto value = values_.find(output);
    if (value == values_.end()) return Bad(absl::StrCat("output layer '", output.layer, "' is not there"));
    KerasValue last = value->second;
    if (last.kind == KerasValue::Kind::kSums && logits_) {
      if (last.form.width == 2) {
        const absl::StatusOr<Form> both = imported_.graph.Differences(last.form);
        if (!both.ok()) return both.status();
        last.form = *both;
        last.pair = true;
      }
    } else if (last.kind != KerasValue::Kind::kProbabilities) {
      return Bad(absl::StrCat("output layer '", output.layer,
                              "' ends in numbers and not in probabilities: give it "
                              "a sigmoid, or say with --logits that the sigmoid of them is meant"));
    }
    // Of two classes the second one is the positive.
    if (last.pair) last.form = imported_.graph.Select(last.form, std::vector<size_t>{1});
    imported_.heads.push_back({output.layer, last.form});
    return absl::OkStatus();
  }

  const std::map<std::string, std::vector<Array>>& weights_;
  const bool logits_;
  std::vector<Node> nodes_;
  std::vector<Call> outputs_;
  std::map<Call, KerasValue> values_;
  ImportedGraph imported_;
};

}  // namespace

absl::StatusOr<ImportedGraph> ImportKeras(const std::string& config,
                                          const std::map<std::string, std::vector<Array>>& weights,
                                          bool logits) {
  const Json json = Json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Bad("the model's configuration is no JSON object");
  try {  // the JSON library reports a wrong shape by throwing; it goes no further than here
    return KerasImporter(weights, logits).Run(json);
  } catch (const Json::exception& e) {
    return Bad(absl::StrCat("the model's configuration is not as Keras writes it: ", e.what()));
  }
}

}  // namespace adscore::trainer
