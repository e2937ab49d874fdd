#include "trainer/commands/schema.h"

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/table_reader.h"
#include "model/schema.h"
#include "trainer/dataset.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {
namespace {

struct SchemaFlags {
  std::string data;
  std::string label;
  std::string format = "auto";
  InferenceOptions options;
};

absl::Status Run(SchemaFlags flags) {
  absl::StatusOr<data::Format> format = data::ParseFormat(flags.format);
  if (!format.ok()) return format.status();
  absl::StatusOr<std::vector<model::Label>> labels = ParseLabels(flags.label);
  if (!labels.ok()) return labels.status();
  flags.options.labels = *std::move(labels);
  absl::StatusOr<InferredSchema> inferred = InferSchema(flags.data, *format, flags.options);
  if (!inferred.ok()) return inferred.status();
  for (const std::string& notice : inferred->notices) std::cerr << notice << "\n";
  std::cout << model::SchemaToJson(inferred->schema) << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddSchemaCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand("schema", "Print the schema that fit would infer, as JSON");
  auto flags = std::make_shared<SchemaFlags>();
  command->add_option("--data", flags->data, "File of impressions: CSV or Criteo TSV, plain or gzip")
      ->required()
      ->type_name("FILE");
  command
      ->add_option(
          "--label", flags->label,
          "Columns to predict, with commas between them; COLUMN=VALUE says which value counts as positive "
          "(default: 1, true, yes, y, t)")
      ->required()
      ->type_name("COLUMN[=VALUE],...");
  command->add_option("--format", flags->format, "auto, csv (one header line) or criteo (no header)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "csv", "criteo"}));
  command->add_option("--ignore", flags->options.ignore, "Columns to leave out, with commas between them")
      ->delimiter(',')
      ->type_name("COLUMN,...");
  command
      ->add_option(
          "--context", flags->options.context,
          "Columns that are the same for all candidate ads of an impression, with commas between them; the "
          "others belong to the candidate")
      ->delimiter(',')
      ->type_name("COLUMN,...");
  command->footer(
      "Looks at the first 100000 rows. What it decided, and which columns it leaves out and why, goes to "
      "standard\n"
      "error; the schema goes to standard output. Keep it in a file, correct it, and give it to fit --schema "
      "FILE.");
  command->callback([flags, &run] { run = [flags] { return Run(*flags); }; });
}

}  // namespace adscore::trainer
