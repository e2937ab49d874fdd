// A file mapped for reading, guarded: what happens to the file while it is mapped (cut short, a disk that
// fails) never ends the process, but marks the mapping as damaged.
//
// Thread-safe: constant once opened, but for the mark, which any thread may set and read.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bus_error_guard.h"
#include "model/system_calls.h"

namespace adscore::model {

class MappedFile {
 public:
  // Maps the whole file. NotFound, PermissionDenied, ResourceExhausted or Unavailable as SystemError says;
  // InvalidArgument if it is no file; DataLoss if it is empty. `calls` must outlive the object.
  static absl::StatusOr<std::unique_ptr<const MappedFile>> Open(const std::string& path,
                                                                const SystemCalls& calls);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {mapping_.data, mapping_.size}; }

  // See BusErrorGuard. A change that leaves every page in place is not noticed here: see CheckUnchanged.
  bool damaged() const { return guard_.damaged(); }
  void MarkDamaged() const { guard_.MarkDamaged(); }

  // DataLoss if the file has another size or time of modification than when it was opened, or a page was cut
  // off; Unavailable if a page can't be read although the file is the same (a disk or a mount that fails).
  absl::Status CheckUnchanged() const;

 private:
  struct Mapping {
    ~Mapping();
    const std::byte* const data;
    const size_t size;
  };
  MappedFile(std::string path, const SystemCalls& calls, FileDescriptor file, const struct stat& info,
             const std::byte* data);

  const std::string path_;
  const SystemCalls& calls_;
  const FileDescriptor file_;  // stays open for CheckUnchanged
  const struct stat opened_;
  const Mapping mapping_;  // before its guard, which must go first: the address may be another's at once
  const BusErrorGuard guard_;
};

}  // namespace adscore::model
