// Graphs that no exporter should write, or that are more than this importer understands, are refused with the
// node and the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/trainer/import/onnx_builder.h"
#include "tests/trainer/import/small_onnx.h"
#include "trainer/import/onnx_import.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Import;
using testing::OnnxBuilder;
using testing::SetInt;
using testing::Small;

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

onnx::Shape* InputShape(OnnxBuilder* b) {
  return b->model().mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
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
                [](OnnxBuilder* b) { InputShape(b)->mutable_dim(1)->clear_dim_value(); }},
        Spoiled{"HugeWidth", "columns; the most are",
                [](OnnxBuilder* b) { InputShape(b)->mutable_dim(1)->set_dim_value(int64_t{1} << 60); }},
        Spoiled{"ThreeAxes", "input 'x' has 3 axes",
                [](OnnxBuilder* b) { InputShape(b)->add_dim()->set_dim_value(2); }},
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

TEST(OnnxRefusalTest, BytesThatAreNoModelAreRefused) {
  for (const char* bytes : {"", "hello", "\x08\x07"}) {
    EXPECT_EQ(ImportOnnxBytes(bytes, "", false).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(ImportOnnx("/nowhere/model.onnx", false).status().code(), absl::StatusCode::kNotFound);
}

TEST(OnnxRefusalTest, EveryTruncationIsRefused) {
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
