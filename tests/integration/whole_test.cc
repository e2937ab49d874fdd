// The whole of adscore, with its real programs over real gRPC: what the trainer says of a row is what the
// server answers for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
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

struct Table {
  std::string header;
  std::vector<std::vector<double>> rows;
};

Table ParseTsv(std::istream&& in) {
  Table table;
  std::getline(in, table.header);
  for (std::string line; std::getline(in, line);) {
    std::vector<double>& row = table.rows.emplace_back();
    std::istringstream cells(line);
    for (double value = 0; cells >> value;) row.push_back(value);
  }
  return table;
}

class WholeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "adscore-whole-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  // Runs a program to its end, expects success, and returns its standard output.
  std::string Run(const std::vector<std::string>& command) {
    Program program(command, Path("errors"));
    EXPECT_EQ(program.Wait(), 0) << command[0] << ": " << program.errors();
    return program.output();
  }

  Json Fit(const std::string& data, const std::string& label, const std::vector<std::string>& more) {
    std::vector<std::string> command = {ADSCORE_TRAINER, "fit",     "--data",  data,  "--label", label,
                                        "--model-root",  Path("M"), "--model", "ads", "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return Json::parse(Run(command));
  }

  // The trainer's own probabilities for every row of `data`.
  Table Evaluate(const std::string& data) {
    Run({ADSCORE_TRAINER, "evaluate", "--model-root", Path("M"), "--model", "ads", "--data", data,
         "--predictions", Path("evaluated.tsv"), "--json"});
    return ParseTsv(std::ifstream(Path("evaluated.tsv")));
  }

  // A server's, over gRPC.
  Table Serve(const std::string& data, const std::string& precision) {
    Program server({ADSCORE_SERVER, "--model-root", Path("M"), "--listen", "127.0.0.1:0", "--http-listen",
                    "127.0.0.1:0", "--precision", precision},
                   Path("server.log"));
    const std::string line = server.ReadLine();
    EXPECT_THAT(line, ::testing::StartsWith("listening on grpc://")) << server.errors();
    const std::string target = line.substr(20, line.find(' ', 20) - 20);
    const std::string output = Run(
        {ADSCORE_CLIENT, "predict", "--target", target, "--model", "ads", "--data", data, "--output", "tsv"});
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << server.errors();
    return ParseTsv(std::istringstream(output));
  }

  static void ExpectSame(const Table& served, const Table& evaluated, size_t rows, double tolerance) {
    EXPECT_EQ(served.header, evaluated.header);
    ASSERT_EQ(evaluated.rows.size(), rows);
    ASSERT_EQ(served.rows.size(), rows);
    for (size_t r = 0; r < rows; ++r) {
      ASSERT_EQ(served.rows[r].size(), evaluated.rows[r].size());
      for (size_t h = 0; h < served.rows[r].size(); ++h) {
        ASSERT_NEAR(served.rows[r][h], evaluated.rows[r][h], tolerance) << "row " << r << ", head " << h;
      }
    }
  }

  fs::path directory_;
};

TEST_F(WholeTest, GeneratedImpressionsAreServedAsEvaluatedAndTheModelBeatsTheBaseRate) {
  const std::string data = Path("impressions.csv");
  const std::string fresh =
      Path("fresh.csv");  // other users and ads: missing values and tokens that were never seen
  Run({ADSCORE_TRAINER, "generate", "--rows", "100000", "--seed", "1", "--out", data});
  Run({ADSCORE_TRAINER, "generate", "--rows", "5000", "--seed", "2", "--out", fresh});
  const Json fit = Fit(data, "click,conversion",
                       {"--context", "site,section,hour,weekday,device,country,age,visits_30d,interests"});
  EXPECT_EQ(fit["version"], 1);
  const Json& click = fit["validation"]["heads"]["click"];
  EXPECT_LT(click["normalized_entropy"], 0.97);
  EXPECT_NEAR(click["calibration"].get<double>(), 1, 0.1);
  ExpectSame(Serve(fresh, "f32"), Evaluate(fresh), 5000, kTolerance);
}

TEST_F(WholeTest, RealImpressionsAreServedAsEvaluatedAndPredictedWell) {
  const fs::path data = fs::path(ADSCORE_REAL_DATA) / "criteo/train.tsv.gz";
  if (!fs::exists(data))
    GTEST_SKIP() << data << " is not there: real impressions are not part of the project";
  const Json fit =
      Fit(data.string(), "label", {"--format", "criteo", "--split", "tail", "--validation", "0.125"});
  const Json& label = fit["validation"]["heads"]["label"];
  EXPECT_GE(label["auc"], 0.765);
  EXPECT_LE(label["log_loss"], 0.445);
  EXPECT_NEAR(label["calibration"].get<double>(), 1, 0.05);
  const Table evaluated = Evaluate(data.string());
  ExpectSame(Serve(data.string(), "f32"), evaluated, 64000, kTolerance);
  ExpectSame(Serve(data.string(), "bf16"), evaluated, 64000, 2e-3);
  ExpectSame(Serve(data.string(), "int8"), evaluated, 64000, 1e-2);
}

}  // namespace
