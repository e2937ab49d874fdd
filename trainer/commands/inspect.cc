#include "trainer/commands/inspect.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/cross.h"
#include "model/model.h"
#include "model/model_root.h"
#include "trainer/json_text.h"
#include "trainer/manifest.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

struct InspectFlags {
  std::string directory;
  bool json = false;
};

struct Inspected {
  std::unique_ptr<const model::Model> model;
  size_t file_bytes = 0;
  std::vector<model::SectionInfo> sections;
  float golden_error = 0;
};

absl::StatusOr<Inspected> Open(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/", std::string(model::kSnapshotFile));
  absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped = model::MappedSnapshot::Open(path);
  if (!mapped.ok()) return mapped.status();
  absl::StatusOr<std::vector<model::SectionInfo>> sections = model::ListSections(path);
  if (!sections.ok()) return sections.status();
  Inspected inspected;
  inspected.file_bytes = (*mapped)->file_bytes();
  inspected.sections = *std::move(sections);
  inspected.model = std::make_unique<const model::Model>(
      *std::move(mapped), *model::AvailableKernelSets(model::Precision::kF32).front());
  inspected.golden_error = inspected.model->GoldenError();
  return inspected;
}

void PrintJson(const InspectFlags& flags, const Inspected& inspected) {
  const model::Snapshot& snapshot = inspected.model->snapshot();
  Json layers = Json::array();
  const size_t per_member = snapshot.layers.size() / snapshot.members;
  for (size_t i = 0; i < snapshot.layers.size(); ++i) {
    const model::Layer& layer = snapshot.layers[i];
    const bool hidden = (i + 1) % per_member != 0;
    layers.push_back({{"inputs", layer.inputs},
                      {"outputs", layer.outputs},
                      {"activation", hidden ? model::ToString(layer.activation.kind) : "none"}});
  }
  Json heads = Json::array();
  for (const model::Head& head : snapshot.heads) {
    heads.push_back({{"name", head.name},
                     {"column", head.label.column},
                     {"positive", head.label.positive},
                     {"base_rate", head.base_rate},
                     {"calibrator", CalibratorToJson(head.calibrator)}});
    if (head.after) heads.back()["after"] = snapshot.heads[*head.after].name;
  }
  Json embeddings = Json::array();
  const std::vector<model::Feature> features = model::EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < snapshot.encodings.size(); ++i) {
    const model::EmbeddingTable& table = snapshot.encodings[i].embedding;
    embeddings.push_back({{"feature", features[i].name},
                          {"rows", table.rows},
                          {"dim", table.dim},
                          {"buckets", snapshot.encodings[i].vocabulary.buckets()}});
  }
  Json sections = Json::array();
  for (const model::SectionInfo& section : inspected.sections) {
    sections.push_back({{"name", section.name},
                        {"offset", section.offset},
                        {"bytes", section.size},
                        {"checksum", absl::StrFormat("%016x", section.checksum)}});
  }
  const model::Provenance& provenance = snapshot.provenance;
  const Json json = {{"directory", flags.directory},
                     {"file_bytes", inspected.file_bytes},
                     {"trainer", provenance.trainer},
                     {"created_at", provenance.created_at},
                     {"training_rows", provenance.training_rows},
                     {"seed", provenance.seed},
                     {"parent_version", provenance.parent_version},
                     {"training_from", provenance.training_from},
                     {"training_to", provenance.training_to},
                     {"schema_fingerprint", absl::StrFormat("%016x", inspected.model->fingerprint())},
                     {"schema", Json::parse(model::SchemaToJson(snapshot.schema))},
                     {"embeddings", embeddings},
                     {"members", snapshot.members},
                     {"layers", layers},
                     {"heads", heads},
                     {"golden_rows", snapshot.golden.rows},
                     {"golden_error", inspected.golden_error},
                     {"kernels", inspected.model->kernels().name},
                     {"sections", sections}};
  std::printf("%s\n", JsonText(json).c_str());
}

void PrintText(const InspectFlags& flags, const Inspected& inspected) {
  const model::Snapshot& snapshot = inspected.model->snapshot();
  const model::Provenance& provenance = snapshot.provenance;
  std::printf("%s: %s, from %s training rows, seed %s, schema %016lx, %.1f MB\n", flags.directory.c_str(),
              provenance.trainer.c_str(), std::to_string(provenance.training_rows).c_str(),
              std::to_string(provenance.seed).c_str(),
              static_cast<unsigned long>(inspected.model->fingerprint()),
              static_cast<double>(inspected.file_bytes) / 1e6);
  std::printf("made %s", IsoTime(provenance.created_at).c_str());
  if (provenance.parent_version > 0) {
    std::printf(", follows version %s", std::to_string(provenance.parent_version).c_str());
  }
  if (provenance.training_to > 0) {
    std::printf(", log from %s to %s", IsoTime(provenance.training_from).c_str(),
                IsoTime(provenance.training_to).c_str());
  }
  std::printf("\n");

  std::printf("\n%-24s %-18s %-10s %-14s %s\n", "feature", "kind", "role", "transform", "embedding");
  const std::vector<model::Feature> features = model::EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < features.size(); ++i) {
    const model::Feature& feature = features[i];
    const model::EmbeddingTable& table = snapshot.encodings[i].embedding;
    const bool numeric = feature.kind == model::FeatureKind::kNumeric;
    const uint64_t buckets = snapshot.encodings[i].vocabulary.buckets();
    std::printf("%-24s %-18s %-10s %-14s %zu x %zu%s\n", feature.name.c_str(),
                std::string(model::ToString(feature.kind)).c_str(),
                std::string(model::ToString(feature.role)).c_str(),
                numeric ? std::string(model::ToString(feature.transform)).c_str() : "-", table.rows,
                table.dim, buckets == 0 ? "" : absl::StrCat(", with ", buckets, " hashed buckets").c_str());
  }
  std::printf("\nlayers: %zu", snapshot.layers.front().inputs);
  for (const model::Layer& layer : snapshot.LayersOf(0)) std::printf(" -> %zu", layer.outputs);
  if (snapshot.members > 1) {
    std::printf(", in each of %zu networks whose logits are averaged", snapshot.members);
  }
  std::printf("\n\n%-24s %10s  %s\n", "head", "base rate", "calibrator (slope, offset on the logit)");
  for (const model::Head& head : snapshot.heads) {
    std::printf("%-24s %9.3f%%  %.4f, %.4f", head.name.c_str(), 100 * head.base_rate,
                static_cast<double>(head.calibrator.slope), static_cast<double>(head.calibrator.offset));
    if (!head.calibrator.knots.empty()) {
      std::printf(", then a curve of %zu knots", head.calibrator.knots.size());
    }
    if (head.after)
      std::printf("; given %s, and times its probability", snapshot.heads[*head.after].name.c_str());
    std::printf("\n");
  }
  std::printf("\n%-40s %12s %12s  %s\n", "section", "offset", "bytes", "checksum");
  for (const model::SectionInfo& section : inspected.sections) {
    std::printf("%-40s %12lu %12lu  %016lx\n", section.name.c_str(),
                static_cast<unsigned long>(section.offset), static_cast<unsigned long>(section.size),
                static_cast<unsigned long>(section.checksum));
  }
  std::printf("\n%zu golden rows: at most %.2g off on the %s kernels of this machine\n", snapshot.golden.rows,
              static_cast<double>(inspected.golden_error), inspected.model->kernels().name);
}

absl::Status Inspect(const InspectFlags& flags) {
  const absl::StatusOr<Inspected> inspected = Open(flags.directory);
  if (!inspected.ok()) return inspected.status();
  flags.json ? PrintJson(flags, *inspected) : PrintText(flags, *inspected);
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand("inspect",
                                         "Show what is in a published snapshot: schema, layers, heads, "
                                         "calibrators, sections; and check it: every\n"
                                         "checksum, and its golden rows on this machine's kernels.");
  const auto flags = std::make_shared<InspectFlags>();  // lives as long as the command that parses into it
  command->add_option("directory", flags->directory, "A version in a model root: ROOT/NAME/VERSION")
      ->required()
      ->type_name("DIR");
  command->add_flag("--json", flags->json, "Print it as one JSON object");
  command->callback([flags, &run] { run = [flags] { return Inspect(*flags); }; });
}

}  // namespace adscore::trainer
