// adscore-client: a person's or a script's way to a server. Reads the command line and hands it to the
// command.
#include <iostream>
#include <iterator>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "cli/output.h"
#include "client/bench_command.h"
#include "client/model_command.h"
#include "client/predict_command.h"
#include "client/rollout_command.h"

int main(int argc, char** argv) {
  namespace client = adscore::client;
  namespace cli = adscore::cli;
  CLI::App app(
      "Asks an adscore-server: scores impressions, measures its speed, shows its models and decides which\n"
      "versions answer.",
      "adscore-client");
  app.set_version_flag("--version", "adscore-client " ADSCORE_VERSION);
  app.require_subcommand(1);
  app.footer(
      R"("adscore-client COMMAND --help" explains each one. Exit codes: 0 done, 1 failed (one line on
standard error says why), 2 bad usage.)");

  client::PredictOptions predict_options;
  CLI::App* predict = app.add_subcommand("predict", "Score the rows of a file, in order");
  client::AddPredictFlags(predict, &predict_options);

  client::BenchOptions bench_options;
  CLI::App* bench = app.add_subcommand("bench", "Put load on a server; measure throughput and latency");
  client::AddBenchFlags(bench, &bench_options);

  client::ModelOptions model_options;
  CLI::App* model = app.add_subcommand("model", "Show models: versions, features, heads");
  client::AddModelFlags(model, &model_options);

  using client::Decision;
  constexpr Decision kDecisions[] = {Decision::kPin, Decision::kUnpin, Decision::kRollBack, Decision::kCanary,
                                     Decision::kShadow};
  client::RolloutOptions rollout_options[std::size(kDecisions)];
  CLI::App* rollouts[std::size(kDecisions)];
  for (size_t i = 0; i < std::size(kDecisions); ++i) {
    rollouts[i] = client::AddRolloutCommand(&app, kDecisions[i], &rollout_options[i]);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      app.exit(error);
      const absl::Status written = cli::Flush(std::cout);
      return written.ok() ? cli::kDone
                          : cli::Fail(app.get_name(), std::string(written.message()), cli::kFailed);
    }
    return cli::Fail(app.get_name(), std::string(error.what()) + "; see adscore-client --help",
                     cli::kBadUsage);
  }
  if (bench->parsed() && bench_options.rate <= 0 && bench_options.concurrency == 0) {
    return cli::Fail(
        app.get_name(),
        "bench needs --rate (open loop) or --concurrency (closed loop); see adscore-client bench --help",
        cli::kBadUsage);
  }

  absl::Status status;
  if (predict->parsed()) status = client::RunPredict(predict_options, std::cout);
  if (bench->parsed()) status = client::RunBench(bench_options, std::cout);
  if (model->parsed()) status = client::RunModel(model_options, std::cout);
  for (size_t i = 0; i < std::size(kDecisions); ++i) {
    if (rollouts[i]->parsed()) status = client::RunRollout(rollout_options[i], std::cout);
  }
  return status.ok() ? cli::kDone : cli::Fail(app.get_name(), std::string(status.message()), cli::kFailed);
}
