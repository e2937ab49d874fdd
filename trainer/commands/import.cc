#include "trainer/commands/import.h"

#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/flag_checks.h"
#include "model/model_root.h"
#include "trainer/commands/model_flags.h"
#include "trainer/import/imported_model.h"
#include "trainer/import/keras_file.h"
#include "trainer/import/keras_import.h"
#include "trainer/import/onnx_import.h"
#include "trainer/import/onnx_node.h"
#include "trainer/import/whole_file.h"
#include "trainer/json_text.h"
#include "trainer/publisher.h"
#include "trainer/training_window.h"
#include "trainer/version.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

struct ImportFlags {
  std::string onnx;
  std::string keras;
  std::string model_root;
  std::string model;
  std::string schema;
  std::vector<std::string> context;
  std::vector<std::string> heads;
  bool logits = false;
  bool json = false;

  const std::string& File() const { return onnx.empty() ? keras : onnx; }
};

absl::StatusOr<ImportedGraph> ReadGraph(const ImportFlags& flags) {
  if (!flags.onnx.empty()) return ImportOnnx(flags.onnx, flags.logits);
  const absl::StatusOr<KerasFile> file = OpenKerasFile(flags.keras);
  if (!file.ok()) return file.status();
  absl::StatusOr<ImportedGraph> graph = ImportKeras(file->config, file->weights, flags.logits);
  if (graph.ok()) return graph;
  return absl::Status(graph.status().code(), absl::StrCat(flags.keras, ": ", graph.status().message()));
}

absl::StatusOr<ImportOptions> Options(const ImportFlags& flags) {
  ImportOptions options;
  options.context = flags.context;
  options.heads = flags.heads;
  options.trainer = kTrainerBuild;
  options.created_at = static_cast<int64_t>(std::time(nullptr));
  if (flags.schema.empty()) return options;
  const absl::StatusOr<std::string> text = ReadWholeFile(flags.schema);
  if (!text.ok()) return text.status();
  absl::StatusOr<model::Schema> schema = model::SchemaFromJson(*text);
  if (!schema.ok()) {
    return absl::Status(schema.status().code(),
                        absl::StrCat("--schema ", flags.schema, ": ", schema.status().message()));
  }
  if (!schema->crosses.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--schema ", flags.schema, ": an imported model has no crosses; take \"crosses\" out"));
  }
  options.schema = *std::move(schema);
  return options;
}

Json Layers(const model::Snapshot& snapshot) {
  Json layers = Json::array();
  for (size_t i = 0; i < snapshot.layers.size(); ++i) {
    const model::Layer& layer = snapshot.layers[i];
    const bool hidden = i + 1 < snapshot.layers.size();
    layers.push_back({{"inputs", layer.inputs},
                      {"outputs", layer.outputs},
                      {"activation", hidden ? model::ToString(layer.activation.kind) : "none"}});
  }
  return layers;
}

Json Heads(const model::Snapshot& snapshot) {
  Json heads = Json::array();
  for (const model::Head& head : snapshot.heads) heads.push_back(head.name);
  return heads;
}

std::string Manifest(const ImportFlags& flags, const ImportedModel& imported, int64_t version,
                     const model::Provenance& provenance) {
  const model::Snapshot& snapshot = imported.snapshot();
  const Json manifest = {
      {"name", flags.model},
      {"version", version},
      {"parent_version", provenance.parent_version},
      {"created_at", IsoTime(provenance.created_at)},
      {"trainer", provenance.trainer},
      {"imported_from", flags.File()},
      {"schema_fingerprint", absl::StrFormat("%016x", model::Fingerprint(snapshot.schema))},
      {"heads", Heads(snapshot)},
      {"layers", Layers(snapshot)},
      {"features", Json::parse(model::SchemaToJson(snapshot.schema))["features"]},
      {"notices", imported.notices()}};
  return JsonText(manifest, 2) + "\n";
}

void PrintSummary(const ImportFlags& flags, const ImportedModel& imported, const Published& published) {
  const model::Snapshot& snapshot = imported.snapshot();
  absl::PrintF("%s version %d: %d features, layers %d", flags.model, published.version,
               snapshot.schema.features.size(), snapshot.layers.front().inputs);
  for (size_t i = 0; i < snapshot.layers.size(); ++i) {
    const bool hidden = i + 1 < snapshot.layers.size();
    absl::PrintF(" -> %d%s", snapshot.layers[i].outputs,
                 hidden ? absl::StrCat(" (", model::ToString(snapshot.layers[i].activation.kind), ")") : "");
  }
  std::printf("\n\n%-32s %-14s %-10s %s\n", "feature", "kind", "role", "missing");
  for (const model::Feature& feature : snapshot.schema.features) {
    const bool numeric = feature.kind == model::FeatureKind::kNumeric;
    std::printf("%-32s %-14s %-10s %s\n", feature.name.c_str(), model::ToString(feature.kind),
                model::ToString(feature.role), numeric ? model::ToString(feature.missing) : "-");
  }
  std::printf("\n%-32s\n", "head");
  for (const model::Head& head : snapshot.heads) std::printf("%s\n", head.name.c_str());
  std::printf(
      "\nsnapshot: %s/snapshot (%.1f MB), its %zu golden rows replayed on every kernel set of this machine\n",
      published.directory.c_str(), static_cast<double>(published.snapshot_bytes) / 1e6, snapshot.golden.rows);
  std::printf("serve it: adscore-server --model-root %s\n", flags.model_root.c_str());
}

absl::Status Import(const ImportFlags& flags) {
  const absl::StatusOr<ImportOptions> options = Options(flags);
  if (!options.ok()) return options.status();
  absl::StatusOr<ImportedGraph> graph = ReadGraph(flags);
  if (!graph.ok()) return graph.status();
  const absl::StatusOr<std::unique_ptr<const ImportedModel>> imported =
      ImportedModel::Make(*std::move(graph), *options);
  if (!imported.ok()) {
    return absl::Status(imported.status().code(),
                        absl::StrCat(flags.File(), ": ", imported.status().message()));
  }
  for (const std::string& notice : (*imported)->notices()) std::fprintf(stderr, "note: %s\n", notice.c_str());
  const absl::StatusOr<Published> published =
      Publish(flags.model_root, flags.model, (*imported)->snapshot(),
              [&](int64_t version, const model::Provenance& provenance) {
                return Manifest(flags, **imported, version, provenance);
              });
  if (!published.ok()) return published.status();
  if (!flags.json) {
    PrintSummary(flags, **imported, *published);
    return absl::OkStatus();
  }
  const model::Snapshot& snapshot = (*imported)->snapshot();
  const Json json = {{"model", flags.model},
                     {"version", published->version},
                     {"parent_version", published->parent_version},
                     {"directory", published->directory},
                     {"snapshot_bytes", published->snapshot_bytes},
                     {"heads", Heads(snapshot)},
                     {"layers", Layers(snapshot)},
                     {"schema", Json::parse(model::SchemaToJson(snapshot.schema))},
                     {"notices", (*imported)->notices()}};
  std::printf("%s\n", JsonText(json).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddImportCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "import",
      "Publish a dense network that Keras, TensorFlow, PyTorch or scikit-learn has trained.\n"
      "What is linear folds into the layers, so that the scores are the original's but for the last digits\n"
      "of a float. A model with anything that is not understood is refused by name; nothing is guessed.");
  const auto flags = std::make_shared<ImportFlags>();  // lives as long as the command that parses into it
  CLI::Option_group* file = command->add_option_group("file", "The model, one of");
  file->add_option("--onnx", flags->onnx,
                   "An ONNX file: torch.onnx.export, tf2onnx, skl2onnx, Keras's export")
      ->type_name("FILE");
  file->add_option("--keras", flags->keras, "What model.save wrote: .keras, or .h5 with the whole model")
      ->type_name("FILE");
  file->require_option(1);
  AddNewVersionFlags(command, &flags->model_root, &flags->model);
  command
      ->add_option(
          "--schema", flags->schema,
          "Names and roles of the features, as JSON, in the order of the model's inputs and their "
          "columns.\nWithout it a feature is named after its input, and INPUT_0, INPUT_1, … if that has "
          "several columns")
      ->type_name("FILE");
  command
      ->add_option(
          "--context", flags->context,
          "Features that are the same for all candidate ads of an impression: a request sends them once")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->excludes("--schema");
  command
      ->add_option(
          "--heads", flags->heads,
          "Names for the probabilities, in the order of the model's outputs. Without it the outputs' own")
      ->type_name("NAME,...")
      ->delimiter(',');
  command->add_flag(
      "--logits", flags->logits,
      "The outputs are numbers of which the sigmoid is the probability (of two the softmax), as "
      "a\nPyTorch model for BCEWithLogitsLoss has them");
  command->add_flag("--json", flags->json, "Print the result as one JSON object");
  command->footer(absl::StrCat(
      "Layers of Keras that are understood: ", kKerasLayers, ".\nOperators of ONNX: ", kOnnxOperators,
      ".\nOperators of ai.onnx.ml: ", kOnnxMlOperators, ".\ndocs/import.md says what becomes of each."));
  command->callback([flags, &run] { run = [flags] { return Import(*flags); }; });
}

}  // namespace adscore::trainer
