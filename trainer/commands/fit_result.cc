#include "trainer/commands/fit_result.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "model/model_root.h"
#include "model/rollout.h"
#include "trainer/figures_report.h"
#include "trainer/json_text.h"
#include "trainer/manifest.h"
#include "trainer/publisher.h"
#include "trainer/retention.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kEnoughToRefuse = 30;  // validation rows with, and without, the label

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

absl::StatusOr<Published> PublishFitted(const FitRun& run, const FittedModel& fitted) {
  model::Snapshot snapshot = fitted.published().snapshot();  // of views: the tables are not copied
  if (!run.flags.training_window.empty()) {
    const TrainingWindow window = ParseTrainingWindow(run.flags.training_window).value();
    snapshot.provenance.training_from = window.from;
    snapshot.provenance.training_to = window.to;
  }
  return Publish(
      run.flags.model_root, run.flags.model, snapshot,
      [&](int64_t version, const model::Provenance& provenance) {
        return ManifestJson(run.flags.model, version, provenance, run.log.sources.ToString(),
                            run.log.data.rows, run.options, fitted);
      },
      run.parent_version);
}

void PrintJson(const FitRun& run, const Published& published, const std::vector<int64_t>& removed,
               const FittedModel& fitted, const FitAssessment& assessment,
               const nlohmann::ordered_json& more) {
  const std::vector<model::Head>& heads = fitted.model->snapshot().heads;
  const nlohmann::ordered_json figures = FiguresToJson(heads, fitted.validation);
  nlohmann::ordered_json json = {{"model", run.flags.model},
                                 {"version", published.version},
                                 {"parent_version", published.parent_version},
                                 {"removed_versions", removed},
                                 {"directory", published.directory},
                                 {"snapshot_bytes", published.snapshot_bytes},
                                 {"rows", run.log.data.rows},
                                 {"training_rows", fitted.training_rows},
                                 {"tuning_rows", fitted.tuning_rows},
                                 {"validation_rows", fitted.validation_rows},
                                 {"published_rows", fitted.published().snapshot().provenance.training_rows},
                                 {"seconds", SecondsSince(run.begin)},
                                 {"rows_per_second", fitted.rows_per_second},
                                 {"rows_trained", fitted.rows_trained},
                                 {"tuning_parts", fitted.tuning_parts},
                                 {"members", fitted.model->snapshot().members},
                                 {"epochs_run", fitted.epochs},
                                 {"epochs_published", fitted.best_epochs},
                                 {"heads", figures},
                                 {"validation", {{"rows", fitted.validation_rows}, {"heads", figures}}},
                                 {"interrupted", fitted.interrupted},
                                 {"notices", fitted.notices}};
  for (const model::Head& head : fitted.published().snapshot().heads) {
    json["calibrators"][head.name] = ToString(KindOf(head.calibrator));
    if (head.after) json["after"][head.name] = heads[*head.after].name;
  }
  json.update(AssessmentToJson(heads, assessment));
  if (!more.is_null()) json.update(more);
  std::printf("%s\n", JsonText(json).c_str());
}

void PrintSummary(const FitRun& run, const Published& published, const FittedModel& fitted,
                  const FitAssessment& assessment) {
  const model::Snapshot& snapshot = fitted.published().snapshot();
  for (const std::string& notice : fitted.notices) std::printf("note: %s\n", notice.c_str());
  absl::PrintF("%s version %d: %d features, %d parameters, from %d rows of %s in %.1f s\n", run.flags.model,
               published.version, snapshot.schema.features.size(), fitted.published().parameters(),
               run.log.data.rows, run.log.sources.ToString(), SecondsSince(run.begin));
  if (fitted.interrupted) {
    absl::PrintF(
        "trained on %d rows at %.0f rows/s until it was interrupted: the state after %.2f epochs was the "
        "best for\n"
        "the %d rows kept for tuning, and is published as it was then, without them\n",
        fitted.training_rows, fitted.rows_per_second, fitted.best_epochs, fitted.tuning_rows);
  } else {
    absl::PrintF(
        "trained on %d rows at %.0f rows/s: the %d of them kept for tuning were best after %.2f of %.2f "
        "epochs, so that\nit was trained anew on all of them for that long\n",
        fitted.training_rows, fitted.rows_per_second, fitted.tuning_rows, fitted.best_epochs, fitted.epochs);
  }
  if (fitted.tuning_parts > 1) {
    absl::PrintF("few of the tuning rows are positive: %d tenths of the rows took turns at tuning\n",
                 fitted.tuning_parts);
  }
  if (snapshot.members > 1) absl::PrintF("%d networks, whose mean is served\n", snapshot.members);
  std::printf("\n");
  std::printf("%s", FiguresToTable(snapshot.heads, fitted.validation).c_str());
  std::printf(
      "measured on the %s %zu rows, which nothing was fitted to or chosen by; norm. ent. is the log loss as "
      "a\n"
      "share of that of always saying the base rate, calibration is predicted ÷ actual (1 is right)\n",
      run.log_flags.split == "tail" ? "last" : "randomly drawn", fitted.validation_rows);
  if (fitted.refitted != nullptr) {
    absl::PrintF(
        "then trained anew for as long on all %d rows, these with them: that is what is published "
        "(--no-refit: what was measured)\n\n",
        run.log.data.rows);
  }
  if (fitted.refitted == nullptr) std::printf("\n");
  std::printf("%s\n", AssessmentToText(snapshot.heads, assessment).c_str());
  std::printf("snapshot: %s/snapshot (%.1f MB), with manifest.json beside it\n", published.directory.c_str(),
              static_cast<double>(published.snapshot_bytes) / 1e6);
  if (!run.flags.report.empty()) std::printf("report: %s\n", run.flags.report.c_str());
  std::printf("serve it: adscore-server --model-root %s\n", run.flags.model_root.c_str());
}

// The newest ones stay, and what operators have pinned or are trying out.
absl::StatusOr<std::vector<int64_t>> RemoveAllBut(const ResultFlags& flags) {
  const absl::StatusOr<model::Rollout> rollout = model::ReadRollout(flags.model_root, flags.model);
  if (!rollout.ok()) return rollout.status();
  return RemoveOldVersions(flags.model_root, flags.model, flags.keep, rollout->Versions());
}

// A server would take up the version at once, and bids would be worse than by the base rate. With very few
// positives, or negatives, one of them decides, and nothing can be told.
absl::Status FitToBeServed(const std::vector<HeadVerdict>& verdicts) {
  for (const HeadVerdict& verdict : verdicts) {
    const HeadFigures& figures = verdict.versus_base_rate.first;
    const uint64_t rarer = std::min(figures.positives, figures.rows - figures.positives);
    if (verdict.versus_base_rate.winner != Winner::kSecond || rarer < kEnoughToRefuse) continue;
    return absl::FailedPreconditionError(absl::StrCat("nothing was published: by the validation rows' '",
                                                      verdict.head, "', ", verdict.details[0],
                                                      "; look for columns that are not what they were in "
                                                      "earlier rows, give it more rows, or publish it all "
                                                      "the same with --publish-anyway"));
  }
  return absl::OkStatus();
}

// The first thing that went wrong after the publish, which is not undone by it.
absl::Status But(const Published& published, const absl::Status& status, const std::string& what) {
  return absl::Status(status.code(), absl::StrCat("version ", published.version, " is published, but ", what,
                                                  ": ", std::string(status.message())));
}

// What is known of a model that is not published, for whoever looks for the reason; `why` again.
absl::Status Refuse(const absl::Status& why, const FitRun& run, const FittedModel& fitted,
                    const FitAssessment& assessment, OutputFile* report, const std::string& more_text) {
  const std::vector<model::Head>& heads = fitted.model->snapshot().heads;
  if (!run.flags.json) {
    std::printf("%s%s%s", more_text.c_str(), FiguresToTable(heads, fitted.validation).c_str(),
                AssessmentToText(heads, assessment).c_str());
  }
  if (report == nullptr) return why;
  const absl::Status written =
      ReportFit({absl::StrCat(run.flags.model, ", not published"), run.log.sources,
                 run.log_flags.columns.Format(), "nothing: worse than the base rate"},
                run.options, run.log.data, fitted, assessment, report);
  return written.ok() ? why : written;
}

}  // namespace

TrainingReport TrainingOn(ProgressLine* line, TrainingProgress* last) {
  return [line, last](const TrainingProgress& p) {
    *last = p;
    if (!line->Due()) return;
    const double seconds_per_epoch = static_cast<double>(p.rows) / p.epochs_done / p.rows_per_second;
    const double seconds_left = std::max(0.0, p.epochs - p.epochs_done) * seconds_per_epoch;
    if (p.tuning_loss > 0) {
      line->Show(absl::StrFormat(
          "epoch %.2f of at most %.0f, %.0f rows/s, training loss %.4f, tuning loss %.4f, at most %.0f s "
          "left",
          p.epochs_done, p.epochs, p.rows_per_second, p.training_loss, p.tuning_loss, seconds_left));
    } else {
      line->Show(
          absl::StrFormat("with more rows: epoch %.2f of %.2f, %.0f rows/s, training loss %.4f, %.0f s left",
                          p.epochs_done, p.epochs, p.rows_per_second, p.training_loss, seconds_left));
    }
  };
}

absl::Status Conclude(const FitRun& run, FittedModel fitted, FitAssessment assessment, OutputFile* report,
                      Interruption* interruption, const nlohmann::ordered_json& more,
                      const std::string& more_text) {
  // Whoever interrupts a fit may not wait for long, and is promised the best state so far: it is published
  // first.
  const bool judged_first = !fitted.interrupted && !interruption->flag();
  absl::Status judged;
  if (judged_first) judged = Assess(run.log.data, run.options, fitted, &assessment);
  if (judged_first && judged.ok() && !run.flags.publish_anyway) {
    const absl::Status fit = FitToBeServed(assessment.verdicts);
    if (!fit.ok()) return Refuse(fit, run, fitted, assessment, report, more_text);
  }
  const absl::StatusOr<Published> published = PublishFitted(run, fitted);
  if (!published.ok()) return published.status();
  interruption->EndAtOnce(absl::StrCat("version ", published->version,
                                       " is published; interrupted before all was said about it"));
  if (!judged_first) judged = Assess(run.log.data, run.options, fitted, &assessment);
  absl::StatusOr<std::vector<int64_t>> removed = std::vector<int64_t>();
  if (run.flags.keep > 0) removed = RemoveAllBut(run.flags);
  if (!judged.ok()) return But(*published, judged, "could not be judged");
  absl::Status status;
  const std::vector<std::string> later_notices = fitted.notices;
  fitted.notices.insert(fitted.notices.begin(), run.log.notices.begin(), run.log.notices.end());
  if (report != nullptr) {
    status = ReportFit({absl::StrCat(run.flags.model, " version ", published->version), run.log.sources,
                        run.log_flags.columns.Format(), published->directory},
                       run.options, run.log.data, fitted, assessment, report);
    if (!status.ok()) return But(*published, status, "its report could not be written");
  }
  if (run.flags.json) {
    PrintJson(run, *published, removed.value_or(std::vector<int64_t>()), fitted, assessment, more);
  } else {
    fitted.notices = later_notices;  // a person has seen the others on standard error by now
    std::printf("%s", more_text.c_str());
    PrintSummary(run, *published, fitted, assessment);
    if (removed.ok() && !removed->empty()) {
      std::printf("removed %s: --keep %zu\n", absl::StrJoin(*removed, ", ").c_str(), run.flags.keep);
    }
  }
  if (!removed.ok()) return But(*published, removed.status(), "old ones could not be removed");
  if (fitted.interrupted) {
    return absl::CancelledError(absl::StrFormat(
        "interrupted in epoch %.2f; keeping the best state, of epoch %.2f: published version %d",
        run.last_progress.epochs_done, fitted.best_epochs, published->version));
  }
  if (interruption->flag()) {
    return absl::CancelledError(
        absl::StrCat("interrupted when the training was done: published version ", published->version));
  }
  return absl::OkStatus();
}

void AddResultFlags(CLI::App* command, ResultFlags* flags) {
  command
      ->add_option("--training-window", flags->training_window,
                   "The time that the log covers, to be recorded: ISO 8601 dates or times, UTC unless they "
                   "say otherwise, such as 2026-01-01/2026-01-31 (both days included)")
      ->type_name("FROM/TO")
      ->check(cli::CheckedBy(&ParseTrainingWindow));
  command->add_flag(
      "--no-refit", flags->no_refit,
      "Publish the model that was measured. By default another one is published, trained for as long "
      "on all rows, the validation rows with them, since the newest rows are most like those to come");
  command
      ->add_option("--keep", flags->keep,
                   "Versions of this model to keep in the model root, the newest ones: after the publish, "
                   "older ones are removed, but none that rollout.json names. Without it all stay")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1'000'000));
  command
      ->add_option(
          "--report", flags->report,
          "Write a report here, one page for a browser: verdict, figures with their intervals, curves, "
          "reliability, what the model leans on, columns and slices. It appears once it is complete")
      ->type_name("FILE.html");
  command->add_flag(
      "--publish-anyway", flags->publish_anyway,
      "Publish also a model that is worse than always saying the base rate, by its 95% interval, for some "
      "head.\nBy default nothing is published then, and the exit code is 1");
  command->add_flag("--json", flags->json, "Print the result as one JSON object");
}

}  // namespace adscore::trainer
