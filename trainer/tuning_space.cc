#include "trainer/tuning_space.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kTrialKey = 0x5452494C;
// Of the options, in a trial drawn at random: with more changes at once nearly every trial has one that
// spoils it.
constexpr double kChangedShare = 0.25;

// Calls visit(flag, value, candidates) for all that may change. One list of it all, for drawing and
// describing.
template <typename Options, typename Visit>
void ForEachChoice(Options& options, const Visit& visit) {
  auto& training = options.training;
  visit("--hidden", training.hidden,
        std::vector<std::vector<size_t>>{{64, 32},
                                         {128, 64},
                                         {256, 128},
                                         {400, 200},
                                         {200, 200},
                                         {128, 64, 32},
                                         {256, 128, 64},
                                         {400, 400, 400}});
  visit("--embedding-dim", options.encoders.embedding_dim, std::vector<size_t>{4, 8, 16});
  visit("--min-count", options.encoders.minimum_count, std::vector<size_t>{5, 10, 20, 40});
  visit("--bins", options.encoders.bins, std::vector<size_t>{10, 20, 40, 100, 200});
  visit("--batch-size", training.batch_size, std::vector<size_t>{32, 64, 128, 256, 512});
  visit("--learning-rate", training.learning_rate, std::vector<float>{0.0005F, 0.001F, 0.002F, 0.004F});
  visit("--learning-rate-decay", training.learning_rate_decay, std::vector<float>{1, 0.7F, 0.4F});
  visit("--dropout", training.noise.hidden_dropout, std::vector<float>{0, 0.1F, 0.2F, 0.3F});
  visit("--embedding-dropout", training.noise.embedding_dropout, std::vector<float>{0, 0.1F, 0.25F});
  visit("--field-dropout", training.noise.field_dropout, std::vector<float>{0, 0.02F, 0.05F});
  visit("--unknown-rate", training.noise.unknown_rate, std::vector<float>{0, 0.01F, 0.05F});
  visit("--weight-decay", training.optimizer.weight_decay, std::vector<float>{0, 0.01F, 0.1F, 0.5F});
  visit("--embedding-decay", training.optimizer.embedding_decay, std::vector<float>{0, 0.01F, 0.1F, 0.5F});
  visit("--weight-average", training.optimizer.average_decay, std::vector<double>{0.99, 0.998, 0.9995});
  // Never at random, since it costs as many times more: only where it is known to be worth it.
  visit("--ensemble", options.members, std::vector<size_t>{});
}

struct Setting {
  const char* flag;
  void (*set)(FitOptions* options);
};

constexpr Setting kWider = {"--hidden", [](FitOptions* options) { options->training.hidden = {256, 128}; }};
constexpr Setting kThree = {"--ensemble", [](FitOptions* options) { options->members = 3; }};
constexpr Setting kCommonTokens = {"--min-count",
                                   [](FitOptions* options) { options->encoders.minimum_count = 20; }};
constexpr Setting kNarrow = {"--embedding-dim",
                             [](FitOptions* options) { options->encoders.embedding_dim = 4; }};
constexpr Setting kSlower = {"--learning-rate",
                             [](FitOptions* options) { options->training.learning_rate = 0.001F; }};
constexpr Setting kLarger = {"--batch-size", [](FitOptions* options) { options->training.batch_size = 512; }};
constexpr Setting kDropout = {"--dropout",
                              [](FitOptions* options) { options->training.noise.hidden_dropout = 0.1F; }};

// What has been better than the defaults on some log, tried before anything at random. Those that cost most
// come where a search of few trials gets to, for they are also those that gain most.
const std::vector<std::vector<Setting>>& KnownToBeGood() {
  static const auto* const settings = new std::vector<std::vector<Setting>>{
      {kWider},
      {kThree},
      {kWider, kThree},
      {kWider, kCommonTokens},
      {kWider, kSlower},
      {kCommonTokens, kNarrow},
      {kWider, kDropout, kLarger},
  };
  return *settings;
}

// Those, around `base`, as far as they may change it and no two are the same.
std::vector<FitOptions> GoodTrials(const FitOptions& base,
                                   const std::function<bool(const std::string& flag)>& fixed) {
  std::vector<FitOptions> trials;
  std::vector<std::string> described = {""};
  for (const std::vector<Setting>& settings : KnownToBeGood()) {
    FitOptions options = base;
    for (const Setting& setting : settings) {
      if (!fixed(setting.flag)) setting.set(&options);
    }
    const std::string changes = DescribeTrial(base, options);
    if (std::find(described.begin(), described.end(), changes) != described.end()) continue;
    described.push_back(changes);
    trials.push_back(std::move(options));
  }
  return trials;
}

std::string Text(size_t value) { return absl::StrCat(value); }
std::string Text(double value) { return absl::StrFormat("%g", value); }
std::string Text(const std::vector<size_t>& widths) {
  return widths.empty() ? "none" : absl::StrJoin(widths, ",");
}

}  // namespace

FitOptions DrawTrial(const FitOptions& base, const std::function<bool(const std::string& flag)>& fixed,
                     uint64_t seed, size_t trial) {
  FitOptions drawn = base;
  if (trial == 0) return drawn;
  const std::vector<FitOptions> good = GoodTrials(base, fixed);
  if (trial <= good.size()) return good[trial - 1];
  Random random(seed ^ kTrialKey, trial);
  ForEachChoice(drawn, [&](const std::string& flag, auto& value, const auto& candidates) {
    // Drawn for those that stay too, so that one flag more changes nothing about the others.
    const bool changes = random.Uniform() < kChangedShare;
    if (candidates.empty()) return;
    const uint64_t choice = random.Below(candidates.size());
    if (changes && !fixed(flag)) value = candidates[choice];
  });
  return drawn;
}

std::string DescribeFixed(const std::function<bool(const std::string& flag)>& fixed) {
  const FitOptions any;
  std::vector<std::string> flags;
  ForEachChoice(any, [&](const std::string& flag, const auto&, const auto&) {
    if (fixed(flag)) flags.push_back(flag);
  });
  return absl::StrJoin(flags, " ");
}

std::string DescribeTrial(const FitOptions& base, const FitOptions& options) {
  std::vector<std::string> before;
  ForEachChoice(base,
                [&](const std::string&, const auto& value, const auto&) { before.push_back(Text(value)); });
  std::vector<std::string> changes;
  size_t i = 0;
  ForEachChoice(options, [&](const std::string& flag, const auto& value, const auto&) {
    if (const std::string text = Text(value); text != before[i++])
      changes.push_back(absl::StrCat(flag, " ", text));
  });
  return absl::StrJoin(changes, " ");
}

}  // namespace adscore::trainer
