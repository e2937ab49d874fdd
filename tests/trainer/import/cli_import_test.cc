// adscore-trainer import and export on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

const std::string kModels = ADSCORE_INTEROP_MODELS "/";

class CliImportTest : public CliTest {
 protected:
  std::vector<std::string> Command(const std::string& command, std::vector<std::string> more) const {
    std::vector<std::string> arguments = {command, "--model-root", directory_.path() + "/M", "--model", "m"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_F(CliImportTest, AModelIsPublishedWithAManifestInspectedAndExported) {
  const Outcome imported =
      RunCommand(Command("import", {"--keras", kModels + "keras_dense.keras", "--json"}));
  ASSERT_EQ(imported.code, 0) << imported.err;
  const Json json = Json::parse(imported.out);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["heads"], Json({"click"}));
  EXPECT_EQ(json["schema"]["features"].size(), 10u);
  EXPECT_TRUE(std::filesystem::exists(directory_.path() + "/M/m/1/manifest.json"));

  const Outcome again =
      RunCommand(Command("import", {"--onnx", kModels + "sklearn_mlp.onnx", "--heads", "buy"}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("m version 2: 6 features, layers 35 -> 32 (tanh) -> 16 (tanh) -> 1"));
  EXPECT_THAT(again.err, HasSubstr("note: output 'output_label' is left out"));

  const Outcome inspected = RunCommand({"inspect", directory_.path() + "/M/m/2", "--json"});
  EXPECT_EQ(Json::parse(inspected.out)["layers"][0]["activation"], "tanh");

  const std::string file = directory_.path() + "/m.onnx";
  const Outcome exported = RunCommand(Command("export", {"--onnx", file, "--version", "1", "--json"}));
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(Json::parse(exported.out)["bytes"], std::filesystem::file_size(file));
}

TEST_F(CliImportTest, WhatIsWrongIsSaidInOneLine) {
  const std::string keras = kModels + "keras_dense.keras";
  const std::string onnx = kModels + "keras_dense.onnx";
  ExpectBadUsage(RunCommand(Command("import", {})), {"--onnx", "--keras"});
  ExpectBadUsage(RunCommand(Command("import", {"--onnx", onnx, "--keras", keras})), {"import --help"});
  ExpectBadUsage(RunCommand(Command("import", {"--onnx", onnx, "--schema", "s", "--context", "a"})),
                 {"--context"});
  ExpectBadUsage(RunCommand(Command("export", {})), {"--onnx"});
  ExpectFailure(RunCommand(Command("import", {"--onnx", directory_.path() + "/none"})),
                {"there is no such file"});
  ExpectFailure(RunCommand(Command("import", {"--onnx", keras})), {keras, "no ONNX model"});
  ExpectFailure(RunCommand(Command("import", {"--keras", onnx})),
                {onnx, "neither a .keras archive nor an .h5"});
  ExpectFailure(RunCommand(Command("import", {"--onnx", onnx, "--heads", "a,b"})),
                {onnx, "--heads has 2 names"});
  ExpectFailure(RunCommand(Command("import", {"--onnx", onnx, "--schema", directory_.File("s.json", "{}")})),
                {"--schema", "s.json", "features"});
  const std::string crossed = R"({"features": [{"name": "a", "kind": "categorical"}, {"name": "b"}],
                                  "crosses": [{"first": "a", "second": "b"}]})";
  ExpectFailure(
      RunCommand(Command("import", {"--onnx", onnx, "--schema", directory_.File("c.json", crossed)})),
      {"c.json", "has no crosses"});
  ExpectFailure(RunCommand(Command("export", {"--onnx", directory_.path() + "/m.onnx"})), {"m"});
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M")) << "nothing was published";
}

}  // namespace
}  // namespace adscore::trainer
