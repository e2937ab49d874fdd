#include "trainer/commands/generate.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "trainer/commands/interruption.h"
#include "trainer/generator.h"
#include "trainer/json_text.h"
#include "trainer/progress_line.h"

namespace adscore::trainer {
namespace {

constexpr size_t kMostThreads = 8;                      // one thread writes what the others make
constexpr uint64_t kMostGeneratedRows = 1'000'000'000;  // 130 GB of text, which is more likely a slip

struct GenerateFlags {
  GeneratorOptions options;
  bool json = false;
};

std::string Join(const auto& names) {
  return absl::StrJoin(names, ",", [](std::string* out, std::string_view name) { out->append(name); });
}

void PrintJson(const GenerateFlags& flags, const GeneratorFigures& figures, double seconds) {
  const auto rows = static_cast<double>(figures.rows);
  const nlohmann::ordered_json json = {{"out", flags.options.out},
                                       {"rows", figures.rows},
                                       {"seed", flags.options.seed},
                                       {"seconds", seconds},
                                       {"labels", kGeneratedLabels},
                                       {"context", kGeneratedContext},
                                       {"heads",
                                        {{"click",
                                          {{"base_rate", static_cast<double>(figures.clicks) / rows},
                                           {"true_log_loss", figures.click_log_loss}}},
                                         {"conversion",
                                          {{"base_rate", static_cast<double>(figures.conversions) / rows},
                                           {"true_log_loss", figures.conversion_log_loss}}}}}};
  std::cout << JsonText(json) << "\n";
}

void PrintText(const GenerateFlags& flags, const GeneratorFigures& figures, double seconds) {
  const auto rows = static_cast<double>(figures.rows);
  std::cout << absl::StreamFormat("%s: %d impressions in %.1f s\n", flags.options.out, figures.rows, seconds)
            << absl::StreamFormat("  click       %6.2f%%  log loss of the true probabilities %.5f\n",
                                  100 * static_cast<double>(figures.clicks) / rows, figures.click_log_loss)
            << absl::StreamFormat("  conversion  %6.2f%%  log loss of the true probabilities %.5f\n",
                                  100 * static_cast<double>(figures.conversions) / rows,
                                  figures.conversion_log_loss)
            << absl::StreamFormat(
                   "fit a model to it: adscore-trainer fit --data %s --label %s --context %s "
                   "--model-root DIR --model NAME\n",
                   flags.options.out, Join(kGeneratedLabels), Join(kGeneratedContext));
}

absl::Status Run(GenerateFlags flags) {
  flags.options.threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  const Interruption interruption("interrupted: no file is left half-written");
  const auto start = std::chrono::steady_clock::now();
  const auto seconds_so_far = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  ProgressLine progress;
  absl::StatusOr<GeneratorFigures> figures = Generate(flags.options, [&](uint64_t rows) {
    if (!progress.Due()) return;
    progress.Show(absl::StrFormat("generated %d of %d rows, %.0f rows/s", rows, flags.options.rows,
                                  static_cast<double>(rows) / seconds_so_far()));
  });
  progress.Clear();
  if (!figures.ok()) return figures.status();
  if (flags.json) {
    PrintJson(flags, *figures, seconds_so_far());
  } else {
    PrintText(flags, *figures, seconds_so_far());
  }
  return absl::OkStatus();
}

}  // namespace

void AddGenerateCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command =
      app.add_subcommand("generate", "Write synthetic impressions with their true probabilities");
  auto flags = std::make_shared<GenerateFlags>();
  command
      ->add_option("--rows", flags->options.rows,
                   "Rows to write: one row is one ad shown once, and takes about 130 bytes")
      ->required()
      ->type_name("N")
      ->check(cli::WholeNumber(1, kMostGeneratedRows));
  command->add_option("--out", flags->options.out, "CSV file to write; gzip if its name ends in .gz")
      ->required()
      ->type_name("FILE");
  command
      ->add_option(
          "--seed", flags->options.seed,
          "Which impressions happen. The world behind them stays the same, so that a model fitted to one "
          "seed can be evaluated on another")
      ->type_name("N")
      ->check(cli::WholeNumber(0, UINT64_MAX))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object instead of text");
  command->footer(absl::StrFormat(
      "Columns:\n"
      "  labels   %s\n"
      "           a conversion needs a click\n"
      "  context  %s\n"
      "           the same for all ads of an impression: give these to fit --context\n"
      "  ad       %s\n"
      "  truth    %s\n"
      "           the probabilities that the labels were drawn with; fit leaves them out\n"
      "Empty cells are missing values. interests holds several values, separated by '|'. bid and price are "
      "in\n"
      "currency units, age in years, visits_30d in visits to the site within 30 days.",
      Join(kGeneratedLabels), Join(kGeneratedContext), Join(kGeneratedAd), Join(kGeneratedTruths)));
  command->callback([flags, &run] { run = [flags] { return Run(*flags); }; });
}

}  // namespace adscore::trainer
