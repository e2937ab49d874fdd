// Models that Keras, PyTorch and scikit-learn have trained and written (tests/interop), imported by the real
// trainer and served by the real server over gRPC: each row's probability is what the tool that made the
// model gives for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/program.h"

namespace {

namespace fs = std::filesystem;
using adscore::testing::Program;
using Json = nlohmann::json;

constexpr double kTolerance = 1e-5;
constexpr size_t kRows = 1000;

struct Fixture {
  const char* flag;  // --keras or --onnx
  const char* file;
  const char* rows;                    // the inputs, and the expected probabilities in the last column
  const char* activations;             // of the hidden layers
  std::vector<std::string> more = {};  // flags
};

std::string NameOf(const ::testing::TestParamInfo<Fixture>& fixture) {
  std::string name = fixture.param.file;
  for (char& c : name) c = c == '.' ? '_' : c;
  return name + (fixture.param.more.empty() ? "" : "_with_context");
}

class ImportTest : public ::testing::TestWithParam<Fixture> {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "adscore-import-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  static std::string Model(const std::string& name) {
    return std::string(ADSCORE_INTEROP_MODELS) + "/" + name;
  }

  std::string Run(const std::vector<std::string>& command) {
    Program program(command, Path("errors"));
    EXPECT_EQ(program.Wait(), 0) << command[0] << ": " << program.errors();
    return program.output();
  }

  std::vector<double> Serve(const std::string& rows) {
    Program server({ADSCORE_SERVER, "--model-root", Path("M"), "--listen", "127.0.0.1:0", "--http-listen",
                    "127.0.0.1:0"},
                   Path("server.log"));
    const std::string line = server.ReadLine();
    EXPECT_THAT(line, ::testing::StartsWith("listening on grpc://")) << server.errors();
    const std::string target = line.substr(20, line.find(' ', 20) - 20);
    std::istringstream answers(Run(
        {ADSCORE_CLIENT, "predict", "--target", target, "--model", "m", "--data", rows, "--output", "tsv"}));
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << server.errors();
    std::string header;
    std::getline(answers, header);
    EXPECT_EQ(header, "click");
    std::vector<double> probabilities;
    for (double p = 0; answers >> p;) probabilities.push_back(p);
    return probabilities;
  }

  static std::vector<double> Expected(const std::string& rows) {
    std::ifstream file(rows);
    std::vector<double> expected;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) expected.push_back(std::stod(line.substr(line.rfind(',') + 1)));
    return expected;
  }

  fs::path directory_;
};

TEST_P(ImportTest, IsServedAsItsMakerScoresIt) {
  const Fixture& fixture = GetParam();
  std::vector<std::string> command = {ADSCORE_TRAINER, "import",  fixture.flag, Model(fixture.file),
                                      "--model-root",  Path("M"), "--model",    "m",
                                      "--heads",       "click",   "--json"};
  command.insert(command.end(), fixture.more.begin(), fixture.more.end());
  const Json imported = Json::parse(Run(command));
  EXPECT_EQ(imported["version"], 1);
  std::string activations;
  for (const Json& layer : imported["layers"]) activations += layer["activation"].get<std::string>() + " ";
  EXPECT_EQ(activations, fixture.activations);
  const std::vector<double> served = Serve(Model(fixture.rows));
  const std::vector<double> expected = Expected(Model(fixture.rows));
  ASSERT_EQ(expected.size(), kRows);
  ASSERT_EQ(served.size(), kRows);
  double low = 1, high = 0;
  for (size_t r = 0; r < kRows; ++r) {
    ASSERT_NEAR(served[r], expected[r], kTolerance) << "row " << r;
    low = std::min(low, expected[r]);
    high = std::max(high, expected[r]);
  }
  EXPECT_GT(high - low, 0.1) << "a model that says the same of every row proves nothing";
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryTool, ImportTest,
    ::testing::Values(
        Fixture{"--keras", "keras_dense.keras", "keras_dense.csv", "relu relu none "},
        Fixture{"--keras", "keras_dense.h5", "keras_dense.csv", "relu relu none "},
        Fixture{"--onnx", "keras_dense.onnx", "keras_dense.csv", "relu relu none "},
        Fixture{"--keras", "keras_functional.keras", "keras_functional.csv",
                "leaky_relu gelu elu selu softplus relu none "},
        Fixture{"--keras", "keras_functional.h5", "keras_functional.csv",
                "leaky_relu gelu elu selu softplus relu none "},
        Fixture{"--onnx", "tf2onnx_functional.onnx", "tf2onnx_functional.csv",
                "leaky_relu tanh elu sigmoid softplus relu none "},
        Fixture{"--onnx", "torch_old.onnx", "torch_old.csv", "relu leaky_relu gelu elu selu none "},
        Fixture{"--onnx",
                "torch_old.onnx",
                "torch_old.csv",
                "relu leaky_relu gelu elu selu none ",
                {"--context", "user,amounts_1"}},
        Fixture{"--onnx", "torch_new.onnx", "torch_new.csv", "gelu gelu_tanh softplus tanh sigmoid none "},
        Fixture{"--onnx", "sklearn_mlp.onnx", "sklearn_mlp.csv", "tanh tanh none "},
        Fixture{"--onnx", "sklearn_logistic.onnx", "sklearn_logistic.csv", "none "}),
    NameOf);

}  // namespace
