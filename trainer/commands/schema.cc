#include "trainer/commands/schema.h"

#include <iostream>
#include <memory>
#include <string>

#include "model/schema.h"
#include "trainer/commands/schema_flags.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {
namespace {

struct Flags {
  std::string data;
  SchemaFlags schema;
};

absl::Status Run(const Flags& flags) {
  absl::StatusOr<InferredSchema> inferred =
      InferSchema(flags.data, flags.schema.Format(), flags.schema.Inference());
  if (!inferred.ok()) return inferred.status();
  for (const std::string& notice : inferred->notices) std::cerr << notice << "\n";
  std::cout << model::SchemaToJson(inferred->schema) << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddSchemaCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand("schema", "Print the schema that fit would infer, as JSON");
  auto flags = std::make_shared<Flags>();
  command->add_option("--data", flags->data, "The log of impressions, one per row")
      ->required()
      ->type_name("FILE");
  AddSchemaFlags(command, &flags->schema);
  command->footer(
      "Looks at the first 100000 rows; fit, when it infers the schema itself, at those that it does not keep "
      "for\n"
      "validation. What it decided, and which columns it leaves out and why, goes to standard error; the "
      "schema goes\n"
      "to standard output. Keep it in a file, correct it, and give it to fit --schema FILE.");
  command->callback([flags, &run] { run = [flags] { return Run(*flags); }; });
}

}  // namespace adscore::trainer
