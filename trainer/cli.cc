#include "trainer/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "trainer/commands/evaluate.h"
#include "trainer/commands/export.h"
#include "trainer/commands/fit.h"
#include "trainer/commands/generate.h"
#include "trainer/commands/import.h"
#include "trainer/commands/inspect.h"
#include "trainer/commands/schema.h"
#include "trainer/commands/tune.h"
#include "trainer/version.h"

namespace adscore::trainer {
namespace {

constexpr char kProgram[] = "adscore-trainer";

std::vector<std::string> SubcommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// CLI11 says "A subcommand is required" for one that it doesn't know.
std::string DescribeUsageError(const CLI::App& app, const CLI::ParseError& error, int argc,
                               const char* const* argv) {
  const std::vector<std::string> names = SubcommandNames(app);
  const std::string there_are = absl::StrCat("there are ", absl::StrJoin(names, ", "));
  if (argc < 2) return absl::StrCat("name a subcommand: ", there_are);
  const std::string first = argv[1];
  if (!first.starts_with("-") && std::find(names.begin(), names.end(), first) == names.end()) {
    return absl::StrCat("no subcommand ", cli::Quoted(first), "; ", there_are);
  }
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return absl::StrCat(error.what(), "; see adscore-trainer ",
                      parsed.empty() ? "" : parsed.front()->get_name() + " ", "--help");
}

// What was printed may still lie in a buffer, and the disk, or whoever reads it, be gone.
int Finish() {
  const absl::Status written = cli::Flush(std::cout);
  return written.ok() ? cli::kDone : cli::Fail(kProgram, std::string(written.message()), cli::kFailed);
}

}  // namespace

int RunTrainer(int argc, const char* const* argv) {
  CLI::App app(
      "adscore-trainer: from logs of ad impressions to snapshots that adscore-server serves.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted (Ctrl-C).",
      kProgram);
  app.set_version_flag("--version", std::string(kTrainerBuild));
  app.require_subcommand(1);
  std::function<absl::Status()> run;
  AddFitCommand(app, run);
  AddEvaluateCommand(app, run);
  AddSchemaCommand(app, run);
  AddGenerateCommand(app, run);
  AddInspectCommand(app, run);
  AddTuneCommand(app, run);
  AddImportCommand(app, run);
  AddExportCommand(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      app.exit(error);
      return Finish();
    }
    return cli::Fail(kProgram, DescribeUsageError(app, error, argc, argv), cli::kBadUsage);
  }
  const absl::Status status = run();
  if (absl::IsCancelled(status)) {
    const int written = Finish();
    return written != cli::kDone ? written
                                 : cli::Fail(kProgram, std::string(status.message()), cli::kInterrupted);
  }
  if (!status.ok()) return cli::Fail(kProgram, std::string(status.message()), cli::kFailed);
  return Finish();
}

}  // namespace adscore::trainer
