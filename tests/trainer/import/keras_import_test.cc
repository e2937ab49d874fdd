// Keras configurations give the right snapshot or are refused with the layer and the reason. Whole files of
// Keras are in tests/integration/import_test.cc.
#include "trainer/import/keras_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/trainer/import/imported_scores.h"
#include "trainer/import/imported_model.h"
#include "trainer/import/keras_file.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::Score;
using testing::Sigmoid;
using Weights = std::map<std::string, std::vector<Array>>;

Json Layer(const std::string& kind, const std::string& name, Json config = Json::object()) {
  config["name"] = name;
  return {{"class_name", kind}, {"config", config}};
}

Json Input(int columns, const std::string& name = "x") {
  return Layer("InputLayer", name, {{"batch_shape", {nullptr, columns}}, {"dtype", "float32"}});
}

Json Dense(const std::string& name, int units, const Json& activation) {
  return Layer("Dense", name, {{"units", units}, {"activation", activation}, {"use_bias", true}});
}

Json Sequential(const Json& layers) {
  return {{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", layers}}}};
}

// x (2) → 2 hidden units → p.
Json Small(const Json& activation = "tanh") {
  return Sequential({Input(2), Dense("hidden", 2, activation), Layer("Dropout", "drop", {{"rate", 0.5}}),
                     Dense("click", 1, "sigmoid")});
}
Weights SmallWeights() {
  return {{"hidden", {{{2, 2}, {1, 2, 3, 4}}, {{2}, {0.5F, -0.5F}}}},
          {"click", {{{2, 1}, {1, -2}}, {{1}, {0.25F}}}}};
}

absl::StatusOr<std::unique_ptr<const ImportedModel>> Import(const Json& config, const Weights& weights) {
  absl::StatusOr<ImportedGraph> graph = ImportKeras(config.dump(), weights, /*logits=*/false);
  if (!graph.ok()) return graph.status();
  return ImportedModel::Make(*std::move(graph), {});
}

std::string Refusal(const Json& config, const Weights& weights = SmallWeights()) {
  const absl::Status status = Import(config, weights).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(KerasImportTest, ASequentialModelIsWhatItsWeightsSay) {
  const auto imported = Import(Small(), SmallWeights());
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ((*imported)->snapshot().heads[0].name, "click");
  const double h0 = std::tanh(0.1 + 3 * 0.2 + 0.5), h1 = std::tanh(2 * 0.1 + 4 * 0.2 - 0.5);
  EXPECT_NEAR(Score((*imported)->snapshot(), {0.1F, 0.2F}), Sigmoid(h0 - 2 * h1 + 0.25), 1e-7);
}

TEST(KerasImportTest, ActivationsCarryTheirSettings) {
  const Json leaky = {{"class_name", "LeakyReLU"}, {"config", {{"negative_slope", 0.125}}}};
  for (const auto& [activation, expected] : std::vector<std::pair<Json, model::Activation>>{
           {"relu", {}},
           {"gelu", {model::ActivationKind::kGelu}},
           {"elu", {model::ActivationKind::kElu, 1}},
           {"leaky_relu", {model::ActivationKind::kLeakyRelu, 0.2F}},
           {leaky, {model::ActivationKind::kLeakyRelu, 0.125F}}}) {
    const auto imported = Import(Small(activation), SmallWeights());
    ASSERT_TRUE(imported.ok()) << imported.status();
    EXPECT_EQ((*imported)->snapshot().layers[0].activation, expected) << activation;
  }
}

TEST(KerasImportTest, AFunctionalModelOfKeras2IsRead) {
  Json embedding = Layer("Embedding", "table", {{"input_dim", 3}, {"output_dim", 2}});
  embedding["inbound_nodes"] = {{{"id", 0, 0, Json::object()}}};
  Json flat = Layer("Flatten", "flat");
  flat["inbound_nodes"] = {{{"table", 0, 0, Json::object()}}};
  Json scaled = Layer("Normalization", "scaled", {{"axis", {-1}}, {"mean", nullptr}});
  scaled["inbound_nodes"] = {{{"x", 0, 0, Json::object()}}};
  Json both = Layer("Concatenate", "both", {{"axis", -1}});
  both["inbound_nodes"] = {{{"scaled", 0, 0, Json::object()}, {"flat", 0, 0, Json::object()}}};
  Json click = Dense("click", 1, "sigmoid");
  click["inbound_nodes"] = {{{"both", 0, 0, Json::object()}}};
  Json x = Layer("InputLayer", "x", {{"batch_input_shape", {nullptr, 1}}});
  x["inbound_nodes"] = Json::array();
  Json id = Layer("InputLayer", "id", {{"batch_input_shape", {nullptr, 1}}});
  id["inbound_nodes"] = Json::array();
  const Json config = {{"class_name", "Functional"},
                       {"config",
                        {{"layers", {click, both, flat, scaled, embedding, x, id}},  // in no good order
                         {"input_layers", {{"x", 0, 0}, {"id", 0, 0}}},
                         {"output_layers", {{"click", 0, 0}}}}}};
  const auto imported = Import(config, {{"table", {{{3, 2}, {1, 2, 3, 4, 5, 6}}}},
                                        {"scaled", {{{1}, {100}}, {{1}, {25}}, {{}, {10}}}},
                                        {"click", {{{3, 1}, {1, 0.5F, -0.25F}}, {{1}, {0}}}}});
  ASSERT_TRUE(imported.ok()) << imported.status();
  const model::Snapshot& snapshot = (*imported)->snapshot();
  EXPECT_EQ(snapshot.schema.features[0].name, "x");
  EXPECT_EQ(snapshot.encodings[0].numeric.mean, 100);
  EXPECT_NEAR(Score(snapshot, {110}, {"2"}), Sigmoid(2 + 0.5 * 5 - 0.25 * 6), 1e-6);
}

TEST(KerasImportTest, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_THAT(
      Refusal(Sequential({Input(2), Layer("LSTM", "memory", {{"units", 2}})})),
      HasSubstr("layer 'memory' (LSTM): layers of this class are not supported; supported are InputLayer"));
  EXPECT_THAT(Refusal(Small("swish")),
              HasSubstr("layer 'hidden' (Dense): activation 'swish' is not supported"));
  EXPECT_THAT(Refusal(Sequential({Input(2), Dense("hidden", 2, "tanh")})), HasSubstr("--logits"));
  EXPECT_THAT(Refusal({{"class_name", "MyModel"}, {"config", Json::object()}}), HasSubstr("class MyModel"));
  EXPECT_THAT(Refusal(Sequential(Json::array(
                  {Layer("InputLayer", "x", {{"batch_shape", {nullptr, 2}}, {"dtype", "string"}})}))),
              HasSubstr("is of strings"));
  EXPECT_THAT(
      Refusal(Sequential(Json::array({Layer("InputLayer", "x", {{"batch_shape", {nullptr, 4, 4}}})}))),
      HasSubstr("supported is [null, columns]"));
}

TEST(KerasImportTest, WeightsThatDoNotFitAreRefused) {
  EXPECT_THAT(Refusal(Small(), {}), HasSubstr("layer 'hidden' (Dense): its weights are not in the file"));
  Weights weights = SmallWeights();
  weights["hidden"][0].shape = {4, 1};
  EXPECT_THAT(Refusal(Small(), weights), HasSubstr("array 0 is [4, 1] and should be [2, 2]"));
  weights = SmallWeights();
  weights["hidden"][0].values[1] = INFINITY;
  EXPECT_THAT(Refusal(Small(), weights), HasSubstr("not finite"));
}

TEST(KerasImportTest, ConfigurationsThatContradictThemselvesAreRefused) {
  for (const char* text :
       {"", "[]", "{}", "{\"class_name\": 3}", "{\"class_name\": \"Sequential\", \"config\": {}}"}) {
    EXPECT_EQ(ImportKeras(text, {}, false).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  Json a = Layer("Flatten", "a");
  a["inbound_nodes"] = {{{"b", 0, 0, Json::object()}}};
  Json b = Layer("Flatten", "b");
  b["inbound_nodes"] = {{{"a", 0, 0, Json::object()}}};
  const Json config = {
      {"class_name", "Functional"},
      {"config", {{"layers", {a, b}}, {"input_layers", Json::array()}, {"output_layers", {{"a", 0, 0}}}}}};
  EXPECT_THAT(Refusal(config), HasSubstr("waits for an input that is not there, or for itself"));
}

class KerasFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = (fs::path(::testing::TempDir()) / ("keras_" + std::to_string(getpid()))).string();
  }
  void TearDown() override { fs::remove(path_); }

  absl::Status OpenBytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return OpenKerasFile(path_).status();
  }
  static std::string Bytes(const std::string& name) {
    std::ifstream file(std::string(ADSCORE_INTEROP_MODELS) + "/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::string path_;
};

TEST_F(KerasFileTest, BothKindsHoldTheSameWeights) {
  const auto archive = OpenKerasFile(ADSCORE_INTEROP_MODELS "/keras_functional.keras");
  const auto hdf5 = OpenKerasFile(ADSCORE_INTEROP_MODELS "/keras_functional.h5");
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_TRUE(hdf5.ok()) << hdf5.status();
  ASSERT_EQ(archive->weights.size(), hdf5->weights.size());
  for (const auto& [layer, arrays] : archive->weights) {
    const auto other = hdf5->weights.find(layer);
    ASSERT_NE(other, hdf5->weights.end()) << layer;
    ASSERT_EQ(arrays.size(), other->second.size()) << layer;
    for (size_t i = 0; i < arrays.size(); ++i) EXPECT_EQ(arrays[i].values, other->second[i].values) << layer;
  }
}

TEST_F(KerasFileTest, WhatIsNoModelIsRefused) {
  EXPECT_EQ(OpenKerasFile("/nowhere").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenBytes("hello").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenBytes("PK\x03\x04").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenBytes("\x89HDF\r\n\x1a\n").code(), absl::StatusCode::kInvalidArgument);
  for (const char* name : {"keras_dense.keras", "keras_dense.h5"}) {
    const std::string bytes = Bytes(name);
    ASSERT_TRUE(OpenBytes(bytes).ok()) << OpenBytes(bytes);
    for (const size_t share : {2, 3, 10}) {
      EXPECT_EQ(OpenBytes(bytes.substr(0, bytes.size() / share)).code(), absl::StatusCode::kInvalidArgument)
          << name;
    }
  }
}

}  // namespace
}  // namespace adscore::trainer
