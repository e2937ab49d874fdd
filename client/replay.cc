#include "client/replay.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "request_log/log_files.h"
#include "request_log/log_reader.h"

namespace adscore::client {
namespace {

void Keep(v1::LoggedRequest* record, Replay* replay) {
  v1::PredictRequest& request = replay->requests.emplace_back();
  request.set_model(record->model());
  request.set_candidate_count(record->candidate_count());
  request.mutable_packed()->Swap(record->mutable_features());
  v1::PredictResponse& answer = replay->answers.emplace_back();
  answer.set_version(record->version());
  answer.mutable_heads()->Swap(record->mutable_heads());
}

// False once there are `most` requests.
absl::StatusOr<bool> ReadFile(const std::string& path, const std::string& model, size_t most,
                              uint64_t* others, Replay* replay) {
  const auto reader = request_log::LogReader::Open(path);
  if (!reader.ok()) return reader.status();
  v1::LoggedRequest record;
  for (;;) {
    const absl::StatusOr<bool> read = (*reader)->Next(&record);
    if (!read.ok()) return read.status();
    if (!*read) break;
    if (!model.empty() && record.model() != model) {
      ++*others;
      continue;
    }
    if (replay->requests.size() == most) {
      replay->notes.push_back(absl::StrCat("only the first ", most, " requests are sent"));
      return false;
    }
    Keep(&record, replay);
  }
  if (const auto at = (*reader)->truncated_at()) {
    replay->notes.push_back(
        absl::StrCat(path, " is cut off within the record at byte ", *at,
                     ", which is left out: a server did not end well, or still writes it"));
  }
  return true;
}

}  // namespace

absl::StatusOr<Replay> ReadReplay(const std::string& path, const std::string& model, size_t most) {
  const auto files = request_log::FindLogFiles(path);
  if (!files.ok()) return files.status();
  Replay replay;
  uint64_t others = 0;
  for (const std::string& file : *files) {
    const absl::StatusOr<bool> goes_on = ReadFile(file, model, most, &others, &replay);
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) break;
  }
  if (others > 0) replay.notes.push_back(absl::StrCat(others, " requests to other models are left out"));
  if (!replay.requests.empty()) return replay;
  return absl::InvalidArgumentError(absl::StrCat(
      path, " has no logged request", others > 0 ? absl::StrCat(" to model '", model, "'") : std::string(),
      files->empty()
          ? ", and no complete file of a request log (requests-….pb): the server completes one every "
            "ten minutes, and when it ends"
          : ""));
}

}  // namespace adscore::client
