// Graphs as exporters write them give the right snapshot, and those that no exporter should write are refused
// with the node and the reason. Models of real exporters are in tests/integration/import_test.cc.
#include "trainer/import/onnx_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "data/cell.h"
#include "model/model.h"
#include "tests/trainer/import/onnx_builder.h"
#include "trainer/import/imported_model.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::OnnxBuilder;
using testing::SetInt;
using testing::SetInts;
using testing::SetTexts;

absl::StatusOr<std::unique_ptr<const ImportedModel>> Import(const OnnxBuilder& builder, bool logits = false,
                                                            const ImportOptions& options = {}) {
  absl::StatusOr<ImportedGraph> graph = ImportOnnxBytes(builder.Bytes(), "", logits);
  if (!graph.ok()) return graph.status();
  return ImportedModel::Make(*std::move(graph), options);
}

// The probability of one row of candidates.
float Score(const model::Snapshot& snapshot, const std::vector<float>& numeric,
            const std::vector<std::string>& tokens = {}) {
  std::vector<uint64_t> hashes;
  for (const std::string& token : tokens) hashes.push_back(data::TokenHash(token));
  const model::RawColumns none = {
      .rows = 1, .numeric = {}, .categorical = {}, .multi_count = {}, .multi = {}};
  const model::RawColumns row = {
      .rows = 1, .numeric = numeric, .categorical = hashes, .multi_count = {}, .multi = {}};
  std::vector<float> probabilities(snapshot.heads.size());
  model::ReferenceScore(snapshot, none, row, probabilities.data());
  return probabilities[0];
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

OnnxBuilder Small() {
  OnnxBuilder b;
  b.Input("x", {2}).Floats("w", {2, 3}).Floats("b", {3}).Floats("v", {3, 1}).Output("p");
  b.Node("Gemm", {"x", "w", "b"}, "sum").Node("Relu", {"sum"}, "h").Node("MatMul", {"h", "v"}, "z");
  b.Node("Sigmoid", {"z"}, "p");
  return b;
}

TEST(OnnxImportTest, ASmallNetworkIsWhatItsWeightsSay) {
  const auto imported = Import(Small());
  ASSERT_TRUE(imported.ok()) << imported.status();
  const model::Snapshot& snapshot = (*imported)->snapshot();
  ASSERT_EQ(snapshot.schema.features.size(), 2u);
  EXPECT_EQ(snapshot.schema.features[1].name, "x_1");
  EXPECT_EQ(snapshot.schema.features[1].missing, model::MissingRule::kRefuse);
  EXPECT_EQ(snapshot.heads[0].name, "p");
  // w = [0.1 -0.2 0.3; -0.4 0.5 -0.6], b = v = [0.1 -0.2 0.3].
  const double h0 = 0.1 * 3 - 0.4 * 0.5 + 0.1, h2 = 0.3 * 3 - 0.6 * 0.5 + 0.3;
  EXPECT_NEAR(Score(snapshot, {3, 0.5F}), Sigmoid(0.1 * h0 + 0.3 * h2), 1e-7);
}

TEST(OnnxImportTest, WhatIsLinearFoldsIntoOneLayer) {
  OnnxBuilder b;
  b.Input("x", {2}).Output("p");
  b.Floats("w", {2, 2}, {1, 2, 3, 4})
      .Floats("v", {2, 1}, {1, -1})
      .Floats("two", {}, {2})
      .Floats("one", {1, 2}, {1, 1});
  b.Node("MatMul", {"x", "w"}, "a").Node("Sub", {"a", "one"}, "c").Node("Mul", {"two", "c"}, "d");
  b.Node("Div", {"d", "two"}, "e").Node("Neg", {"e"}, "f").Node("Add", {"f", "x"}, "g");
  b.Node("MatMul", {"g", "v"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  ASSERT_EQ((*imported)->snapshot().layers.size(), 1u);
  const double x0 = 0.3, x1 = -0.7;
  const double f0 = -(x0 + 3 * x1 - 1) + x0, f1 = -(2 * x0 + 4 * x1 - 1) + x1;
  EXPECT_NEAR(Score((*imported)->snapshot(), {0.3F, -0.7F}), Sigmoid(f0 - f1), 1e-7);
}

TEST(OnnxImportTest, ALargeMeanIsTakenOffBeforeFloatsLoseIt) {
  OnnxBuilder b;
  b.Input("time", {1}).Output("p").Floats("w", {1, 1}, {1});
  onnx::Node* scaler = b.Add("Scaler", {"time"}, {"scaled"}, "ai.onnx.ml");
  onnx::Attribute* offset = scaler->add_attribute();
  offset->set_name("offset");
  offset->add_floats(1.7e9F);
  onnx::Attribute* scale = scaler->add_attribute();
  scale->set_name("scale");
  scale->add_floats(1e-4F);
  b.Node("MatMul", {"scaled", "w"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const model::NumericEncoding& encoding = (*imported)->snapshot().encodings[0].numeric;
  EXPECT_EQ(encoding.mean, 1.7e9F);
  EXPECT_EQ(encoding.scale, 1e-4F);
  EXPECT_NEAR(Score((*imported)->snapshot(), {1.7e9F + 1280}), Sigmoid(0.128), 1e-6);
}

TEST(OnnxImportTest, IdsAreLookedUpByTheirDigitsAndTheUnknownGetTheMean) {
  OnnxBuilder b;
  b.Input("id", {}, 7).Output("p").Floats("table", {3, 1}, {1, 2, 6});
  b.Node("Gather", {"table", "id"}, "e").Node("Sigmoid", {"e"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const model::Snapshot& snapshot = (*imported)->snapshot();
  EXPECT_EQ(snapshot.schema.features[0].kind, model::FeatureKind::kCategorical);
  EXPECT_NEAR(Score(snapshot, {}, {"2"}), Sigmoid(6), 1e-7);
  EXPECT_NEAR(Score(snapshot, {}, {"0"}), Sigmoid(1), 1e-7);
  for (const char* unknown : {"3", "", "two"}) EXPECT_NEAR(Score(snapshot, {}, {unknown}), Sigmoid(3), 1e-7);
}

TEST(OnnxImportTest, FloatsThatAreCastToIdsAreLookedUp) {
  OnnxBuilder b;
  b.Input("x", {2}).Output("p").Floats("table", {3, 1}, {1, 2, 6}).Integers("zero", {1}, {0});
  b.Integers("one", {1}, {1}).Integers("shape", {2}, {-1, 1});
  SetInt(b.Add("Gather", {"x", "zero"}, {"id"}), "axis", 1);
  SetInt(b.Add("Gather", {"x", "one"}, {"number"}), "axis", 1);
  SetInt(b.Add("Cast", {"id"}, {"whole"}), "to", 7);
  b.Node("Gather", {"table", "whole"}, "e").Node("Reshape", {"e", "shape"}, "f");
  b.Node("Add", {"f", "number"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_NEAR(Score((*imported)->snapshot(), {0.5F}, {"1"}), Sigmoid(2.5), 1e-7);
}

TEST(OnnxImportTest, NamesAreLookedUpThroughALabelEncoder) {
  OnnxBuilder b;
  b.Input("site", {1}, 8).Output("p").Floats("table", {3, 1}, {1, 2, 6}).Integers("axes", {1}, {1});
  onnx::Node* encoder = b.Add("LabelEncoder", {"site"}, {"id"}, "ai.onnx.ml");
  SetTexts(encoder, "keys_strings", {"news", "sport"});
  SetInts(encoder, "values_int64s", {2, 1});
  SetInt(encoder, "default_int64", 0);
  b.Node("Gather", {"table", "id"}, "e").Node("Squeeze", {"e", "axes"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_NEAR(Score((*imported)->snapshot(), {}, {"news"}), Sigmoid(6), 1e-7);
  EXPECT_NEAR(Score((*imported)->snapshot(), {}, {"sport"}), Sigmoid(2), 1e-7);
  EXPECT_NEAR(Score((*imported)->snapshot(), {}, {"mail"}), Sigmoid(1), 1e-7);
}

TEST(OnnxImportTest, ManyCategoriesFoldIntoATableAsWideAsTheLayer) {
  OnnxBuilder b;
  b.Input("id", {1}, 7)
      .Output("p")
      .Floats("w", {50, 2})
      .Floats("v", {2, 1}, {1, 1})
      .Integers("shape", {2}, {-1, 50});
  onnx::Node* encoder = b.Add("OneHotEncoder", {"id"}, {"hot"}, "ai.onnx.ml");
  onnx::Attribute* categories = encoder->add_attribute();
  categories->set_name("cats_int64s");
  for (int64_t i = 0; i < 50; ++i) categories->add_ints(i * 10);
  b.Node("Reshape", {"hot", "shape"}, "flat").Node("MatMul", {"flat", "w"}, "s").Node("Tanh", {"s"}, "h");
  b.Node("MatMul", {"h", "v"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const model::Snapshot& snapshot = (*imported)->snapshot();
  EXPECT_EQ(snapshot.encodings[0].embedding.dim, 2u);
  EXPECT_EQ(snapshot.encodings[0].embedding.rows, 52u);
  // Row 3 of w is elements 6 and 7: 0.7 and -0.1.
  EXPECT_NEAR(Score(snapshot, {}, {"30"}), Sigmoid(std::tanh(0.7) + std::tanh(-0.1)), 1e-6);
  EXPECT_NEAR(Score(snapshot, {}, {"31"}), 0.5, 1e-7) << "no category: zeros";
}

TEST(OnnxImportTest, ShapesThatTheGraphComputesAreFollowed) {
  OnnxBuilder b;
  b.Input("ids", {2}, 7).Output("p").Floats("table", {3, 2}).Floats("w", {4, 1}).Integers("zero", {}, {0});
  b.Integers("axes", {1}, {0}).Integers("minus", {1}, {-1});
  b.Node("Gather", {"table", "ids"}, "e").Node("Shape", {"e"}, "s").Node("Gather", {"s", "zero"}, "rows");
  b.Node("Unsqueeze", {"rows", "axes"}, "r");
  SetInt(b.Add("Concat", {"r", "minus"}, {"to"}), "axis", 0);
  b.Node("Reshape", {"e", "to"}, "flat").Node("MatMul", {"flat", "w"}, "z").Node("Sigmoid", {"z"}, "p");
  const auto imported = Import(b);
  ASSERT_TRUE(imported.ok()) << imported.status();
  // table = [.1 -.2; .3 -.4; .5 -.6], w = [.1 -.2 .3 -.4].
  EXPECT_NEAR(Score((*imported)->snapshot(), {}, {"2", "0"}), Sigmoid(0.05 + 0.12 + 0.03 + 0.08), 1e-7);
}

TEST(OnnxImportTest, BranchesOfOneDepthAreOneLayer) {
  OnnxBuilder b;
  b.Input("user", {1})
      .Input("ad", {1})
      .Output("p")
      .Floats("w", {1, 2})
      .Floats("u", {1, 2})
      .Floats("v", {4, 1});
  b.Node("MatMul", {"user", "w"}, "a")
      .Node("Relu", {"a"}, "c")
      .Node("MatMul", {"ad", "u"}, "d")
      .Node("Relu", {"d"}, "e");
  SetInt(b.Add("Concat", {"c", "e"}, {"both"}), "axis", -1);
  b.Node("MatMul", {"both", "v"}, "z").Node("Sigmoid", {"z"}, "p");
  ImportOptions options;
  options.context = {"user"};
  const auto imported = Import(b, false, options);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ((*imported)->snapshot().layers[0].outputs, 4u);
  EXPECT_EQ((*imported)->snapshot().schema.features[0].role, model::FeatureRole::kContext);
}

TEST(OnnxImportTest, LogitsAreTakenWhereTheyAreSaidToBe) {
  OnnxBuilder b;
  b.Input("x", {1}).Output("z").Floats("w", {1, 2}, {1, 3});
  b.Node("MatMul", {"x", "w"}, "z");
  EXPECT_THAT(std::string(Import(b).status().message()), HasSubstr("--logits"));
  const auto imported = Import(b, /*logits=*/true);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_NEAR(Score((*imported)->snapshot(), {0.5F}), Sigmoid(1.5 - 0.5), 1e-7);
}

TEST(OnnxImportTest, HeadsAndFeaturesAreNamedByTheUser) {
  ImportOptions options;
  options.heads = {"click", "buy"};
  EXPECT_THAT(std::string(Import(Small(), false, options).status().message()),
              HasSubstr("--heads has 2 names"));
  options.heads = {"click"};
  options.schema.emplace().features.resize(2);
  options.schema->features[0].name = "age";
  options.schema->features[1].name = "bid";
  options.schema->features[1].missing = model::MissingRule::kZero;
  const auto imported = Import(Small(), false, options);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ((*imported)->snapshot().heads[0].name, "click");
  EXPECT_EQ((*imported)->snapshot().schema.features[0].name, "age");
  EXPECT_EQ((*imported)->snapshot().schema.features[0].missing, model::MissingRule::kRefuse);
  EXPECT_EQ((*imported)->snapshot().schema.features[1].missing, model::MissingRule::kZero);
  options.schema->features[1].kind = model::FeatureKind::kCategorical;
  EXPECT_THAT(std::string(Import(Small(), false, options).status().message()),
              HasSubstr("feature 'bid' is categorical, but the model's input 'x_1' in its place is numeric"));
  options.schema->features.pop_back();
  EXPECT_THAT(std::string(Import(Small(), false, options).status().message()),
              HasSubstr("--schema has 1 features"));
  options.schema.reset();
  options.context = {"user"};
  EXPECT_THAT(std::string(Import(Small(), false, options).status().message()),
              HasSubstr("--context names 'user'"));
}

struct Spoiled {
  const char* name;
  const char* message;
  std::function<void(OnnxBuilder*)> spoil;  // of Small()
};

class SpoiledOnnxTest : public ::testing::TestWithParam<Spoiled> {};

TEST_P(SpoiledOnnxTest, IsRefusedWithTheReason) {
  OnnxBuilder b = Small();
  GetParam().spoil(&b);
  const absl::Status status = Import(b).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

onnx::Node* NodeAt(OnnxBuilder* b, int i) { return b->model().mutable_graph()->mutable_node(i); }
onnx::Tensor* TensorAt(OnnxBuilder* b, int i) { return b->model().mutable_graph()->mutable_initializer(i); }

INSTANTIATE_TEST_SUITE_P(
    OfAllKinds, SpoiledOnnxTest,
    ::testing::Values(
        Spoiled{"UnknownOperator", "LSTM 'the_Relu': this operator is not supported; supported are Gemm",
                [](OnnxBuilder* b) { NodeAt(b, 1)->set_op_type("LSTM"); }},
        Spoiled{"UnknownMlOperator", "this operator is not supported; supported are Scaler",
                [](OnnxBuilder* b) {
                  NodeAt(b, 1)->set_op_type("TreeEnsembleClassifier");
                  NodeAt(b, 1)->set_domain("ai.onnx.ml");
                }},
        Spoiled{"NoOperatorSet", "does not say which version",
                [](OnnxBuilder* b) { b->model().clear_opset_import(); }},
        Spoiled{"UnknownDomain", "operators of the domain com.microsoft",
                [](OnnxBuilder* b) { NodeAt(b, 1)->set_domain("com.microsoft"); }},
        Spoiled{"Cycle", "cycle", [](OnnxBuilder* b) { NodeAt(b, 0)->set_input(0, "h"); }},
        Spoiled{"MissingInitializer", "'w' is needed, and is no input",
                [](OnnxBuilder* b) { TensorAt(b, 0)->set_name("other"); }},
        Spoiled{"MissingOutput", "'q' is needed",
                [](OnnxBuilder* b) { b->model().mutable_graph()->mutable_output(0)->set_name("q"); }},
        Spoiled{"NoOutputs", "no outputs",
                [](OnnxBuilder* b) { b->model().mutable_graph()->clear_output(); }},
        Spoiled{"TwoMakers", "which is there already", [](OnnxBuilder* b) { b->Node("Relu", {"sum"}, "h"); }},
        Spoiled{"InitializerTwice", "initializer 'w' is there twice",
                [](OnnxBuilder* b) { b->Floats("w", {1}); }},
        Spoiled{"WrongShapes", "Gemm 'the_Gemm': it multiplies [rows, 2] by [3, 2]",
                [](OnnxBuilder* b) {
                  TensorAt(b, 0)->set_dims(0, 3);
                  TensorAt(b, 0)->set_dims(1, 2);
                }},
        Spoiled{"WrongBias", "its constant of [3, 1] differs from row to row",
                [](OnnxBuilder* b) { TensorAt(b, 1)->add_dims(1); }},
        Spoiled{"TooFewNumbers", "initializer 'w': it has 6 numbers, and its shape needs 60",
                [](OnnxBuilder* b) { TensorAt(b, 0)->set_dims(0, 20); }},
        Spoiled{"RawTooShort", "its data has 4 bytes, and its shape needs 24",
                [](OnnxBuilder* b) {
                  TensorAt(b, 0)->clear_float_data();
                  TensorAt(b, 0)->set_raw_data("abcd");
                }},
        Spoiled{"ShapeOverflows", "elements are the most",
                [](OnnxBuilder* b) { TensorAt(b, 0)->set_dims(0, int64_t{1} << 62); }},
        Spoiled{"NegativeShape", "a shape of [-2, 3]",
                [](OnnxBuilder* b) { TensorAt(b, 0)->set_dims(0, -2); }},
        Spoiled{"UnknownType", "data type 99", [](OnnxBuilder* b) { TensorAt(b, 0)->set_data_type(99); }},
        Spoiled{"WeightNotFinite", "not finite",
                [](OnnxBuilder* b) { TensorAt(b, 0)->set_float_data(1, INFINITY); }},
        Spoiled{"OpenWidth", "columns of an open number",
                [](OnnxBuilder* b) {
                  b->model()
                      .mutable_graph()
                      ->mutable_input(0)
                      ->mutable_type()
                      ->mutable_tensor_type()
                      ->mutable_shape()
                      ->mutable_dim(1)
                      ->clear_dim_value();
                }},
        Spoiled{"HugeWidth", "columns; the most are",
                [](OnnxBuilder* b) {
                  b->model()
                      .mutable_graph()
                      ->mutable_input(0)
                      ->mutable_type()
                      ->mutable_tensor_type()
                      ->mutable_shape()
                      ->mutable_dim(1)
                      ->set_dim_value(int64_t{1} << 60);
                }},
        Spoiled{"ThreeAxes", "input 'x' has 3 axes",
                [](OnnxBuilder* b) {
                  b->model()
                      .mutable_graph()
                      ->mutable_input(0)
                      ->mutable_type()
                      ->mutable_tensor_type()
                      ->mutable_shape()
                      ->add_dim()
                      ->set_dim_value(2);
                }},
        Spoiled{"SkipConnection", "different depths",
                [](OnnxBuilder* b) {
                  NodeAt(b, 2)->set_output(0, "y");
                  b->Floats("u", {2, 1}).Node("MatMul", {"x", "u"}, "wide").Node("Add", {"y", "wide"}, "z");
                }},
        Spoiled{"Product", "it multiplies numbers of a row with each other",
                [](OnnxBuilder* b) {
                  NodeAt(b, 1)->set_op_type("Mul");
                  NodeAt(b, 1)->add_input("sum");
                }},
        Spoiled{"MixedRows", "which mixes the rows",
                [](OnnxBuilder* b) {
                  NodeAt(b, 1)->set_op_type("Reshape");
                  NodeAt(b, 1)->add_input("to");
                  b->Integers("to", {2}, {-1, 1});
                }},
        Spoiled{"HugeFill", "elements are the most",
                [](OnnxBuilder* b) {
                  b->Integers("size", {2}, {int64_t{1} << 40, int64_t{1} << 40});
                  b->Node("ConstantOfShape", {"size"}, "filled");
                  NodeAt(b, 0)->set_input(1, "filled");
                }},
        Spoiled{"NumbersCut", "numbers that are cut to whole ones",
                [](OnnxBuilder* b) {
                  SetInt(b->Add("Cast", {"x"}, {"whole"}), "to", 7);
                  SetInt(b->Add("Cast", {"whole"}, {"again"}), "to", 1);
                  NodeAt(b, 0)->set_input(0, "again");
                }},
        Spoiled{"SumsCut", "it makes whole numbers or strings",
                [](OnnxBuilder* b) {
                  NodeAt(b, 1)->set_op_type("Cast");
                  SetInt(NodeAt(b, 1), "to", 7);
                }},
        Spoiled{
            "HugeSpread", "elements; 4194304 are the most",
            [](OnnxBuilder* b) {
              b->Floats("column", {5000, 1}).Floats("row", {1, 5000}).Node("Add", {"column", "row"}, "outer");
              NodeAt(b, 0)->set_input(1, "outer");
            }},
        Spoiled{"NothingLeft", "multiplies",
                [](OnnxBuilder* b) {
                  b->Integers("none", {1}, {0}).Integers("one", {1}, {1}).Floats("nothing", {0, 1});
                  b->Node("Slice", {"sum", "none", "none", "one"}, "empty");
                  NodeAt(b, 1)->set_op_type("MatMul");
                  NodeAt(b, 1)->set_input(0, "empty");
                  NodeAt(b, 1)->add_input("nothing");
                  NodeAt(b, 2)->set_input(1, "v");
                }},
        Spoiled{"NameNotUtf8", "not UTF-8",
                [](OnnxBuilder* b) {
                  b->model().mutable_graph()->mutable_input(0)->set_name("\xff");
                  NodeAt(b, 0)->set_input(0, "\xff");
                }},
        Spoiled{"ThreeClasses", "a softmax over 3 classes",
                [](OnnxBuilder* b) { NodeAt(b, 1)->set_op_type("Softmax"); }},
        Spoiled{"Training", "training mode",
                [](OnnxBuilder* b) {
                  onnx::Node* node = NodeAt(b, 1);
                  node->set_op_type("BatchNormalization");
                  for (int i = 0; i < 4; ++i) node->add_input("b");
                  testing::SetInt(node, "training_mode", 1);
                }},
        Spoiled{"FeaturesNormalised", "it divides by what all of a row's numbers add up to",
                [](OnnxBuilder* b) {
                  NodeAt(b, 1)->set_op_type("Normalizer");
                  NodeAt(b, 1)->set_domain("ai.onnx.ml");
                }},
        Spoiled{"ExternalDataElsewhere", "outside of the model's folder",
                [](OnnxBuilder* b) {
                  TensorAt(b, 0)->set_data_location(1);
                  onnx::StringEntry* entry = TensorAt(b, 0)->add_external_data();
                  entry->set_key("location");
                  entry->set_value("../../etc/passwd");
                }},
        Spoiled{"ExternalDataAbsolute", "outside of the model's folder",
                [](OnnxBuilder* b) {
                  TensorAt(b, 0)->set_data_location(1);
                  onnx::StringEntry* entry = TensorAt(b, 0)->add_external_data();
                  entry->set_key("location");
                  entry->set_value("/etc/passwd");
                }}),
    [](const auto& spoiled) { return spoiled.param.name; });

TEST(OnnxImportTest, BytesThatAreNoModelAreRefused) {
  for (const char* bytes : {"", "hello", "\x08\x07"}) {
    EXPECT_EQ(ImportOnnxBytes(bytes, "", false).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(ImportOnnx("/nowhere/model.onnx", false).status().code(), absl::StatusCode::kNotFound);
}

TEST(OnnxImportTest, EveryTruncationIsRefused) {
  OnnxBuilder b = Small();
  b.model().mutable_opset_import()->RemoveLast();  // which it does without
  const std::string bytes = b.Bytes();
  ASSERT_TRUE(ImportOnnxBytes(bytes, "", false).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto graph = ImportOnnxBytes(bytes.substr(0, size), "", false);
    EXPECT_FALSE(graph.ok()) << size;
  }
}

class ExternalDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "adscore-external-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    fs::create_directory(directory_ / "model");
  }
  void TearDown() override { fs::remove_all(directory_); }

  absl::Status ImportWith(const std::string& location, const std::string& offset = "0") {
    OnnxBuilder b = Small();
    onnx::Tensor* tensor = TensorAt(&b, 0);
    tensor->clear_float_data();
    tensor->set_data_location(1);
    for (const auto& [key, value] : {std::pair("location", location), std::pair("offset", offset),
                                     std::pair("length", std::string("24"))}) {
      onnx::StringEntry* entry = tensor->add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    const std::string path = (directory_ / "model/m.onnx").string();
    std::ofstream(path, std::ios::binary) << b.Bytes();
    return ImportOnnx(path, false).status();
  }

  fs::path directory_;
};

TEST_F(ExternalDataTest, IsReadFromBesideTheModelAndFromNowhereElse) {
  const std::vector<float> weights(8, 0.5F);
  const std::string bytes(reinterpret_cast<const char*>(weights.data()), 32);
  std::ofstream((directory_ / "model/weights").string(), std::ios::binary) << bytes;
  std::ofstream((directory_ / "secret").string(), std::ios::binary) << bytes;
  fs::create_symlink("../secret", directory_ / "model/link");
  EXPECT_TRUE(ImportWith("weights").ok()) << ImportWith("weights");
  EXPECT_TRUE(ImportWith("weights", "8").ok());
  EXPECT_THAT(std::string(ImportWith("weights", "9").message()),
              HasSubstr("is not in 'weights' of 32 bytes"));
  EXPECT_THAT(std::string(ImportWith("weights", "-1").message()), HasSubstr("has offset '-1'"));
  EXPECT_THAT(std::string(ImportWith("../secret").message()), HasSubstr("outside of the model's folder"));
  EXPECT_THAT(std::string(ImportWith("link").message()), HasSubstr("outside of the model's folder"));
  EXPECT_THAT(std::string(ImportWith((directory_ / "secret").string()).message()), HasSubstr("outside of"));
  EXPECT_THAT(std::string(ImportWith("nothing").message()), HasSubstr("it is not there"));
}

}  // namespace
}  // namespace adscore::trainer
