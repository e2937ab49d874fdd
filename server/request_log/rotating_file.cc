#include "server/request_log/rotating_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "request_log/log_files.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using request_log::kPrefix;
using request_log::kSuffix;
using request_log::kUnfinished;

absl::Status Failed(const char* what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("can't ", what, " ", path, ": ", std::strerror(errno)));
}

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

RotationLimits RotationLimits::For(uint64_t all_bytes) {
  RotationLimits limits;
  limits.all_bytes = all_bytes;
  limits.file_bytes = std::min(limits.file_bytes, all_bytes / 8);
  return limits;
}

RotatingFile::~RotatingFile() { (void)Complete(); }

absl::Status RotatingFile::Begin() {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return absl::UnavailableError(absl::StrCat("can't make ", directory_, ": ", error.message()));
  if (!has_begun_) CompleteLeftovers();
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%E6S", absl::Now(), absl::UTCTimeZone());
  path_ = absl::StrCat(directory_, "/", kPrefix, time, "-", getpid(), kSuffix);
  // What people asked for and were shown is not for everybody on the machine.
  file_ = open((path_ + kUnfinished).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0640);
  if (file_ < 0) return Failed("create", path_ + kUnfinished);
  flock(file_, LOCK_EX | LOCK_NB);  // where locks don't exist, leftovers are nobody's to complete either
  has_begun_ = true;
  bytes_ = 0;
  begun_ = Clock::now();
  return absl::OkStatus();
}

absl::Status RotatingFile::Append(std::string_view records) {
  if (file_ < 0) {
    if (absl::Status status = Begin(); !status.ok()) return status;
  }
  if (!WriteAll(file_, records)) {
    absl::Status status = Failed("write", path_ + kUnfinished);
    // Without the part of a record that did find room; if that fails too, the file has to end with it.
    if (ftruncate(file_, static_cast<off_t>(bytes_)) != 0) (void)Complete();
    return status;
  }
  bytes_ += records.size();
  return absl::OkStatus();
}

absl::Status RotatingFile::CompleteIfDue() {
  if (file_ < 0) return absl::OkStatus();
  const bool is_due = bytes_ >= limits_.file_bytes || Clock::now() - begun_ >= limits_.file_age;
  return is_due ? Complete() : absl::OkStatus();
}

absl::Status RotatingFile::Complete() {
  if (file_ < 0) return absl::OkStatus();
  const int file = std::exchange(file_, -1);
  const std::string unfinished = path_ + kUnfinished;
  absl::Status status;
  if (bytes_ == 0) {
    unlink(unfinished.c_str());
  } else {
    if (fdatasync(file) != 0) status = Failed("sync", unfinished);
    if (rename(unfinished.c_str(), path_.c_str()) != 0) status.Update(Failed("rename", unfinished));
  }
  close(file);  // and with it the lock, after the name that others look for is gone
  RemoveOldest();
  return status;
}

// What processes that did not end well were writing is as complete as it will be. A lock tells those that
// still write.
void RotatingFile::CompleteLeftovers() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    std::string whole = entry.path().string();
    if (!whole.ends_with(kUnfinished)) continue;
    whole.resize(whole.size() - std::strlen(kUnfinished));
    if (!request_log::IsLogFileName(fs::path(whole).filename().string())) continue;
    const int file = open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    struct stat found {};
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &found) == 0) {
      if (found.st_size == 0) {
        unlink(entry.path().c_str());
      } else {
        (void)rename(entry.path().c_str(), whole.c_str());
      }
    }
    close(file);
  }
}

void RotatingFile::RemoveOldest() const {
  auto files = request_log::FindLogFiles(directory_);
  if (!files.ok()) return;
  std::error_code ignored;
  std::vector<uint64_t> sizes;
  uint64_t bytes = limits_.file_bytes;  // for the one that is written next
  for (const std::string& path : *files) {
    const uint64_t size = fs::file_size(path, ignored);
    sizes.push_back(ignored ? 0 : size);
    bytes += sizes.back();
  }
  size_t left = files->size();
  for (size_t i = 0; i < files->size() && (bytes > limits_.all_bytes || left > limits_.all_files); ++i) {
    unlink((*files)[i].c_str());
    bytes -= sizes[i];
    --left;
  }
}

}  // namespace adscore::server
