#include "trainer/tuning_space.h"

#include <cmath>
#include <initializer_list>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kTrialKey = 0x5452494C;
constexpr double kChangedShare = 0.5;

// Calls visit(flag, value, candidates) for all that may change. One list of it all, for drawing and
// describing.
template <typename Options, typename Visit>
void ForEachChoice(Options& options, const Visit& visit) {
  auto& training = options.training;
  visit(
      "--hidden", training.hidden,
      std::vector<std::vector<size_t>>{
          {32}, {64, 32}, {128, 64}, {256, 128}, {200, 200}, {128, 64, 32}, {256, 128, 64}, {400, 400, 400}});
  visit("--embedding-dim", options.encoders.embedding_dim, std::vector<size_t>{4, 8, 16});
  visit("--min-count", options.encoders.minimum_count, std::vector<size_t>{5, 10, 20, 40});
  visit("--bins", options.encoders.bins, std::vector<size_t>{10, 20, 40});
  visit("--batch-size", training.batch_size, std::vector<size_t>{128, 256, 512, 1024});
  visit("--learning-rate", training.learning_rate,
        std::vector<float>{0.0003F, 0.0005F, 0.001F, 0.002F, 0.004F, 0.008F});
  visit("--learning-rate-decay", training.learning_rate_decay, std::vector<float>{1, 0.7F, 0.4F});
  visit("--dropout", training.noise.hidden_dropout, std::vector<float>{0, 0.1F, 0.2F, 0.3F});
  visit("--embedding-dropout", training.noise.embedding_dropout, std::vector<float>{0, 0.1F, 0.25F});
  visit("--field-dropout", training.noise.field_dropout, std::vector<float>{0, 0.02F, 0.05F});
  visit("--unknown-rate", training.noise.unknown_rate, std::vector<float>{0, 0.01F, 0.05F});
  visit("--weight-decay", training.optimizer.weight_decay, std::vector<float>{0, 0.01F, 0.1F, 0.5F});
  visit("--embedding-decay", training.optimizer.embedding_decay, std::vector<float>{0, 0.01F, 0.1F, 0.5F});
  visit("--weight-average", training.optimizer.average_decay, std::vector<double>{0.99, 0.998, 0.9995});
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
  Random random(seed ^ kTrialKey, trial);
  ForEachChoice(drawn, [&](const std::string& flag, auto& value, const auto& candidates) {
    // Drawn for those that stay too, so that one flag more changes nothing about the others.
    const bool changes = random.Uniform() < kChangedShare;
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
