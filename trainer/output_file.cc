#include "trainer/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

// The names of temporary files, where a signal handler finds them: in memory that is never given back. A path
// is written before its slot is said to be taken, and a slot is freed before another path is.
struct TemporaryName {
  std::atomic<bool> reserved = false;
  std::atomic<bool> taken = false;
  char path[PATH_MAX];
};
std::array<TemporaryName, 8> temporary_names;  // a command writes two files at most

class NamedTemporary {
 public:
  explicit NamedTemporary(const std::string& path) {
    if (path.size() >= PATH_MAX) return;  // no file has such a name
    for (TemporaryName& name : temporary_names) {
      if (name.reserved.exchange(true)) continue;
      path.copy(name.path, path.size());
      name.path[path.size()] = 0;
      name.taken = true;
      name_ = &name;
      return;
    }
  }
  ~NamedTemporary() {
    if (name_ == nullptr) return;
    name_->taken = false;
    name_->reserved = false;
  }
  NamedTemporary(const NamedTemporary&) = delete;
  NamedTemporary& operator=(const NamedTemporary&) = delete;

 private:
  TemporaryName* name_ = nullptr;
};

// Without a name until it is finished, where the file system knows of such files: then nothing is left behind
// however the process ends. Elsewhere under `temporary` from the start.
class PlainOutput : public OutputFile {
 public:
  static absl::StatusOr<std::unique_ptr<PlainOutput>> Create(const std::string& path) {
    const std::filesystem::path directory = std::filesystem::path(path).parent_path();
    std::string temporary = absl::StrCat(path, ".tmp-", getpid());
    int descriptor =
        open(directory.empty() ? "." : directory.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    const bool named = descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR);
    if (named) descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't create ", path));
    return std::make_unique<PlainOutput>(path, std::move(temporary), descriptor, named);
  }

  PlainOutput(std::string path, std::string temporary, int descriptor, bool named)
      : path_(std::move(path)),
        temporary_(std::move(temporary)),
        unfinished_(temporary_),
        descriptor_(descriptor),
        named_(named) {}
  ~PlainOutput() override {
    if (descriptor_ >= 0) close(descriptor_);
    if (named_) unlink(temporary_.c_str());
  }
  PlainOutput(const PlainOutput&) = delete;
  PlainOutput& operator=(const PlainOutput&) = delete;

  absl::Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed();
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (fsync(descriptor_) != 0) return Failed();
    if (!named_) {
      // Only a name can be renamed onto a file that is there. A killed process of this number may have left
      // one.
      unlink(temporary_.c_str());
      const std::string self = absl::StrCat("/proc/self/fd/", descriptor_);
      if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return Failed();
      named_ = true;
    }
    if (close(std::exchange(descriptor_, -1)) != 0) return Failed();
    if (rename(temporary_.c_str(), path_.c_str()) != 0) return Failed();
    named_ = false;
    return absl::OkStatus();
  }

 private:
  absl::Status Failed() const { return absl::ErrnoToStatus(errno, absl::StrCat("can't write ", path_)); }

  const std::string path_;
  const std::string temporary_;
  const NamedTemporary unfinished_;
  int descriptor_;
  bool named_;  // there is a file `temporary_`
};

class GzipOutput : public OutputFile {
 public:
  explicit GzipOutput(std::unique_ptr<PlainOutput> file) : file_(std::move(file)) {}
  ~GzipOutput() override {
    if (initialised_) deflateEnd(&stream_);
  }
  GzipOutput(const GzipOutput&) = delete;
  GzipOutput& operator=(const GzipOutput&) = delete;

  absl::Status Init() {
    constexpr int kFastest = 1;  // a third larger than the default level, four times as fast
    constexpr int kGzipWindow = 15 + 16;
    constexpr int kMemoryLevel = 9;
    if (deflateInit2(&stream_, kFastest, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      return absl::ResourceExhaustedError("no memory for zlib");
    }
    initialised_ = true;
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view bytes) override { return Deflate(bytes, Z_NO_FLUSH); }

  absl::Status Finish() override {
    if (absl::Status written = Deflate({}, Z_FINISH); !written.ok()) return written;
    return file_->Finish();
  }

 private:
  absl::Status Deflate(std::string_view bytes, int flush) {
    constexpr size_t kLargestPiece = 1 << 30;  // zlib counts in 32 bits
    do {
      const std::string_view piece = bytes.substr(0, kLargestPiece);
      bytes.remove_prefix(piece.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
      stream_.avail_in = static_cast<uInt>(piece.size());
      do {
        char out[64 << 10];
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = sizeof(out);
        if (deflate(&stream_, flush) == Z_STREAM_ERROR)
          return absl::InternalError("zlib refuses to compress");
        absl::Status written = file_->Write({out, sizeof(out) - stream_.avail_out});
        if (!written.ok()) return written;
      } while (stream_.avail_out == 0);
    } while (!bytes.empty());
    return absl::OkStatus();
  }

  const std::unique_ptr<PlainOutput> file_;
  z_stream stream_ = {};
  bool initialised_ = false;
};

}  // namespace

void OutputFile::RemoveUnfinished() {
  for (const TemporaryName& name : temporary_names) {
    if (name.taken) unlink(name.path);
  }
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("can't write ", path, ": it is there and is not a regular file"));
  }
  absl::StatusOr<std::unique_ptr<PlainOutput>> file = PlainOutput::Create(path);
  if (!file.ok()) return file.status();
  if (!path.ends_with(".gz")) return std::unique_ptr<OutputFile>(*std::move(file));
  auto gzip = std::make_unique<GzipOutput>(*std::move(file));
  if (absl::Status initialised = gzip->Init(); !initialised.ok()) return initialised;
  return std::unique_ptr<OutputFile>(std::move(gzip));
}

}  // namespace adscore::trainer
