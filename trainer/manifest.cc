#include "trainer/manifest.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "trainer/figures_report.h"
#include "trainer/json_text.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

// "2026-01-31T23:59:59Z".
std::string IsoTime(int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, length};
}

Json Features(const model::Snapshot& snapshot) {
  Json features = Json::array();
  for (size_t i = 0; i < snapshot.schema.features.size(); ++i) {
    const model::Feature& feature = snapshot.schema.features[i];
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
                     {"calibrator", {{"slope", head.calibrator.slope}, {"offset", head.calibrator.offset}}}});
  }
  return heads;
}

Json Options(const FitOptions& options) {
  const TrainingOptions& training = options.training;
  return {{"hidden", training.hidden},
          {"embedding_dim", options.encoders.embedding_dim},
          {"bins", options.encoders.bins},
          {"minimum_count", options.encoders.minimum_count},
          {"epochs", training.epochs},
          {"batch_size", training.batch_size},
          {"learning_rate", training.learning_rate},
          {"seed", training.seed}};
}

}  // namespace

std::string ManifestJson(const std::string& name, int64_t version, const std::string& data_path,
                         uint64_t rows, const FitOptions& options, const FittedModel& fitted) {
  const model::Snapshot& snapshot = fitted.model->snapshot();
  const Json manifest = {
      {"name", name},
      {"version", version},
      {"created_at", IsoTime(snapshot.provenance.created_at)},
      {"trainer", snapshot.provenance.trainer},
      {"data",
       {{"file", data_path},
        {"rows", rows},
        {"training_rows", fitted.training_rows},
        {"tuning_rows", fitted.tuning_rows},
        {"validation_rows", fitted.validation_rows},
        {"split", options.split == SplitKind::kTail ? "tail" : "random"}}},
      {"schema_fingerprint", absl::StrFormat("%016x", model::Fingerprint(snapshot.schema))},
      {"parameters", fitted.model->parameters()},
      {"heads", Heads(snapshot)},
      {"validation", FiguresToJson(snapshot.heads, fitted.validation)},
      {"options", Options(options)},
      {"epochs_run", fitted.epochs},
      {"epochs_published", fitted.best_epochs},
      {"features", Features(snapshot)}};
  return JsonText(manifest, 2) + "\n";
}

}  // namespace adscore::trainer
