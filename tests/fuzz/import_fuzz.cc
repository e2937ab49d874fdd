// Any bytes at all, imported: as an ONNX file, or as a Keras configuration whose weights are as its layers
// say. An importer must end, refuse with a reason or give a snapshot that holds, and touch no memory but its
// own. The first byte chooses. What reads HDF5 is Debian's library, and is not what is tested here.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/model.h"
#include "model/snapshot_meta.h"
#include "trainer/import/imported_model.h"
#include "trainer/import/keras_import.h"
#include "trainer/import/onnx_import.h"

namespace {

using namespace adscore;           // NOLINT(google-build-using-namespace): a program of its own
using namespace adscore::trainer;  // NOLINT(google-build-using-namespace)
using Json = nlohmann::json;

void Require(bool promise) {
  if (!promise) std::abort();
}

Array Filled(std::vector<size_t> shape) {
  Array array;
  size_t count = 1;
  for (const size_t size : shape) count *= size;
  array.shape = std::move(shape);
  for (size_t i = 0; i < count; ++i) array.values.push_back(static_cast<float>(i % 5) - 2);
  return array;
}

// For every layer with numbers in its configuration, arrays of a few likely shapes.
std::map<std::string, std::vector<Array>> LikelyWeights(const std::string& config) {
  std::map<std::string, std::vector<Array>> weights;
  const Json json = Json::parse(config, nullptr, false);
  try {
    size_t width = 2;
    for (const Json& layer : json.at("config").at("layers")) {
      const Json& of = layer.at("config");
      const std::string name = of.at("name").get<std::string>();
      const size_t units = of.value("units", of.value("output_dim", width)) % 64;
      const size_t rows = of.value("input_dim", width) % 64;
      if (of.contains("units") || of.contains("input_dim")) {
        weights[name] = {Filled({rows, units}), Filled({units})};
        width = units;
      } else {
        weights[name] = std::vector<Array>(4, Filled({width}));
      }
    }
  } catch (const Json::exception&) {  // then with those there are
  }
  return weights;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const bool logits = (bytes[0] & 2) != 0;
  absl::StatusOr<ImportedGraph> graph = (bytes[0] & 1) == 0 ? ImportOnnxBytes(rest, "/nonexistent", logits)
                                                            : ImportKeras(rest, LikelyWeights(rest), logits);
  if (!graph.ok()) {
    Require(!graph.status().message().empty());
    return 0;
  }
  const auto imported = ImportedModel::Make(*std::move(graph), {});
  if (!imported.ok()) {
    Require(!imported.status().message().empty());
    return 0;
  }
  Require(model::Validate((*imported)->snapshot()).ok());
  Require(model::MetaFromJson(model::MetaToJson((*imported)->snapshot())).ok());
  return 0;
}
