#include "trainer/commands/training_flags.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/flag_checks.h"

namespace adscore::trainer {
namespace {

constexpr size_t kTinyLog = 5'000;  // rows
constexpr size_t kSmallLog = 20'000;
constexpr size_t kLargeLog = 100'000;
constexpr size_t kRowsPerBin = 1'000;
constexpr size_t kMostBins = 200;

constexpr size_t kMostThreads = 8;  // more than a batch can keep busy

absl::StatusOr<OptimizerKind> ParseOptimizer(std::string_view text) {
  if (text == "adam") return OptimizerKind::kAdam;
  if (text == "adagrad") return OptimizerKind::kAdaGrad;
  return absl::InvalidArgumentError(
      absl::StrCat(cli::Quoted(std::string(text)), " is no optimiser: say adam or adagrad"));
}

bool CrossesNumbers(const model::Schema& schema) {
  const auto is_number = [&schema](size_t feature) {
    return schema.features[feature].kind == model::FeatureKind::kNumeric;
  };
  return std::any_of(schema.crosses.begin(), schema.crosses.end(), [&](const model::Cross& cross) {
    return is_number(cross.first) || is_number(cross.second);
  });
}

void AddRegularisation(CLI::App* command, FitOptions* options) {
  NoiseOptions& noise = options->training.noise;
  OptimizerOptions& optimizer = options->training.optimizer;
  const auto share = [command](const char* name, float* value, const char* help) {
    command->add_option(name, *value, help)
        ->type_name("0..0.9")
        ->check(cli::Number(0, 0.9))
        ->capture_default_str()
        ->group("Against over-fitting");
  };
  share("--dropout", &noise.hidden_dropout,
        "Share of the hidden units that a row's training step goes without");
  share("--embedding-dropout", &noise.embedding_dropout, "The same, of the numbers of embeddings");
  share("--field-dropout", &noise.field_dropout,
        "The same, of whole features: embedding and target statistics");
  share("--unknown-rate", &noise.unknown_rate,
        "Share of tokens that a training step takes for unknown, so that unknown ones are learnt too");
  command
      ->add_option("--weight-decay", optimizer.weight_decay,
                   "Share of the layers' weights that is taken off per step, times the learning rate")
      ->type_name("F")
      ->check(cli::Number(0, 100))
      ->capture_default_str()
      ->group("Against over-fitting");
  command
      ->add_option("--embedding-decay", optimizer.embedding_decay,
                   "The same of an embedding, for every batch that has its token")
      ->type_name("F")
      ->check(cli::Number(0, 100))
      ->capture_default_str()
      ->group("Against over-fitting");
  command
      ->add_option("--clip-norm", optimizer.clip_norm,
                   "Longest gradient of a batch: longer ones are scaled down; 0: never")
      ->type_name("F")
      ->check(cli::Number(0, 1e6))
      ->capture_default_str()
      ->group("Against over-fitting");
  command
      ->add_option(
          "--weight-average", optimizer.average_decay,
          "What is published is a running average of the weights: the share of it that a step keeps; 0: "
          "the last weights")
      ->type_name("0..0.99999")
      ->check(cli::Number(0, 0.99999))
      ->capture_default_str()
      ->group("Against over-fitting");
}

void AddEncoders(CLI::App* command, EncoderOptions* encoders) {
  command->add_option("--embedding-dim", encoders->embedding_dim, "Numbers per token or bin")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 256))
      ->capture_default_str();
  command
      ->add_option("--min-count", encoders->minimum_count,
                   "Rows that a token must be in to get an embedding of its own; rarer ones share one")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("--max-vocabulary", encoders->max_vocabulary,
                   "Tokens of a column that are known by themselves, at most: the most frequent ones. Those "
                   "beyond, and "
                   "all that is unknown later, share hashed buckets, half as many, so that neither "
                   "memory nor the "
                   "snapshot grows without end. A schema's max_vocabulary says it of one column")
      ->type_name("N")
      ->check(cli::WholeNumber(1, model::kMostVocabulary))
      ->capture_default_str();
  command
      ->add_option(
          "--bins", encoders->bins,
          absl::StrCat("Bins of a numeric column, at most: each has an embedding. Without the flag, if the "
                       "log has at least ",
                       kLargeLog, " rows, one for every ", kRowsPerBin, " of them, up to ", kMostBins))
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1000))
      ->capture_default_str();
}

}  // namespace

absl::StatusOr<std::vector<size_t>> ParseHidden(std::string_view text) {
  std::vector<size_t> hidden;
  if (text == "none") return hidden;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    uint32_t width = 0;
    if (!absl::SimpleAtoi(part, &width) || width == 0 || width > 8192) {
      return absl::InvalidArgumentError(
          absl::StrCat(cli::Quoted(part),
                       " is not the width of a layer: give numbers from 1 to 8192, such as 128,64, or none"));
    }
    hidden.push_back(width);
  }
  return hidden;
}

absl::StatusOr<std::vector<PositiveWeight>> ParsePositiveWeights(std::string_view text) {
  std::vector<PositiveWeight> weights;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    const size_t at = part.rfind('=');
    PositiveWeight weight{.head = at == std::string::npos ? "" : part.substr(0, at)};
    const std::string number = at == std::string::npos ? part : part.substr(at + 1);
    const bool mixed = parts.size() > 1 && at == std::string::npos;
    if (mixed || at == 0 || !absl::SimpleAtof(number, &weight.weight) ||
        !(weight.weight >= 0.001F && weight.weight <= 1000)) {
      return absl::InvalidArgumentError(absl::StrCat(
          cli::Quoted(part),
          " is no weight: give a number from 0.001 to 1000 for all heads, or some as head=number, "
          "such as click=5,conversion=20"));
    }
    if (at != std::string::npos || weight.weight != 1) weights.push_back(std::move(weight));
  }
  return weights;
}

FitOptions TrainingFlags::Options() const {
  FitOptions parsed = options;
  parsed.positive_weights = ParsePositiveWeights(positive_weight).value();
  parsed.training.hidden = ParseHidden(hidden).value();
  parsed.after = ParseAfter(after).value();
  parsed.calibration = ParseCalibrationKind(calibration).value();
  parsed.training.optimizer.kind = ParseOptimizer(optimizer).value();
  return parsed;
}

void TrainingFlags::SuitTo(const Dataset& log, FitOptions* suited) const {
  const size_t rows = log.rows;
  // Few rows are few steps: larger batches would end before much is learnt.
  if (!Given("--batch-size") && rows < kSmallLog) suited->training.batch_size = rows < kTinyLog ? 32 : 64;
  // Many rows have enough in each of many bins, and what is rare is often in the tails of numbers. Cells of
  // crossed numbers are bins by bins, for which there are not enough.
  if (!Given("--bins") && rows >= kLargeLog && !CrossesNumbers(log.schema)) {
    suited->encoders.bins = std::min(rows / kRowsPerBin, kMostBins);
  }
}

void AddTrainingFlags(CLI::App* command, TrainingFlags* flags) {
  flags->command = command;
  TrainingOptions& training = flags->options.training;
  training.threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  command
      ->add_option("--hidden", flags->hidden,
                   "Widths of the hidden layers, or none for a linear model on the embeddings")
      ->type_name("N,...")
      ->check(cli::CheckedBy(&ParseHidden))
      ->capture_default_str();
  command->add_flag(
      "--batch-norm", training.batch_norm,
      "Batch normalisation of the hidden layers while they are trained; the snapshot has it in their "
      "weights.\nNot with --warm-start");
  command->add_flag(
      "--linear", training.linear,
      "A linear part beside the hidden layers: a weight per head for each token, bin and number, "
      "trained with\nthe rest. In the snapshot it is two more units per head and layer. Not with "
      "--warm-start");
  command->add_flag(
      "--exact", training.exact,
      "Multiply in single precision throughout. Without it, hidden layers of at least 256 units are trained "
      "in half\nprecision on processors that are faster so (x86 with AVX512-FP16): as good on data not seen, "
      "but another model\nthan on other processors. What is said of rows is computed in single precision in "
      "any case");
  AddEncoders(command, &flags->options.encoders);
  command
      ->add_option("--ensemble", flags->options.members,
                   "Networks to train, each from a seed of its own: their mean is one snapshot, better than "
                   "any of them, that costs as many times more to train and to serve")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 32))
      ->capture_default_str();
  command
      ->add_option("--epochs", training.epochs,
                   "Passes over the training rows, at most: it stops when the tuning rows get no better, and "
                   "keeps the best state")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--batch-size", training.batch_size,
                   absl::StrCat("Rows per step; without the flag 32 if the log has fewer than ", kTinyLog,
                                ", and 64 below ", kSmallLog, ", for otherwise there are few steps"))
      ->type_name("N")
      ->check(cli::WholeNumber(1, 65536))
      ->capture_default_str();
  command->add_option("--optimizer", flags->optimizer, "What makes steps of gradients")
      ->type_name("adam|adagrad")
      ->check(cli::CheckedBy(&ParseOptimizer))
      ->capture_default_str();
  command
      ->add_option("--learning-rate", training.learning_rate,
                   "Size of a step; without the flag twice as much after --warm-start")
      ->type_name("F")
      ->check(cli::Number(1e-6, 10.0))
      ->capture_default_str();
  command
      ->add_option("--learning-rate-decay", training.learning_rate_decay,
                   "What the learning rate is multiplied by over an epoch, little by little")
      ->type_name("F")
      ->check(cli::Number(1e-3, 1.0))
      ->capture_default_str();
  command
      ->add_option(
          "--calibration", flags->calibration,
          "Last step to a probability, fitted to rows not trained on: platt (a slope and an offset on "
          "the\nlogit), isotonic (a monotone curve upon that, where there are at least 100 rows of "
          "either kind), none,\nor auto: platt, unless the curve is clearly better on rows that it "
          "was not fitted to")
      ->type_name("auto|platt|isotonic|none")
      ->check(cli::CheckedBy(&ParseCalibrationKind))
      ->capture_default_str();
  command
      ->add_option(
          "--negative-rate", training.negative_rate,
          "Share of the rows without any positive label that the training steps are made with; each "
          "counts for\nas many more, so that the probabilities stay those of all rows. The time of an "
          "epoch shrinks with it")
      ->type_name("0.001..1")
      ->check(cli::Number(0.001, 1))
      ->capture_default_str();
  command
      ->add_option(
          "--positive-weight", flags->positive_weight,
          "What the loss of a positive row counts for, of all heads or of some (click=5,conversion=20). "
          "The\nprobabilities stay those of the rows as they are")
      ->type_name("W|HEAD=W,...")
      ->check(cli::CheckedBy(&ParsePositiveWeights))
      ->capture_default_str();
  command
      ->add_option(
          "--after", flags->after,
          "Heads that can only follow another one, as a conversion follows a click (conversion:click): what "
          "is\nlearnt and served of such a head is that one's probability times its own given that one, both "
          "from all\nrows. none: each by itself; auto: where all of a head's positives in the log are "
          "positives of an earlier\none, too")
      ->type_name("auto|none|HEAD:HEAD,...")
      ->check(cli::CheckedBy(&ParseAfter))
      ->capture_default_str();
  AddRegularisation(command, &flags->options);
  command
      ->add_option("--seed", training.seed,
                   "Of all that is random: the same seed, data and flags give the same snapshot, on "
                   "processors of a kind")
      ->type_name("N")
      ->check(cli::WholeNumber(0, UINT64_MAX))
      ->capture_default_str();
  command
      ->add_option("--threads", training.threads, "Threads to train with; the result does not depend on it")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 256))
      ->capture_default_str();
}

}  // namespace adscore::trainer
