#include "trainer/import/onnx_import.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "onnx.pb.h"
#include "trainer/import/onnx_node.h"
#include "trainer/import/onnx_tensor.h"
#include "trainer/import/whole_file.h"

namespace adscore::trainer {
namespace {

using Kind = OnnxValue::Kind;

constexpr int kMostNodes = 100'000;
// Numbers that all nodes together may make, on the way to a model of kMostWeights at most.
constexpr size_t kMostNumbers = 2 * kMostWeights;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsMl(const onnx::Node& node) { return node.domain() == "ai.onnx.ml"; }

class OnnxImporter {
 public:
  OnnxImporter(const onnx::Model& model, const std::string& folder, bool logits)
      : model_(model), graph_(model.graph()), logits_(logits) {
    context_.folder = folder;
  }

  absl::StatusOr<ImportedGraph> Run() {
    absl::Status status = ReadInitializers();
    if (status.ok()) status = AddInputs();
    if (status.ok()) status = FindNodes();
    if (status.ok()) status = Evaluate();
    if (status.ok()) status = CheckIds();
    for (const onnx::ValueInfo& output : graph_.output()) {
      if (status.ok()) status = AddHead(output.name());
    }
    if (!status.ok()) return status;
    imported_.graph = std::move(context_.graph);
    imported_.notices.insert(imported_.notices.begin(), context_.notices.begin(), context_.notices.end());
    return std::move(imported_);
  }

 private:
  absl::Status ReadInitializers() {
    for (const onnx::Tensor& tensor : graph_.initializer()) {
      absl::StatusOr<OnnxConstant> constant = ReadTensor(tensor, context_.folder);
      if (!constant.ok()) {
        return Bad(absl::StrCat("initializer '", tensor.name(), "': ", constant.status().message()));
      }
      if (values_.contains(tensor.name()))
        return Bad(absl::StrCat("initializer '", tensor.name(), "' is there twice"));
      values_[tensor.name()].constant = *std::move(constant);
    }
    return absl::OkStatus();
  }

  absl::Status AddInputs() {
    for (const onnx::ValueInfo& input : graph_.input()) {
      if (values_.contains(input.name())) continue;  // the default of an input is its initializer
      const onnx::TensorType& type = input.type().tensor_type();
      const int rank = type.shape().dim_size();
      if (!input.type().has_tensor_type() || !type.has_shape() || rank < 1 || rank > 2) {
        return Bad(
            absl::StrCat("input '", input.name(), "' has ", rank, " axes; supported is [rows, columns]"));
      }
      const int64_t width = rank == 2 ? type.shape().dim(1).dim_value() : 1;
      if (width <= 0) {
        return Bad(absl::StrCat("input '", input.name(),
                                "' has columns of an open number: export the model with their number fixed"));
      }
      if (static_cast<uint64_t>(width) > kMostColumns - context_.graph.columns().size()) {
        return Bad(
            absl::StrCat("input '", input.name(), "' has ", width, " columns; the most are ", kMostColumns));
      }
      OnnxValue value;
      value.kind = Kind::kColumns;
      for (int64_t i = 0; i < width; ++i) {
        value.columns.push_back(
            context_.graph.AddColumn(width == 1 ? input.name() : absl::StrCat(input.name(), "_", i)));
      }
      if (rank == 2) value.shape = {width};
      const int element = type.elem_type();  // TensorProto.DataType: float, half, double, bfloat
      value.fractional = element == 1 || element == 10 || element == 11 || element == 16;
      values_[input.name()] = std::move(value);
    }
    return absl::OkStatus();
  }

  // The nodes that the outputs depend on, each once.
  absl::Status FindNodes() {
    if (graph_.node_size() > kMostNodes) return Bad(absl::StrCat("it has more than ", kMostNodes, " nodes"));
    std::map<std::string, int> maker;
    for (int n = 0; n < graph_.node_size(); ++n) {
      for (const std::string& output : graph_.node(n).output()) {
        if (output.empty()) continue;
        if (values_.contains(output) || !maker.emplace(output, n).second) {
          return Bad(absl::StrCat(TitleOf(graph_.node(n)), " makes '", output, "', which is there already"));
        }
      }
    }
    std::vector<std::string> wanted;
    for (const onnx::ValueInfo& output : graph_.output()) wanted.push_back(output.name());
    if (wanted.empty()) return Bad("it has no outputs");
    std::set<std::string> seen(wanted.begin(), wanted.end());
    std::set<int> needed;
    while (!wanted.empty()) {
      const std::string name = wanted.back();
      wanted.pop_back();
      if (values_.contains(name)) continue;
      const auto made = maker.find(name);
      if (made == maker.end()) {
        return Bad(
            absl::StrCat("'", name, "' is needed, and is no input, no initializer and no node's output"));
      }
      if (!needed.insert(made->second).second) continue;
      for (const std::string& input : graph_.node(made->second).input()) {
        if (!input.empty() && seen.insert(input).second) wanted.push_back(input);
      }
    }
    needed_.assign(needed.begin(), needed.end());
    return absl::OkStatus();
  }

  // 0 if the file does not say it, as it should.
  int64_t OpsetOf(const onnx::Node& node) const {
    for (const onnx::OperatorSet& set : model_.opset_import()) {
      const bool ml = set.domain() == "ai.onnx.ml";
      if (ml == IsMl(node) && (ml || set.domain().empty() || set.domain() == "ai.onnx")) return set.version();
    }
    return 0;
  }

  std::string TitleOf(const onnx::Node& node) const { return OnnxNode(node, 0).Title(); }

  // Each node as soon as its inputs are there; files have them in that order.
  absl::Status Evaluate() {
    std::map<std::string, std::vector<size_t>> waiting_for;  // value → the needed nodes that lack it
    std::vector<size_t> lacks(needed_.size(), 0);
    std::set<size_t> ready;
    for (size_t i = 0; i < needed_.size(); ++i) {
      std::set<std::string> missing;
      for (const std::string& input : graph_.node(needed_[i]).input()) {
        if (!input.empty() && !values_.contains(input)) missing.insert(input);
      }
      lacks[i] = missing.size();
      for (const std::string& input : missing) waiting_for[input].push_back(i);
      if (missing.empty()) ready.insert(i);
    }
    size_t done = 0;
    while (!ready.empty()) {
      const size_t next = *ready.begin();
      ready.erase(ready.begin());
      lacks[next] = SIZE_MAX;
      ++done;
      const onnx::Node& node = graph_.node(needed_[next]);
      if (absl::Status status = Apply(node); !status.ok()) {
        return Bad(absl::StrCat(TitleOf(node), ": ", status.message()));
      }
      for (const std::string& output : node.output()) {
        for (const size_t i : waiting_for[output]) {
          if (--lacks[i] == 0) ready.insert(i);
        }
      }
    }
    if (done == needed_.size()) return absl::OkStatus();
    const auto stuck = std::find_if(lacks.begin(), lacks.end(), [](size_t lack) { return lack != SIZE_MAX; });
    return Bad(absl::StrCat(TitleOf(graph_.node(needed_[static_cast<size_t>(stuck - lacks.begin())])),
                            " waits for its own output: the graph has a cycle"));
  }

  absl::Status Apply(const onnx::Node& proto) {
    OnnxNode node(proto, OpsetOf(proto));
    bool constants = true;
    bool label = false;
    for (const std::string& input : proto.input()) {
      const OnnxValue* value = nullptr;
      if (!input.empty()) value = &values_.at(input);
      node.inputs.push_back(value);
      constants = constants && (value == nullptr || value->kind == Kind::kConstant);
      label = label || (value != nullptr && value->kind == Kind::kLabel);
    }
    const bool known = proto.domain().empty() || proto.domain() == "ai.onnx" || IsMl(proto);
    if (!known) return Bad(absl::StrCat("operators of the domain ", proto.domain(), " are not supported"));
    if (node.opset() <= 0) return Bad("the file does not say which version of the operators it is made of");
    std::vector<OnnxValue> made;
    if (label) {  // whatever is made of a class is one
      made.resize(static_cast<size_t>(proto.output_size()));
      for (OnnxValue& value : made) value.kind = Kind::kLabel;
    } else if (constants && !IsMl(proto)) {
      absl::StatusOr<OnnxValue> folded = FoldConstants(node, context_);
      if (!folded.ok()) return folded.status();
      made.push_back(*std::move(folded));
    } else {
      absl::StatusOr<std::vector<OnnxValue>> values =
          IsMl(proto) ? ApplyOnnxMlOperator(node, &context_) : ApplyOnnxOperator(node, &context_);
      if (!values.ok()) return values.status();
      made = *std::move(values);
    }
    for (int i = 0; i < proto.output_size(); ++i) {
      if (proto.output(i).empty()) continue;
      if (static_cast<size_t>(i) < made.size()) {
        values_[proto.output(i)] = std::move(made[static_cast<size_t>(i)]);
        const OnnxValue& value = values_[proto.output(i)];
        numbers_ += value.constant.size() + value.form.weights.size() + value.form.width +
                    value.columns.size() + value.map.tokens.size();
      } else {  // a mask or statistics of training: of no use to anyone
        values_[proto.output(i)].kind = Kind::kLabel;
      }
    }
    if (numbers_ > kMostNumbers) {
      return Bad(absl::StrCat("with it the graph computes more than ", kMostNumbers, " numbers"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckIds() const {
    for (const size_t column : context_.never_negative) {
      if (context_.graph.columns()[column].use != InputColumn::Use::kNumber) continue;
      return Bad(absl::StrCat("input '", context_.graph.columns()[column].name,
                              "' is compared with 0, and a number"));
    }
    return absl::OkStatus();
  }

  absl::Status AddHead(const std::string& output) {
    OnnxValue& value = values_.at(output);
    DenseGraph& graph = context_.graph;
    if (value.kind == Kind::kLabel || value.kind == Kind::kConstant || value.kind == Kind::kColumns) {
      imported_.notices.push_back(absl::StrCat(
          "output '", output,
          "' is left out: ", value.kind == Kind::kLabel ? "a class, where" : "no probability, and",
          " only probabilities are served"));
      return absl::OkStatus();
    }
    if (value.kind != Kind::kProbabilities) {
      if (!logits_ || value.kind != Kind::kSums) {
        return Bad(absl::StrCat("output '", output,
                                "' is numbers and not probabilities: export the model with its "
                                "sigmoid, or say with --logits that the sigmoid of them is meant"));
      }
      if (value.form.width == 2) {
        absl::StatusOr<Form> both = graph.Differences(value.form);
        if (!both.ok()) return both.status();
        value.form = *std::move(both);
      }
    }
    // Of two classes whose probabilities add up to 1 the second one is the positive.
    if (value.form.width == 2) {
      const std::vector<double> minus = {-1};
      const std::vector<double> nothing = {0};
      const Form second = graph.Select(value.form, std::vector<size_t>{1});
      const Form first = graph.Select(value.form, std::vector<size_t>{0});
      if (graph.Same(graph.ScaleShift(first, minus, nothing), second)) value.form = second;
    }
    const bool nameless = output.starts_with("Identity") || output.find(':') != std::string::npos;
    imported_.heads.push_back({nameless ? "probability" : output, value.form});
    return absl::OkStatus();
  }

  const onnx::Model& model_;
  const onnx::Graph& graph_;
  const bool logits_;
  std::map<std::string, OnnxValue> values_;
  std::vector<int> needed_;  // indices of nodes, ascending
  size_t numbers_ = 0;
  OnnxContext context_;
  ImportedGraph imported_;
};

}  // namespace

absl::StatusOr<ImportedGraph> ImportOnnxBytes(std::string_view bytes, const std::string& folder,
                                              bool logits) {
  onnx::Model model;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
    return Bad("it is no ONNX model, or a damaged one");
  }
  return OnnxImporter(model, folder, logits).Run();
}

absl::StatusOr<ImportedGraph> ImportOnnx(const std::string& path, bool logits) {
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<ImportedGraph> imported =
      ImportOnnxBytes(*bytes, std::filesystem::path(path).parent_path().string(), logits);
  if (imported.ok()) return imported;
  return absl::Status(imported.status().code(), absl::StrCat(path, ": ", imported.status().message()));
}

}  // namespace adscore::trainer
