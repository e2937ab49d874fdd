#include "model/snapshot_meta.h"

#include <utility>

#include "nlohmann/json.hpp"

namespace adscore::model {
namespace {

using Json = nlohmann::ordered_json;

Json EncodingToJson(const FeatureEncoding& encoding, FeatureKind kind) {
  Json json = {{"embedding", {{"rows", encoding.embedding.rows}, {"dim", encoding.embedding.dim}}}};
  if (kind != FeatureKind::kNumeric) {
    json["statistics"] = {{"rows", encoding.statistics.rows}, {"dim", encoding.statistics.dim}};
  }
  if (kind == FeatureKind::kNumeric) {
    const NumericEncoding& n = encoding.numeric;
    json["numeric"] = {
        {"mean", n.mean}, {"scale", n.scale}, {"low", n.low}, {"high", n.high}, {"edges", n.edges}};
  }
  return json;
}

FeatureEncoding EncodingFromJson(const Json& json, FeatureKind kind) {
  FeatureEncoding encoding;
  encoding.embedding.rows = json.at("embedding").at("rows").get<size_t>();
  encoding.embedding.dim = json.at("embedding").at("dim").get<size_t>();
  if (kind != FeatureKind::kNumeric) {
    encoding.statistics.rows = json.at("statistics").at("rows").get<size_t>();
    encoding.statistics.dim = json.at("statistics").at("dim").get<size_t>();
  } else {
    const Json& n = json.at("numeric");
    encoding.numeric = {.mean = n.at("mean").get<float>(),
                        .scale = n.at("scale").get<float>(),
                        .low = n.at("low").get<float>(),
                        .high = n.at("high").get<float>(),
                        .edges = n.at("edges").get<std::vector<float>>()};
  }
  return encoding;
}

Json HeadToJson(const Head& head) {
  return {{"name", head.name},
          {"label", {{"column", head.label.column}, {"positive", head.label.positive}}},
          {"base_rate", head.base_rate},
          {"calibrator", {{"slope", head.calibrator.slope}, {"offset", head.calibrator.offset}}}};
}

Head HeadFromJson(const Json& json) {
  Head head;
  head.name = json.at("name").get<std::string>();
  head.label.column = json.at("label").at("column").get<std::string>();
  head.label.positive = json.at("label").at("positive").get<std::string>();
  head.base_rate = json.at("base_rate").get<double>();
  head.calibrator.slope = json.at("calibrator").at("slope").get<float>();
  head.calibrator.offset = json.at("calibrator").at("offset").get<float>();
  return head;
}

// Throws what nlohmann throws on a missing key or a wrong type.
void ReadMeta(const Json& json, Snapshot* snapshot) {
  const Json& encodings = json.at("encodings");
  for (size_t i = 0; i < snapshot->schema.features.size(); ++i) {
    snapshot->encodings.push_back(EncodingFromJson(encodings.at(i), snapshot->schema.features[i].kind));
  }
  for (const Json& layer : json.at("layers")) {
    snapshot->layers.push_back({.inputs = layer.at("inputs").get<size_t>(),
                                .outputs = layer.at("outputs").get<size_t>(),
                                .weights = {},
                                .bias = {}});
  }
  for (const Json& head : json.at("heads")) snapshot->heads.push_back(HeadFromJson(head));
  snapshot->golden.rows = json.at("golden").at("rows").get<size_t>();
  const Json& provenance = json.at("provenance");
  snapshot->provenance = {.trainer = provenance.at("trainer").get<std::string>(),
                          .created_at = provenance.at("created_at").get<int64_t>(),
                          .training_rows = provenance.at("training_rows").get<uint64_t>(),
                          .seed = provenance.at("seed").get<uint64_t>()};
}

}  // namespace

std::string MetaToJson(const Snapshot& snapshot) {
  Json json;
  json["schema"] = Json::parse(SchemaToJson(snapshot.schema));
  json["encodings"] = Json::array();
  for (size_t i = 0; i < snapshot.encodings.size(); ++i) {
    json["encodings"].push_back(EncodingToJson(snapshot.encodings[i], snapshot.schema.features[i].kind));
  }
  json["layers"] = Json::array();
  for (const Layer& layer : snapshot.layers) {
    json["layers"].push_back({{"inputs", layer.inputs}, {"outputs", layer.outputs}});
  }
  json["heads"] = Json::array();
  for (const Head& head : snapshot.heads) json["heads"].push_back(HeadToJson(head));
  json["golden"] = {{"rows", snapshot.golden.rows}};
  json["provenance"] = {{"trainer", snapshot.provenance.trainer},
                        {"created_at", snapshot.provenance.created_at},
                        {"training_rows", snapshot.provenance.training_rows},
                        {"seed", snapshot.provenance.seed}};
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

absl::StatusOr<Snapshot> MetaFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("schema"))
    return absl::InvalidArgumentError("meta is not a JSON object");
  absl::StatusOr<Schema> schema = SchemaFromJson(json["schema"].dump());
  if (!schema.ok()) return schema.status();
  Snapshot snapshot;
  snapshot.schema = *std::move(schema);
  try {  // the JSON library reports a wrong shape by throwing; it goes no further than here
    ReadMeta(json, &snapshot);
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("meta: ", e.what()));
  }
  return snapshot;
}

}  // namespace adscore::model
