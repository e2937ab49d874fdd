#include "server/request_log/warm_up.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "model/raw_columns.h"
#include "request_log/log_files.h"
#include "request_log/log_reader.h"
#include "server/packed_columns.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

// Of one forward pass, as in a busy server's batch.
constexpr size_t kRowsAtATime = 256;

class WarmUpRun {
 public:
  WarmUpRun(const ServedModel& served, const WarmUpLimits& limits, const Clock& clock)
      : served_(served), limits_(limits), clock_(clock), end_(clock.Now() + limits.time) {}

  bool IsEnough() const { return result_.rows >= limits_.rows || clock_.Now() >= end_; }

  void ReadFile(const std::string& path) {
    const auto reader = request_log::LogReader::Open(path);
    if (!reader.ok()) return result_.status.Update(reader.status());
    while (!IsEnough()) {
      const absl::StatusOr<bool> read = (*reader)->Next(&record_);
      if (!read.ok()) return result_.status.Update(read.status());
      if (!*read) return;
      Take();
    }
  }

  WarmUpResult& result() { return result_; }

 private:
  void Take() {
    if (record_.model() != served_.name) {
      ++result_.other_models;
      return;
    }
    if (record_.features().schema_fingerprint() != served_.model->fingerprint()) {
      ++result_.other_schemas;
      return;
    }
    model::Impression impression = {
        .context = ViewOf(record_.features().context(), 1),
        .candidates = ViewOf(record_.features().candidates(), record_.candidate_count())};
    const model::Schema& schema = served_.model->snapshot().schema;
    if (!model::CheckColumns(schema, model::FeatureRole::kContext, impression.context).ok() ||
        !model::CheckColumns(schema, model::FeatureRole::kCandidate, impression.candidates).ok()) {
      ++result_.unfit;
      return;
    }
    ++result_.requests;
    while (impression.begin < impression.candidates.rows && !IsEnough()) {
      impression.end = std::min(impression.begin + kRowsAtATime, impression.candidates.rows);
      probabilities_.resize(impression.Rows() * served_.model->heads());
      served_.model->Score({&impression, 1}, &scratch_, probabilities_.data());
      result_.rows += impression.Rows();
      impression.begin = impression.end;
    }
  }

  const ServedModel& served_;
  const WarmUpLimits limits_;
  const Clock& clock_;
  const Time end_;
  WarmUpResult result_;
  v1::LoggedRequest record_;
  model::ScoreScratch scratch_;
  std::vector<float> probabilities_;
};

}  // namespace

WarmUpResult WarmUp(const std::string& path, const ServedModel& served, const WarmUpLimits& limits,
                    const Clock& clock) {
  WarmUpRun run(served, limits, clock);
  auto files = request_log::FindLogFiles(path);
  if (!files.ok()) {
    run.result().status = files.status();
    return run.result();
  }
  std::reverse(files->begin(), files->end());
  for (const std::string& file : *files) {
    if (run.IsEnough()) break;
    run.ReadFile(file);
  }
  return run.result();
}

void WarmUpAndLog(const std::string& path, const ServedModel& served, const Clock& clock) {
  const Time start = clock.Now();
  const WarmUpResult result = WarmUp(path, served, {}, clock);
  const double seconds = Seconds(clock.Now() - start);
  std::string left_out;
  if (result.other_models > 0)
    absl::StrAppend(&left_out, ", ", result.other_models, " to other models left out");
  if (result.other_schemas > 0) {
    absl::StrAppend(&left_out, ", ", result.other_schemas, " for another schema left out");
  }
  if (result.unfit > 0) absl::StrAppend(&left_out, ", ", result.unfit, " that don't fit the schema left out");
  spdlog::info("model {} version {} warmed up with {} requests, {} rows, of {} in {:.1f} ms{}", served.name,
               served.version, result.requests, result.rows, path, seconds * 1e3, left_out);
  if (!result.status.ok()) {
    spdlog::warn("--warmup-log: {}; model {} version {} serves all the same",
                 std::string(result.status.message()), served.name, served.version);
  }
}

}  // namespace adscore::server
