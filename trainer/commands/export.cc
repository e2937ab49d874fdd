#include "trainer/commands/export.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "cli/flag_checks.h"
#include "model/model_root.h"
#include "trainer/commands/model_flags.h"
#include "trainer/commands/snapshot_choice.h"
#include "trainer/export/onnx_export.h"
#include "trainer/json_text.h"
#include "trainer/output_file.h"

namespace adscore::trainer {
namespace {

struct ExportFlags {
  std::string model_root;
  std::string model;
  int64_t version = 0;
  std::string onnx;
  bool json = false;
};

absl::Status Export(const ExportFlags& flags) {
  const absl::StatusOr<int64_t> version =
      FindVersion(flags.model_root, flags.model, flags.version, "--version");
  if (!version.ok()) return version.status();
  const absl::StatusOr<std::unique_ptr<const model::Model>> model =
      OpenModel(model::VersionDirectory(flags.model_root, flags.model, *version));
  if (!model.ok()) return model.status();
  const absl::StatusOr<std::string> bytes = ExportOnnx((*model)->snapshot());
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<std::unique_ptr<OutputFile>> file = OutputFile::Create(flags.onnx);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Write(*bytes);
  if (status.ok()) status = (*file)->Finish();
  if (!status.ok()) return status;
  if (flags.json) {
    const nlohmann::ordered_json json = {
        {"model", flags.model}, {"version", *version}, {"file", flags.onnx}, {"bytes", bytes->size()}};
    std::printf("%s\n", JsonText(json).c_str());
  } else {
    std::printf("%s version %s: %s (%.1f MB)\n", flags.model.c_str(), std::to_string(*version).c_str(),
                flags.onnx.c_str(), static_cast<double>(bytes->size()) / 1e6);
  }
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "export",
      "Write a published snapshot as an ONNX file that scores the same: encoders, layers and calibrators.");
  const auto flags = std::make_shared<ExportFlags>();  // lives as long as the command that parses into it
  AddVersionFlags(command, &flags->model_root, &flags->model, &flags->version);
  command->add_option("--onnx", flags->onnx, "The file to write; one of that name is replaced")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", flags->json, "Print the result as one JSON object");
  command->footer(
      "Each feature is an input of the graph, [rows, 1]. A number is a float, NaN where it is missing. A "
      "token is "
      "an\nint64: the bits of its XXH3 hash (64 bits, seed 0, 1 where that is 0), and 0 where it is missing, "
      "since "
      "a snapshot\nholds hashes and not names. Multi-valued features, crosses and hashed buckets can't be "
      "exported. Each head is an "
      "output, "
      "[rows].");
  command->callback([flags, &run] { run = [flags] { return Export(*flags); }; });
}

}  // namespace adscore::trainer
