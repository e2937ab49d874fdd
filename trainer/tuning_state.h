// What a search has found out so far, in a file that survives it: each outcome is a line, written and synced
// once it is known. A search that is killed goes on from there; a line that is half there is dropped.
//
// Not thread-safe, and one process at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/system_calls.h"
#include "trainer/halving.h"

namespace adscore::trainer {

class TuningState {
 public:
  // Opens `directory`/outcomes.jsonl, or makes both. `search` says what is searched: data, flags, seed.
  // FailedPrecondition if the file is about another search, or is used by another process now.
  static absl::StatusOr<std::unique_ptr<TuningState>> Open(const std::string& directory,
                                                           const std::string& search);

  TuningState(std::string path, int fd) : path_(std::move(path)), file_(fd) {}

  const std::vector<TrialOutcome>& outcomes() const { return outcomes_; }
  // Adds an outcome, for good.
  absl::Status Add(const TrialOutcome& outcome);

 private:
  absl::Status Append(const std::string& line);

  const std::string path_;
  const model::FileDescriptor file_;
  std::vector<TrialOutcome> outcomes_;
};

}  // namespace adscore::trainer
