#include "model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace adscore::model {

absl::StatusOr<std::unique_ptr<const MappedFile>> MappedFile::Open(const std::string& path,
                                                                   const SystemCalls& calls) {
  // O_NONBLOCK: whoever opens a named pipe would wait for its other end. Nothing to a file.
  FileDescriptor file(calls.Open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  if (file.get() < 0) return SystemError(errno, absl::StrCat("can't open ", path));
  struct stat info;
  if (calls.Stat(file.get(), &info) != 0) return SystemError(errno, absl::StrCat("can't read ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is not a file"));
  if (info.st_size == 0) return absl::DataLossError(absl::StrCat(path, " is empty; publish it again"));
  const auto size = static_cast<size_t>(info.st_size);
  void* data = calls.Map(size, file.get());
  if (data == MAP_FAILED) return SystemError(errno, absl::StrCat("can't map ", path));
  std::unique_ptr<const MappedFile> mapped(
      new MappedFile(path, calls, std::move(file), info, static_cast<const std::byte*>(data)));
  if (!mapped->guard_.armed()) {
    return absl::ResourceExhaustedError(absl::StrCat("can't map ", path, ": this process maps ",
                                                     BusErrorGuard::kMostGuards,
                                                     " snapshots already; keep fewer versions or models"));
  }
  return mapped;
}

MappedFile::MappedFile(std::string path, const SystemCalls& calls, FileDescriptor file,
                       const struct stat& info, const std::byte* data)
    : path_(std::move(path)),
      calls_(calls),
      file_(std::move(file)),
      opened_(info),
      mapping_{data, static_cast<size_t>(info.st_size)},
      guard_(mapping_.data, mapping_.size) {}

MappedFile::Mapping::~Mapping() { munmap(const_cast<std::byte*>(data), size); }

absl::Status MappedFile::CheckUnchanged() const {
  struct stat info;
  if (calls_.Stat(file_.get(), &info) != 0) return SystemError(errno, absl::StrCat("can't read ", path_));
  if (info.st_size != opened_.st_size || info.st_mtim.tv_sec != opened_.st_mtim.tv_sec ||
      info.st_mtim.tv_nsec != opened_.st_mtim.tv_nsec) {
    return absl::DataLossError(
        absl::StrCat(path_,
                     ": the file changed while it was read; publish it again, under a new version and "
                     "by a rename, never in place"));
  }
  if (damaged()) {
    return absl::UnavailableError(absl::StrCat(
        path_, ": a part of the file can't be read; look at the disk (dmesg) or the mount, then try again"));
  }
  return absl::OkStatus();
}

}  // namespace adscore::model
