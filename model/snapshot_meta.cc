#include "model/snapshot_meta.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "model/cross.h"
#include "nlohmann/json.hpp"

namespace adscore::model {
namespace {

using Json = nlohmann::ordered_json;

// What no meta reaches. Whoever walks a deep tree does it by recursion, and an object's keys are looked
// through one by one.
constexpr size_t kMostDepth = 16;
constexpr size_t kMostKeys = 1000;  // of one object

// Looked at before it is parsed, so that nothing is built of what is beyond that.
bool IsBounded(std::string_view json) {
  size_t keys[kMostDepth + 1] = {};  // of the object at each depth
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMostDepth) return false;
      keys[depth] = 0;
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;  // one too many is for the parser to find
    } else if (c == ':') {
      if (++keys[depth] > kMostKeys) return false;
    }
  }
  return true;
}

// Throws what nlohmann throws unless it is a whole number that is not negative, written as one: a conversion
// would take 1e99 and -1 for some other number.
uint64_t Whole(const Json& json) { return json.get_ref<const Json::number_unsigned_t&>(); }

// 16 digits, since JSON's numbers are no good for 64 bits in every language.
std::string Hexadecimal(uint64_t value) { return absl::StrCat(absl::Hex(value, absl::kZeroPad16)); }

Json EncodingToJson(const FeatureEncoding& encoding, FeatureKind kind) {
  Json json = {{"embedding", {{"rows", encoding.embedding.rows}, {"dim", encoding.embedding.dim}}}};
  if (kind != FeatureKind::kNumeric) {
    json["statistics"] = {{"rows", encoding.statistics.rows}, {"dim", encoding.statistics.dim}};
    if (encoding.vocabulary.buckets() > 0) json["buckets"] = encoding.vocabulary.buckets();
  }
  if (kind == FeatureKind::kNumeric) {
    const NumericEncoding& n = encoding.numeric;
    json["numeric"] = {
        {"mean", n.mean}, {"scale", n.scale}, {"low", n.low}, {"high", n.high}, {"edges", n.edges}};
    if (!n.flag) json["numeric"]["flag"] = false;
  }
  return json;
}

FeatureEncoding EncodingFromJson(const Json& json, FeatureKind kind) {
  FeatureEncoding encoding;
  encoding.embedding.rows = Whole(json.at("embedding").at("rows"));
  encoding.embedding.dim = Whole(json.at("embedding").at("dim"));
  if (kind != FeatureKind::kNumeric) {
    encoding.statistics.rows = Whole(json.at("statistics").at("rows"));
    encoding.statistics.dim = Whole(json.at("statistics").at("dim"));
    if (json.contains("buckets")) encoding.vocabulary = Vocabulary({}, {}, Whole(json.at("buckets")));
  } else {
    const Json& n = json.at("numeric");
    encoding.numeric = {.mean = n.at("mean").get<float>(),
                        .scale = n.at("scale").get<float>(),
                        .low = n.at("low").get<float>(),
                        .high = n.at("high").get<float>(),
                        .flag = n.contains("flag") ? n.at("flag").get<bool>() : true,
                        .edges = n.at("edges").get<std::vector<float>>()};
  }
  return encoding;
}

// The activation is left out where it is ReLU, or none.
Json LayerToJson(const Layer& layer) {
  Json json = {{"inputs", layer.inputs}, {"outputs", layer.outputs}};
  if (layer.activation.kind != ActivationKind::kRelu) json["activation"] = ToString(layer.activation.kind);
  if (HasAlpha(layer.activation.kind)) json["alpha"] = layer.activation.alpha;
  return json;
}

absl::StatusOr<Layer> LayerFromJson(const Json& json, size_t index) {
  Layer layer;
  layer.inputs = Whole(json.at("inputs"));
  layer.outputs = Whole(json.at("outputs"));
  if (json.contains("activation")) {
    const absl::Status known =
        ParseActivationKind(json.at("activation").get<std::string>(),
                            absl::StrCat("layers[", index, "].activation"), &layer.activation.kind);
    if (!known.ok()) return known;
  }
  if (HasAlpha(layer.activation.kind)) layer.activation.alpha = json.at("alpha").get<float>();
  return layer;
}

// Knots are left out where there are none.
Json CalibratorToJson(const Calibrator& calibrator) {
  Json json = {{"slope", calibrator.slope}, {"offset", calibrator.offset}};
  for (const CalibratorKnot& knot : calibrator.knots) {
    json["knots"]["from"].push_back(knot.from);
    json["knots"]["to"].push_back(knot.to);
  }
  return json;
}

Calibrator CalibratorFromJson(const Json& json) {
  Calibrator calibrator{.slope = json.at("slope").get<float>(), .offset = json.at("offset").get<float>()};
  if (!json.contains("knots")) return calibrator;
  const Json& knots = json.at("knots");
  const auto from = knots.at("from").get<std::vector<float>>();
  const auto to = knots.at("to").get<std::vector<float>>();
  // One without its other half is not finite, and refused with the rest.
  for (size_t i = 0; i < std::max(from.size(), to.size()); ++i) {
    calibrator.knots.push_back({.from = i < from.size() ? from[i] : NAN, .to = i < to.size() ? to[i] : NAN});
  }
  return calibrator;
}

// `after` is left out where there is none.
Json HeadToJson(const Head& head) {
  Json json = {{"name", head.name},
               {"label", {{"column", head.label.column}, {"positive", head.label.positive}}},
               {"base_rate", head.base_rate},
               {"calibrator", CalibratorToJson(head.calibrator)}};
  if (head.after) json["after"] = *head.after;
  return json;
}

Head HeadFromJson(const Json& json) {
  Head head;
  head.name = json.at("name").get<std::string>();
  head.label.column = json.at("label").at("column").get<std::string>();
  head.label.positive = json.at("label").at("positive").get<std::string>();
  head.base_rate = json.at("base_rate").get<double>();
  head.calibrator = CalibratorFromJson(json.at("calibrator"));
  if (json.contains("after")) head.after = Whole(json.at("after"));
  return head;
}

// Throws what nlohmann throws on a missing key or a wrong type; InvalidArgument for an unknown word.
absl::Status ReadMeta(const Json& json, Snapshot* snapshot) {
  const Json& encodings = json.at("encodings");
  for (const Feature& feature : EncodedFeatures(snapshot->schema)) {
    snapshot->encodings.push_back(EncodingFromJson(encodings.at(snapshot->encodings.size()), feature.kind));
  }
  if (json.contains("members")) snapshot->members = Whole(json.at("members"));
  for (const Json& json_of_layer : json.at("layers")) {
    const absl::StatusOr<Layer> layer = LayerFromJson(json_of_layer, snapshot->layers.size());
    if (!layer.ok()) return layer.status();
    snapshot->layers.push_back(*layer);
  }
  for (const Json& head : json.at("heads")) snapshot->heads.push_back(HeadFromJson(head));
  snapshot->golden.rows = Whole(json.at("golden").at("rows"));
  const Json& provenance = json.at("provenance");
  const auto integer = [&provenance](const char* key) {  // of keys that came later, and may not be there
    return provenance.contains(key) ? provenance.at(key).get_ref<const Json::number_integer_t&>() : 0;
  };
  snapshot->provenance = {.trainer = provenance.at("trainer").get<std::string>(),
                          .created_at = provenance.at("created_at").get_ref<const Json::number_integer_t&>(),
                          .training_rows = Whole(provenance.at("training_rows")),
                          .seed = Whole(provenance.at("seed")),
                          .parent_version = integer("parent_version"),
                          .training_from = integer("training_from"),
                          .training_to = integer("training_to")};
  return absl::OkStatus();
}

}  // namespace

std::string MetaToJson(const Snapshot& snapshot) {
  Json json;
  json["schema"] = Json::parse(SchemaToJson(snapshot.schema));
  json["schema_fingerprint"] = Hexadecimal(Fingerprint(snapshot.schema));
  json["encodings"] = Json::array();
  const std::vector<Feature> features = EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < snapshot.encodings.size(); ++i) {
    json["encodings"].push_back(EncodingToJson(snapshot.encodings[i], features[i].kind));
  }
  if (snapshot.members != 1) json["members"] = snapshot.members;
  json["layers"] = Json::array();
  for (const Layer& layer : snapshot.layers) json["layers"].push_back(LayerToJson(layer));
  json["heads"] = Json::array();
  for (const Head& head : snapshot.heads) json["heads"].push_back(HeadToJson(head));
  json["golden"] = {{"rows", snapshot.golden.rows}};
  json["provenance"] = {{"trainer", snapshot.provenance.trainer},
                        {"created_at", snapshot.provenance.created_at},
                        {"training_rows", snapshot.provenance.training_rows},
                        {"seed", snapshot.provenance.seed},
                        {"parent_version", snapshot.provenance.parent_version},
                        {"training_from", snapshot.provenance.training_from},
                        {"training_to", snapshot.provenance.training_to}};
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

absl::StatusOr<Snapshot> MetaFromJson(std::string_view text) {
  if (!IsBounded(text)) {
    return absl::InvalidArgumentError(absl::StrCat("meta is nested deeper than ", kMostDepth,
                                                   " levels, or an object has more than ", kMostKeys,
                                                   " keys"));
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("schema"))
    return absl::InvalidArgumentError("meta is not a JSON object");
  absl::StatusOr<Schema> schema = SchemaFromJson(json["schema"].dump());
  if (!schema.ok()) return schema.status();
  if (const auto stated = json.find("schema_fingerprint"); stated != json.end()) {
    const std::string computed = Hexadecimal(Fingerprint(*schema));
    if (*stated != computed) {
      return absl::InvalidArgumentError(absl::StrCat("schema_fingerprint is ", stated->dump().substr(0, 40),
                                                     ", but the schema's is \"", computed, "\""));
    }
  }
  Snapshot snapshot;
  snapshot.schema = *std::move(schema);
  try {  // the JSON library reports a wrong shape by throwing; it goes no further than here
    const absl::Status read = ReadMeta(json, &snapshot);
    if (!read.ok()) return read;
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("meta: ", e.what()));
  }
  return snapshot;
}

}  // namespace adscore::model
