#include "trainer/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "trainer/commands/evaluate.h"
#include "trainer/commands/fit.h"
#include "trainer/commands/generate.h"
#include "trainer/commands/inspect.h"
#include "trainer/commands/schema.h"
#include "trainer/version.h"

namespace adscore::trainer {

int RunTrainer(int argc, const char* const* argv) {
  CLI::App app(
      "adscore-trainer: from logs of ad impressions to snapshots that adscore-server serves.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage.",
      "adscore-trainer");
  app.set_version_flag("--version", std::string(kTrainerBuild));
  app.require_subcommand(1);
  std::function<absl::Status()> run;
  AddFitCommand(app, run);
  AddEvaluateCommand(app, run);
  AddSchemaCommand(app, run);
  AddGenerateCommand(app, run);
  AddInspectCommand(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // also --help and --version
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "adscore-trainer: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace adscore::trainer
