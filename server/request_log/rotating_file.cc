#include "server/request_log/rotating_file.h"

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

namespace adscore::server {
namespace {

namespace fs = std::filesystem;

constexpr char kPart[] = ".part";

bool IsOurs(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("requests-") && path.extension() == ".pb";
}

}  // namespace

absl::StatusOr<std::unique_ptr<RotatingFile>> RotatingFile::Open(const std::string& directory,
                                                                 const RotationLimits& limits) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat("can't make ", directory, ": ", error.message()));
  // What a server that did not end well was writing is complete now.
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    fs::path whole = entry.path();
    if (whole.extension() != kPart || !IsOurs(whole.replace_extension())) continue;
    std::error_code ignored;
    fs::rename(entry.path(), whole, ignored);
  }
  std::unique_ptr<RotatingFile> file(new RotatingFile(directory, limits));
  if (absl::Status status = file->Begin(); !status.ok()) return status;
  return file;
}

RotatingFile::~RotatingFile() { Complete(); }

absl::Status RotatingFile::Begin() {
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%E3S", absl::Now(), absl::UTCTimeZone());
  path_ = absl::StrCat(directory_, "/requests-", time, "-", getpid(), "-", files_, ".pb");
  errno = 0;
  file_.clear();
  file_.open(path_ + kPart, std::ios::binary | std::ios::trunc);
  if (!file_.is_open()) {
    return absl::UnavailableError(absl::StrCat("can't write ", path_, kPart, ": ", std::strerror(errno)));
  }
  ++files_;
  bytes_ = 0;
  begun_ = Clock::now();
  return absl::OkStatus();
}

absl::Status RotatingFile::Append(std::string_view record) {
  if (!file_.is_open()) {
    if (absl::Status status = Begin(); !status.ok()) return status;
  }
  errno = 0;
  file_.write(record.data(), static_cast<std::streamsize>(record.size()));
  if (!file_) {
    const std::string why = errno != 0 ? std::strerror(errno) : "the file system took no more";
    Complete();
    return absl::UnavailableError(absl::StrCat("can't write ", path_, ": ", why));
  }
  bytes_ += record.size();
  if (bytes_ >= limits_.file_bytes) Complete();
  return absl::OkStatus();
}

void RotatingFile::EndRound() {
  if (!file_.is_open()) return;
  file_.flush();
  if (!file_ || Clock::now() - begun_ >= limits_.file_age) Complete();
}

// An empty file says nothing and is not kept.
void RotatingFile::Complete() {
  if (!file_.is_open()) return;
  file_.close();
  std::error_code ignored;
  if (bytes_ == 0) {
    fs::remove(path_ + kPart, ignored);
  } else {
    fs::rename(path_ + kPart, path_, ignored);
  }
  RemoveOldest();
}

void RotatingFile::RemoveOldest() const {
  struct File {
    std::string path;
    uint64_t bytes;
  };
  std::error_code ignored;
  std::vector<File> files;
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    if (!IsOurs(entry.path())) continue;
    const uint64_t size = entry.file_size(ignored);
    if (ignored) continue;
    files.push_back({.path = entry.path().string(), .bytes = size});
    bytes += size;
  }
  // Their names begin with the time.
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  for (const File& file : files) {
    if (bytes <= limits_.all_bytes) break;
    fs::remove(file.path, ignored);
    bytes -= file.bytes;
  }
}

}  // namespace adscore::server
