#include "trainer/cell_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

// A file without a name; -1 and errno if there can't be one.
int OpenNameless(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  // A file system that knows no such files: the name goes as soon as it is there.
  std::string path = absl::StrCat(directory, "/adscore-cache-XXXXXX");
  const int named = mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) unlink(path.c_str());
  return named;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CellCache>> CellCache::Create(const std::string& directory) {
  const int fd = OpenNameless(directory);
  if (fd < 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("the data is larger than --memory, and can't be cached in ", directory,
                            ", which --cache-dir changes"));
  }
  return std::make_unique<CellCache>(directory, fd);
}

template <typename T>
absl::Status CellCache::Write(const std::vector<T>& values, size_t first, size_t count) {
  const auto* at = reinterpret_cast<const char*>(values.data() + first);
  for (size_t left = count * sizeof(T); left > 0;) {
    const ssize_t written = pwrite(file_.get(), at, left, static_cast<off_t>(bytes_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const std::string what = absl::StrFormat(
          "can't cache the data in %s, after %.1f GB: %s; make room there, name another directory with "
          "--cache-dir, or keep more in memory with --memory",
          directory_, static_cast<double>(bytes_) / 1e9, std::strerror(errno));
      const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
      return full ? absl::ResourceExhaustedError(what) : absl::UnavailableError(what);
    }
    at += written;
    left -= static_cast<size_t>(written);
    bytes_ += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::Status CellCache::Append(const std::vector<Column>& columns, size_t first, size_t count) {
  std::vector<Extent> extents;
  for (const Column& column : columns) {
    Extent extent;
    extent.offset = bytes_;
    extent.numeric = column.numeric.empty() ? 0 : count;
    extent.tokens = column.tokens.empty() ? 0 : count;
    extent.multi_count = column.multi_count.empty() ? 0 : count;
    uint64_t first_value = 0;
    if (extent.multi_count > 0) {
      first_value = column.multi_begin[first];
      const size_t last = first + count;
      extent.multi =
          (last < column.multi_begin.size() ? column.multi_begin[last] : column.multi.size()) - first_value;
    }
    absl::Status written = Write(column.numeric, first, extent.numeric);
    if (written.ok()) written = Write(column.tokens, first, extent.tokens);
    if (written.ok()) written = Write(column.multi_count, first, extent.multi_count);
    if (written.ok()) written = Write(column.multi, first_value, extent.multi);
    if (!written.ok()) return written;
    multi_values_ += extent.multi;
    extents.push_back(extent);
  }
  blocks_.push_back(std::move(extents));
  begins_.push_back(begins_.back() + count);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<const CellCache>> CellCache::FirstRows(size_t rows) const {
  const int fd = fcntl(file_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't share the cached data in ", directory_));
  auto first = std::make_unique<CellCache>(directory_, fd);
  first->bytes_ = bytes_;
  for (size_t block = 0; begins_[block] < rows; ++block) {
    for (const Extent& extent : blocks_[block]) first->multi_values_ += extent.multi;
    first->blocks_.push_back(blocks_[block]);
    first->begins_.push_back(std::min(begins_[block + 1], rows));
  }
  return first;
}

template <typename T>
absl::Status CellCache::ReadValues(size_t count, uint64_t* offset, std::vector<T>* to) const {
  to->resize(count);
  auto* at = reinterpret_cast<char*>(to->data());
  for (size_t left = count * sizeof(T); left > 0;) {
    const ssize_t got = pread(file_.get(), at, left, static_cast<off_t>(*offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("can't read the cached data in ", directory_,
                                                     "; look at the disk, or use another --cache-dir"));
    }
    if (got == 0) {
      return absl::DataLossError(absl::StrCat("the cached data in ", directory_, " ends at byte ", *offset,
                                              " of ", bytes_, "; use another --cache-dir"));
    }
    at += got;
    left -= static_cast<size_t>(got);
    *offset += static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

absl::Status CellCache::Read(size_t block, size_t feature, Column* to) const {
  const Extent& extent = blocks_[block][feature];
  uint64_t offset = extent.offset;
  absl::Status read = ReadValues(extent.numeric, &offset, &to->numeric);
  if (read.ok()) read = ReadValues(extent.tokens, &offset, &to->tokens);
  if (read.ok()) read = ReadValues(extent.multi_count, &offset, &to->multi_count);
  if (read.ok()) read = ReadValues(extent.multi, &offset, &to->multi);
  if (!read.ok()) return read;
  to->multi_begin.clear();
  uint64_t begin = 0;
  for (const uint32_t values : to->multi_count) {
    to->multi_begin.push_back(begin);
    begin += values;
  }
  return absl::OkStatus();
}

}  // namespace adscore::trainer
