#include "trainer/tuning_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;

std::string ToLine(const TrialOutcome& outcome) {
  const Json json = {{"trial", outcome.trial},
                     {"rung", outcome.rung},
                     {"loss", std::isfinite(outcome.loss) ? Json(outcome.loss) : Json(nullptr)},
                     {"seconds", outcome.seconds}};
  return json.dump() + "\n";
}

// False if the line is no outcome.
bool FromLine(const std::string& line, TrialOutcome* outcome) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  for (const char* key : {"trial", "rung", "loss", "seconds"}) {
    if (!json.contains(key)) return false;
  }
  if (!json["trial"].is_number_unsigned() || !json["rung"].is_number_unsigned() ||
      !json["seconds"].is_number() || !(json["loss"].is_number() || json["loss"].is_null())) {
    return false;
  }
  *outcome = {json["trial"], json["rung"],
              json["loss"].is_null() ? std::numeric_limits<double>::infinity() : json["loss"].get<double>(),
              json["seconds"]};
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TuningState>> TuningState::Open(const std::string& directory,
                                                               const std::string& search) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string path = directory + "/outcomes.jsonl";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return model::SystemError(errno, absl::StrCat("can't open ", path, ", which --tune-dir names"));
  }
  auto state = std::make_unique<TuningState>(path, fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in use by another search: wait for it, or give this one another --tune-dir"));
  }
  std::ifstream file(path);
  std::string line;
  const std::string header = Json{{"search", search}}.dump();
  off_t good = 0;  // bytes
  if (std::getline(file, line) && !file.eof()) {
    if (line != header) {
      return absl::FailedPreconditionError(
          absl::StrCat(path,
                       " is about another search, with other data or flags: remove it, or give this one "
                       "another --tune-dir"));
    }
    good = static_cast<off_t>(line.size() + 1);
    for (TrialOutcome outcome; std::getline(file, line) && !file.eof() && FromLine(line, &outcome);) {
      state->outcomes_.push_back(outcome);
      good += static_cast<off_t>(line.size() + 1);
    }
  }
  if (ftruncate(fd, good) != 0 || lseek(fd, good, SEEK_SET) != good) {
    return model::SystemError(errno, absl::StrCat("can't write ", path));
  }
  if (good == 0) {
    if (absl::Status written = state->Append(header + "\n"); !written.ok()) return written;
  }
  return state;
}

absl::Status TuningState::Append(const std::string& line) {
  const model::SystemCalls& calls = model::SystemCalls::Default();
  absl::Status written = model::WriteAll(calls, file_.get(), line.data(), line.size(), path_);
  if (written.ok() && calls.Sync(file_.get()) != 0) {
    written = model::SystemError(errno, absl::StrCat("can't sync ", path_));
  }
  return written;
}

absl::Status TuningState::Add(const TrialOutcome& outcome) {
  outcomes_.push_back(outcome);
  return Append(ToLine(outcome));
}

}  // namespace adscore::trainer
