#include "data/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace adscore::data {
namespace {

class PlainFile : public ByteSource {
 public:
  PlainFile(std::string path, int descriptor, uint64_t total)
      : path_(std::move(path)), descriptor_(descriptor), total_(total) {}
  ~PlainFile() override { close(descriptor_); }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    ssize_t got = 0;
    do {
      got = read(descriptor_, to, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't read ", path_));
    read_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }

  // True if the file begins with `first` and `second`. Moves nothing.
  bool StartsWith(unsigned char first, unsigned char second) const {
    unsigned char magic[2] = {};
    return pread(descriptor_, magic, 2, 0) == 2 && magic[0] == first && magic[1] == second;
  }

  const std::string& path() const { return path_; }
  uint64_t bytes_read() const override { return read_; }
  uint64_t bytes_total() const override { return total_; }

 private:
  const std::string path_;
  const int descriptor_;
  const uint64_t total_;
  uint64_t read_ = 0;
};

class GzipFile : public ByteSource {
 public:
  explicit GzipFile(std::unique_ptr<PlainFile> file) : file_(std::move(file)), input_(kInputBytes) {}
  ~GzipFile() override {
    if (initialised_) inflateEnd(&stream_);
  }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  absl::Status Init() {
    constexpr int kGzipWindow = 15 + 16;  // the largest window; + 16: a gzip header, not a zlib one
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK)
      return absl::ResourceExhaustedError("no memory for zlib");
    initialised_ = true;
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, kLargestRead));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0) {
        if (absl::Status refilled = Refill(); !refilled.ok()) return refilled;
      }
      if (stream_.avail_in == 0) {
        if (between_members_) return size_t{0};
        return absl::DataLossError(
            absl::StrCat(path(), ": the gzip stream is truncated; copy the file again"));
      }
      if (between_members_) {
        // Some tools pad with zeros up to a block; gzip ignores them, and so do we.
        if (*stream_.next_in == 0) {
          ++stream_.next_in;
          --stream_.avail_in;
          continue;
        }
        inflateReset(&stream_);
        between_members_ = false;
      }
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        between_members_ = true;
      } else if (result != Z_OK) {
        return absl::DataLossError(
            absl::StrCat(path(), ": the gzip stream is damaged near byte ", bytes_read(), " (",
                         stream_.msg == nullptr ? "no data" : stream_.msg, "); copy the file again"));
      }
    }
    return static_cast<size_t>(wanted - stream_.avail_out);
  }

  uint64_t bytes_read() const override { return file_->bytes_read() - stream_.avail_in; }
  uint64_t bytes_total() const override { return file_->bytes_total(); }

 private:
  static constexpr size_t kInputBytes = 128 << 10;
  static constexpr size_t kLargestRead = 1 << 30;  // zlib counts in 32 bits

  const std::string& path() const { return file_->path(); }

  absl::Status Refill() {
    absl::StatusOr<size_t> got = file_->Read(input_.data(), input_.size());
    if (!got.ok()) return got.status();
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(*got);
    return absl::OkStatus();
  }

  const std::unique_ptr<PlainFile> file_;
  std::vector<char> input_;
  z_stream stream_ = {};
  bool initialised_ = false;
  bool between_members_ = false;  // a member ended, and nothing has come after it yet
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> ByteSource::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must fail below, not hang here.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't open ", path));
  struct stat info = {};
  if (fstat(descriptor, &info) != 0) {
    absl::Status failed = absl::ErrnoToStatus(errno, absl::StrCat("can't open ", path));
    close(descriptor);
    return failed;
  }
  auto file = std::make_unique<PlainFile>(path, descriptor, static_cast<uint64_t>(info.st_size));
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory; name a file in it"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a regular file; write it to one first, since it is read more than once"));
  }
  if (!file->StartsWith(0x1f, 0x8b)) return std::unique_ptr<ByteSource>(std::move(file));
  auto gzip = std::make_unique<GzipFile>(std::move(file));
  if (absl::Status initialised = gzip->Init(); !initialised.ok()) return initialised;
  return std::unique_ptr<ByteSource>(std::move(gzip));
}

}  // namespace adscore::data
