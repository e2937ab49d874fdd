#include "trainer/commands/warm_start_flag.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "model/model_root.h"
#include "trainer/commands/snapshot_choice.h"

namespace adscore::trainer {
namespace {

// Times the learning rate of a fit anew: an increment is short, and at the usual rate it lags behind what its
// rows say (docs/training.md has figures).
constexpr float kRateOfIncrements = 2;

absl::Status CheckChoice(std::string_view choice) {
  if (choice == "latest" || model::ParseVersion(std::string(choice)).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(choice), "' is neither latest nor a version, such as 3"));
}

std::string Widths(const std::vector<size_t>& hidden) {
  return hidden.empty() ? "none" : absl::StrJoin(hidden, ",");
}

absl::Status Contradicts(const std::string& flag, const std::string& asked, int64_t version,
                         const std::string& has) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", asked, " contradicts --warm-start: version ",
                                                 version, " has ", has,
                                                 "; leave the flag out, or fit anew without --warm-start"));
}

std::string LabelsToString(const std::vector<model::Label>& labels) {
  return absl::StrJoin(labels, ",", [](std::string* out, const model::Label& label) {
    absl::StrAppend(out, label.column, label.positive.empty() ? "" : "=", label.positive);
  });
}

std::string ChainsToString(const std::vector<HeadAfter>& after) {
  if (after.empty()) return "none";
  return absl::StrJoin(after, ",", [](std::string* out, const HeadAfter& of) {
    absl::StrAppend(out, of.head, ":", of.after);
  });
}

// Takes over what the snapshot fixes.
absl::Status Adopt(const WarmStart& start, int64_t version, const TrainingFlags& flags, FitOptions* options) {
  std::vector<model::Label> labels;
  for (const model::Head& head : start.snapshot().heads) labels.push_back(head.label);
  if (labels != options->labels) {
    return Contradicts("--label", LabelsToString(options->labels), version, LabelsToString(labels));
  }
  if (flags.Given("--hidden") && options->training.hidden != start.hidden()) {
    return Contradicts("--hidden", Widths(options->training.hidden), version, Widths(start.hidden()));
  }
  if (flags.Given("--embedding-dim") && options->encoders.embedding_dim != start.embedding_dim()) {
    return Contradicts("--embedding-dim", absl::StrCat(options->encoders.embedding_dim), version,
                       absl::StrCat(start.embedding_dim()));
  }
  if (flags.Given("--ensemble") && options->members != start.snapshot().members) {
    return Contradicts("--ensemble", absl::StrCat(options->members), version,
                       absl::StrCat(start.snapshot().members));
  }
  if (flags.Given("--batch-norm")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--batch-norm contradicts --warm-start: version ", version,
        " has layers without it, into which that of its training, if it had any, is folded; leave the flag "
        "out, or fit anew without --warm-start"));
  }
  if (flags.Given("--linear")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--linear contradicts --warm-start: the layers of version ", version,
                     " go on as they are, and a linear part that it was fitted with is units of theirs; "
                     "leave the flag out, "
                     "or fit anew without --warm-start"));
  }
  std::vector<HeadAfter> after;
  for (const model::Head& head : start.snapshot().heads) {
    if (head.after) after.push_back({head.name, start.snapshot().heads[*head.after].name});
  }
  if (flags.Given("--after") && options->after && *options->after != after) {
    return Contradicts("--after", ChainsToString(*options->after), version, ChainsToString(after));
  }
  if (flags.Given("--bins")) {
    return Contradicts("--bins", absl::StrCat(options->encoders.bins), version, "bins of its own");
  }
  if (!flags.Given("--learning-rate")) options->training.learning_rate *= kRateOfIncrements;
  options->training.hidden = start.hidden();
  options->encoders.embedding_dim = start.embedding_dim();
  options->members = start.snapshot().members;
  options->after = std::move(after);
  return absl::OkStatus();
}

}  // namespace

void AddWarmStartFlag(CLI::App* command, std::string* choice) {
  command
      ->add_option(
          "--warm-start", *choice,
          "Go on from a published version of the model, with rows that are newer than those it learnt "
          "from: its schema, bins and layers stay, tokens that are new get embeddings of their own, and "
          "what it has counted ages. Much quicker than fitting anew to everything, and nearly as good")
      ->type_name("latest|VERSION")
      ->check(cli::CheckedBy(&CheckChoice))
      ->excludes("--schema")
      ->excludes("--ignore")
      ->excludes("--context")
      ->excludes("--cross")
      ->excludes("--match");
}

absl::StatusOr<std::unique_ptr<const ChosenStart>> OpenWarmStart(const std::string& choice,
                                                                 const std::string& model_root,
                                                                 const std::string& model,
                                                                 const TrainingFlags& flags,
                                                                 FitOptions* options) {
  auto chosen = std::make_unique<ChosenStart>();
  const absl::StatusOr<int64_t> version =
      FindVersion(model_root, model, model::ParseVersion(choice).value_or(0), "--warm-start");
  if (!version.ok()) return version.status();
  chosen->version = *version;
  absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped =
      model::MappedSnapshot::Open(absl::StrCat(model::VersionDirectory(model_root, model, *version), "/",
                                               std::string(model::kSnapshotFile)));
  if (!mapped.ok()) return mapped.status();
  chosen->mapped = *std::move(mapped);
  absl::StatusOr<WarmStart> start = WarmStart::From(chosen->mapped->snapshot());
  if (!start.ok()) return start.status();
  chosen->start = *std::move(start);
  if (absl::Status adopted = Adopt(*chosen->start, *version, flags, options); !adopted.ok()) return adopted;
  options->encoders.warm_start = &*chosen->start;
  return chosen;
}

}  // namespace adscore::trainer
