// Graphs as exporters write them give the right snapshot. Models of real exporters are in
// tests/integration/import_test.cc, and graphs that no exporter should write in onnx_refusal_test.cc.
#include "trainer/import/onnx_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/trainer/import/imported_scores.h"
#include "tests/trainer/import/onnx_builder.h"
#include "tests/trainer/import/small_onnx.h"
#include "trainer/import/imported_model.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;
using testing::Import;
using testing::OnnxBuilder;
using testing::Score;
using testing::SetInt;
using testing::SetInts;
using testing::SetTexts;
using testing::Sigmoid;
using testing::Small;

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

}  // namespace
}  // namespace adscore::trainer
