#include "client/model_command.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/output.h"
#include "client/model_report.h"
#include "nlohmann/json.hpp"

namespace adscore::client {
namespace {

using Json = nlohmann::ordered_json;

// A model's state, and its schema if a version serves.
struct Model {
  v1::ModelStatus status;
  std::optional<v1::GetModelResponse> described;
};

const char* KindName(v1::Feature::Kind kind) {
  switch (kind) {
    case v1::Feature::KIND_NUMERIC:
      return "numeric";
    case v1::Feature::KIND_CATEGORICAL:
      return "categorical";
    case v1::Feature::KIND_MULTI_CATEGORICAL:
      return "multi_categorical";
    default:
      return "unknown";
  }
}

const char* RoleName(v1::Feature::Role role) {
  return role == v1::Feature::ROLE_CONTEXT     ? "context"
         : role == v1::Feature::ROLE_CANDIDATE ? "candidate"
                                               : "unknown";
}

Json ToJson(const Model& model) {
  Json json = StatusToJson(model.status);
  if (!model.described.has_value()) return json;
  json["serving_versions"] = model.described->serving_versions();
  // In hexadecimal: many JSON readers keep numbers as doubles.
  json["schema_fingerprint"] = absl::StrFormat("%016x", model.described->schema_fingerprint());
  json["heads"] = Json::array();
  for (const v1::Head& head : model.described->heads()) {
    json["heads"].push_back({{"name", head.name()}, {"base_rate", head.base_rate()}});
    if (!head.after().empty()) json["heads"].back()["after"] = head.after();
  }
  json["features"] = Json::array();
  for (const v1::Feature& feature : model.described->features()) {
    Json entry = {
        {"name", feature.name()}, {"kind", KindName(feature.kind())}, {"role", RoleName(feature.role())}};
    if (!feature.delimiter().empty()) entry["delimiter"] = feature.delimiter();
    if (!feature.column().empty()) entry["column"] = feature.column();
    if (!feature.part().empty()) entry["part"] = feature.part();
    json["features"].push_back(std::move(entry));
  }
  return json;
}

void Print(const Model& model, bool with_features, std::ostream& out) {
  const v1::ModelStatus& status = model.status;
  PrintStatus(status, out);
  if (!model.described.has_value()) return;
  for (const v1::Head& head : model.described->heads()) {
    out << absl::StrFormat("  head      %s, %.4g %% positive in training%s\n", cli::OneLine(head.name()),
                           100 * head.base_rate(),
                           head.after().empty() ? "" : ", only after " + cli::OneLine(head.after()));
  }
  if (!with_features) {
    out << absl::StrFormat("  features  %d; --model=%s lists them\n", model.described->features_size(),
                           status.model());
    return;
  }
  out << absl::StrFormat("  schema    %016x, %d features\n", model.described->schema_fingerprint(),
                         model.described->features_size());
  size_t width = 0;
  for (const v1::Feature& feature : model.described->features())
    width = std::max(width, cli::OneLine(feature.name()).size());
  for (const v1::Feature& feature : model.described->features()) {
    out << absl::StrFormat("    %-*s  %-9s  %s", static_cast<int>(width), cli::OneLine(feature.name()),
                           RoleName(feature.role()), KindName(feature.kind()));
    if (!feature.delimiter().empty()) out << ", split at '" << cli::OneLine(feature.delimiter()) << "'";
    if (!feature.part().empty()) {
      out << ", the " << cli::OneLine(feature.part()) << " of column " << cli::OneLine(feature.column());
    }
    out << '\n';
  }
}

}  // namespace

void AddModelFlags(CLI::App* command, ModelOptions* options) {
  AddConnectionFlags(command, &options->connection);
  command->get_option("--model")->description("Only this model, with its features [all models]");
  command->add_flag("--json", options->json, "One JSON object {\"models\": [...]}, always with features");
  command->footer(
      R"(Says which version of each model serves and since when, which versions were refused and why,
and what callers must send (features, in schema order) and will get (heads).)");
}

absl::Status RunModel(const ModelOptions& options, std::ostream& out) {
  const absl::StatusOr<std::unique_ptr<Client>> client = Connect(options.connection);
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListModelsResponse> list = (*client)->ListModels(options.connection.model);
  if (!list.ok()) return list.status();
  std::vector<Model> models;
  for (const v1::ModelStatus& status : list->models()) {
    Model model{.status = status, .described = std::nullopt};
    if (status.serving_version() != 0) {
      absl::StatusOr<v1::GetModelResponse> described = (*client)->GetModel(status.model(), 0);
      if (!described.ok()) return described.status();
      model.described = *std::move(described);
    }
    models.push_back(std::move(model));
  }

  if (options.json) {
    Json json = {{"target", options.connection.target}, {"models", Json::array()}};
    for (const Model& model : models) json["models"].push_back(ToJson(model));
    out << json.dump() << '\n';
    return cli::Flush(out);
  }
  if (models.empty()) out << "the server has no models yet: its model root is empty\n";
  const bool with_features = !options.connection.model.empty() || models.size() == 1;
  for (const Model& model : models) Print(model, with_features, out);
  return cli::Flush(out);
}

}  // namespace adscore::client
