// What is exported is a graph that holds together and has every table, layer and head of the snapshot. That
// it scores the same in ONNX Runtime is tests/interop/check_export.py's to say.
#include "trainer/export/onnx_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "onnx.pb.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::trainer {
namespace {

using model::testing::TinyOptions;
using model::testing::TinySnapshot;
using ::testing::HasSubstr;

// A tiny snapshot without its multi-valued features.
class Exportable {
 public:
  explicit Exportable(const TinyOptions& options) : tiny_(options) {
    model::Snapshot& snapshot = tiny_.mutable_snapshot();
    for (size_t f = snapshot.schema.features.size(); f-- > 0;) {
      if (snapshot.schema.features[f].kind != model::FeatureKind::kMultiCategorical) continue;
      snapshot.schema.features.erase(snapshot.schema.features.begin() + static_cast<ptrdiff_t>(f));
      snapshot.encodings.erase(snapshot.encodings.begin() + static_cast<ptrdiff_t>(f));
    }
    const size_t per_member = snapshot.layers.size() / snapshot.members;
    for (size_t i = 0; i < snapshot.layers.size(); i += per_member) {
      model::Layer& first = snapshot.layers[i];
      first.inputs = snapshot.ContextWidth() + snapshot.CandidateWidth();
      first.weights = first.weights.first(first.inputs * first.outputs);
    }
  }
  const model::Snapshot& snapshot() const { return tiny_.snapshot(); }

 private:
  TinySnapshot tiny_;
};

onnx::Graph Export(const model::Snapshot& snapshot) {
  const absl::StatusOr<std::string> bytes = ExportOnnx(snapshot);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  onnx::Model model;
  EXPECT_TRUE(bytes.ok() && model.ParseFromString(*bytes));
  return model.graph();
}

size_t Count(const onnx::Graph& graph, const std::string& type) {
  return static_cast<size_t>(std::count_if(graph.node().begin(), graph.node().end(),
                                           [&](const onnx::Node& node) { return node.op_type() == type; }));
}

TEST(OnnxExportTest, EveryValueIsMadeBeforeItIsUsedAndOnce) {
  for (const size_t members : {1, 3}) {
    const Exportable exportable({.members = members, .activations = {{model::ActivationKind::kGelu}}});
    const onnx::Graph graph = Export(exportable.snapshot());
    std::set<std::string> made;
    for (const onnx::ValueInfo& input : graph.input()) EXPECT_TRUE(made.insert(input.name()).second);
    for (const onnx::Tensor& tensor : graph.initializer()) {
      EXPECT_TRUE(made.insert(tensor.name()).second);
      size_t count = 1;
      for (const int64_t size : tensor.dims()) count *= static_cast<size_t>(size);
      EXPECT_EQ(tensor.raw_data().size(), count * (tensor.data_type() == 1 ? 4 : 8)) << tensor.name();
    }
    for (const onnx::Node& node : graph.node()) {
      for (const std::string& input : node.input())
        EXPECT_TRUE(made.contains(input)) << node.name() << " " << input;
      for (const std::string& output : node.output()) EXPECT_TRUE(made.insert(output).second) << output;
    }
    ASSERT_EQ(graph.output_size(), 2);
    EXPECT_EQ(graph.output(0).name(), "click");
    EXPECT_TRUE(made.contains("click"));
    EXPECT_TRUE(made.contains("conversion"));
    EXPECT_EQ(Count(graph, "Gemm"), 3 * members);
    EXPECT_EQ(Count(graph, "Gelu"), 2 * members);
  }
}

TEST(OnnxExportTest, EveryFeatureIsAnInputAndEveryTokenIsInItsTable) {
  const Exportable exportable({});
  const onnx::Graph graph = Export(exportable.snapshot());
  std::vector<std::string> names;
  for (const onnx::ValueInfo& input : graph.input()) names.push_back(input.name());
  EXPECT_THAT(names, ::testing::ElementsAre("hour", "site", "bid", "ad"));
  EXPECT_EQ(graph.input(0).type().tensor_type().elem_type(), 1);
  EXPECT_EQ(graph.input(1).type().tensor_type().elem_type(), 7);
  const model::Vocabulary& vocabulary = exportable.snapshot().encodings[1].vocabulary;
  size_t maps = 0;
  for (const onnx::Node& node : graph.node()) {
    if (node.op_type() != "LabelEncoder" || node.input(0) != "site") continue;
    ++maps;
    std::set<int64_t> keys(node.attribute(0).ints().begin(), node.attribute(0).ints().end());
    EXPECT_EQ(keys.size(), 11u) << "ten tokens, and 0 for a missing one";
    for (const uint64_t key : vocabulary.keys()) EXPECT_TRUE(keys.contains(static_cast<int64_t>(key)));
    EXPECT_EQ(node.attribute(2).i(), model::kUnknownId);
  }
  EXPECT_EQ(maps, 2u) << "one for the embedding, one for the statistics";
}

TEST(OnnxExportTest, ACalibratorsCurveIsThePiecesThatItIsMadeOf) {
  const Exportable exportable({.heads = {"click"}, .bent = true});
  const onnx::Graph graph = Export(exportable.snapshot());
  std::map<std::string, std::vector<float>> constants;
  for (const onnx::Tensor& tensor : graph.initializer()) {
    if (tensor.data_type() != 1) continue;
    std::vector<float>& values = constants[tensor.name()];
    values.resize(tensor.raw_data().size() / sizeof(float));
    std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
  }
  std::map<std::string, std::vector<float>> by_type;  // the constant of the last node of each type
  for (const onnx::Node& node : graph.node()) {
    if (node.input_size() == 2 && constants.contains(node.input(1)))
      by_type[node.op_type()] = constants[node.input(1)];
  }
  const model::Calibrator& calibrator = exportable.snapshot().heads[0].calibrator;
  for (const double z : {-9.0, -1.5, -1.0, -0.3, 0.2, 1.0, 6.0}) {
    double sum = by_type["Add"].at(0);
    for (size_t i = 0; i < by_type["Sub"].size(); ++i) {
      sum += std::min<double>(std::max<double>(z - by_type["Sub"][i], by_type["Max"].at(i)),
                              by_type["Min"].at(i)) *
             by_type["MatMul"].at(i);
    }
    EXPECT_NEAR(sum, model::Bend(calibrator.knots, z), 1e-6) << z;
  }
}

TEST(OnnxExportTest, AHeadThatFollowsAnotherIsMultipliedByIt) {
  const Exportable alone({.heads = {"visit", "click", "conversion"}});
  const Exportable chained({.heads = {"visit", "click", "conversion"}, .chained = true});
  const onnx::Graph graph = Export(chained.snapshot());
  EXPECT_EQ(Count(graph, "Mul"), Count(Export(alone.snapshot()), "Mul") + 2);
  std::map<std::string, const onnx::Node*> makers;
  for (const onnx::Node& node : graph.node()) makers[node.output(0)] = &node;
  // Each output is a reshaped column: its own sigmoid times the column of the head before it.
  const onnx::Node* before = nullptr;
  for (const onnx::ValueInfo& output : graph.output()) {
    const onnx::Node* column = makers.at(makers.at(makers.at(output.name())->input(0))->input(0));
    if (before == nullptr) {
      EXPECT_EQ(column->op_type(), "Sigmoid");
    } else {
      EXPECT_EQ(column->op_type(), "Mul") << output.name();
      EXPECT_EQ(makers.at(column->input(0))->op_type(), "Sigmoid");
      EXPECT_EQ(column->input(1), before->output(0));
    }
    before = column;
  }
}

TEST(OnnxExportTest, MultiValuedFeaturesAreRefusedByName) {
  const TinySnapshot tiny;
  const absl::Status status = ExportOnnx(tiny.snapshot()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("feature 'interests' is multi-valued"));
}

TEST(OnnxExportTest, BucketsAreRefusedByName) {
  const Exportable exportable({.buckets = true});
  const absl::Status status = ExportOnnx(exportable.snapshot()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("feature 'site' has hashed buckets"));
}

TEST(OnnxExportTest, CrossesAreRefusedByName) {
  const TinySnapshot tiny({.context = false, .crosses = true});
  const absl::Status status = ExportOnnx(tiny.snapshot()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cross(ad,tags)"));
}

}  // namespace
}  // namespace adscore::trainer
