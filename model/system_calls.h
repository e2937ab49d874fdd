// The system calls that reading and publishing a snapshot depend on, as a seam: a test hands in a class of
// its own that writes short, fails, or takes the file away at the worst moment. Only the calls that tests
// make fail.
//
// Thread-safe: the default has no state. Returns and errno are the system's.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace adscore::model {

class SystemCalls {
 public:
  virtual ~SystemCalls() = default;

  virtual int Open(const std::string& path, int flags, mode_t mode) const;
  virtual int Stat(int fd, struct stat* info) const;  // fstat
  virtual void* Map(size_t size, int fd) const;       // read-only, from offset 0
  virtual ssize_t Write(int fd, const void* data, size_t size) const;
  virtual int Sync(int fd) const;                                                 // fsync
  virtual int MakeTemporaryDirectory(std::string* path) const;                    // mkdtemp; 0 or -1
  virtual int RenameToNew(const std::string& from, const std::string& to) const;  // onto nothing; else EEXIST

  static const SystemCalls& Default();
};

// What errno says about `what`, and what to do about it: NotFound, AlreadyExists, PermissionDenied,
// ResourceExhausted (disk, memory or descriptors used up), otherwise Unavailable (EIO for one).
absl::Status SystemError(int error, const std::string& what);

// All of it, however little a call takes at a time. `path` is for the message.
absl::Status WriteAll(const SystemCalls& calls, int fd, const void* data, size_t size,
                      const std::string& path);

// Closes on destruction.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace adscore::model
