#include "trainer/manifest.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "model/cross.h"
#include "trainer/figures_report.h"
#include "trainer/json_text.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

// Null where it is not known.
Json TrainingWindowJson(const model::Provenance& provenance) {
  if (provenance.training_to == 0) return nullptr;
  return {{"from", IsoTime(provenance.training_from)}, {"to", IsoTime(provenance.training_to)}};
}

Json Features(const model::Snapshot& snapshot) {
  Json features = Json::array();
  const std::vector<model::Feature> encoded = model::EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < encoded.size(); ++i) {
    const model::Feature& feature = encoded[i];
    features.push_back({{"name", feature.name},
                        {"kind", std::string(model::ToString(feature.kind))},
                        {"role", std::string(model::ToString(feature.role))},
                        {"embedding_rows", snapshot.encodings[i].embedding.rows}});
  }
  return features;
}

Json Heads(const model::Snapshot& snapshot) {
  Json heads = Json::array();
  for (const model::Head& head : snapshot.heads) {
    heads.push_back({{"name", head.name},
                     {"column", head.label.column},
                     {"positive", head.label.positive.empty() ? "1, true, yes, y or t" : head.label.positive},
                     {"base_rate", head.base_rate},
                     {"calibrator", CalibratorToJson(head.calibrator)}});
    if (head.after) heads.back()["after"] = snapshot.heads[*head.after].name;
  }
  return heads;
}

// Null: as the rows say.
Json After(const std::optional<std::vector<HeadAfter>>& after) {
  if (!after) return nullptr;
  Json json = Json::object();
  for (const HeadAfter& of : *after) json[of.head] = of.after;
  return json;
}

// By head; "" for all of them.
Json PositiveWeights(const std::vector<PositiveWeight>& weights) {
  Json json = Json::object();
  for (const PositiveWeight& weight : weights) json[weight.head] = weight.weight;
  return json;
}

Json Options(const FitOptions& options) {
  const TrainingOptions& training = options.training;
  return {{"hidden", training.hidden},
          {"batch_norm", training.batch_norm},
          {"linear", training.linear},
          {"exact", training.exact},
          {"embedding_dim", options.encoders.embedding_dim},
          {"bins", options.encoders.bins},
          {"minimum_count", options.encoders.minimum_count},
          {"max_vocabulary", options.encoders.max_vocabulary},
          {"epochs", training.epochs},
          {"batch_size", training.batch_size},
          {"optimizer", training.optimizer.kind == OptimizerKind::kAdam ? "adam" : "adagrad"},
          {"learning_rate", training.learning_rate},
          {"learning_rate_decay", training.learning_rate_decay},
          {"ensemble", options.members},
          {"calibration", ToString(options.calibration)},
          {"dropout", training.noise.hidden_dropout},
          {"embedding_dropout", training.noise.embedding_dropout},
          {"field_dropout", training.noise.field_dropout},
          {"unknown_rate", training.noise.unknown_rate},
          {"weight_decay", training.optimizer.weight_decay},
          {"embedding_decay", training.optimizer.embedding_decay},
          {"clip_norm", training.optimizer.clip_norm},
          {"weight_average", training.optimizer.average_decay},
          {"negative_rate", training.negative_rate},
          {"positive_weight", PositiveWeights(options.positive_weights)},
          {"after", After(options.after)},
          {"seed", training.seed}};
}

}  // namespace

Json CalibratorToJson(const model::Calibrator& calibrator) {
  Json json = {
      {"kind", ToString(KindOf(calibrator))}, {"slope", calibrator.slope}, {"offset", calibrator.offset}};
  for (const model::CalibratorKnot& knot : calibrator.knots) {
    json["knots"].push_back(Json::array({knot.from, knot.to}));
  }
  return json;
}

std::string OptionsToJson(const FitOptions& options) { return JsonText(Options(options)); }

std::string ManifestJson(const std::string& name, int64_t version, const model::Provenance& provenance,
                         const std::string& data_path, uint64_t rows, const FitOptions& options,
                         const FittedModel& fitted) {
  const model::Snapshot& snapshot = fitted.published().snapshot();
  const Json manifest = {
      {"name", name},
      {"version", version},
      {"parent_version", provenance.parent_version},
      {"created_at", IsoTime(provenance.created_at)},
      {"trainer", provenance.trainer},
      {"training_window", TrainingWindowJson(provenance)},
      {"data",
       {{"file", data_path},
        {"rows", rows},
        {"training_rows", fitted.training_rows},
        {"tuning_rows", fitted.tuning_rows},
        {"validation_rows", fitted.validation_rows},
        {"published_rows", provenance.training_rows},
        {"split", options.split == SplitKind::kTail ? "tail" : "random"}}},
      {"schema_fingerprint", absl::StrFormat("%016x", model::Fingerprint(snapshot.schema))},
      {"parameters", fitted.published().parameters()},
      {"heads", Heads(snapshot)},
      {"validation", FiguresToJson(snapshot.heads, fitted.validation)},
      {"options", Options(options)},
      {"epochs_run", fitted.epochs},
      {"epochs_published", fitted.best_epochs},
      {"features", Features(snapshot)}};
  return JsonText(manifest, 2) + "\n";
}

}  // namespace adscore::trainer
