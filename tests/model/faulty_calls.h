// System calls that fail, fall short or take the file away when a test says so.
//
// Not thread-safe: one test, one object.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <string>

#include "model/system_calls.h"

namespace adscore::model::testing {

enum class Call { kOpen, kStat, kMap, kWrite, kSync, kMakeTemporaryDirectory, kRename };

class FaultyCalls final : public SystemCalls {
 public:
  // The `nth` call of that kind, from 1 on, fails with `error`; all others succeed. 0: every call.
  void Fail(Call call, int error, int nth = 0) { faults_[call] = {error, nth}; }
  // Before each call of that kind.
  void Before(Call call, std::function<void()> hook) { before_[call] = std::move(hook); }
  // After each mapping, before anyone has read it.
  std::function<void()> after_map;
  size_t most_written = SIZE_MAX;  // by one call
  off_t extra_size = 0;            // that Stat reports of files

  // No fault any more.
  void Clear() { *this = FaultyCalls(); }

  int count(Call call) const {
    const auto found = counts_.find(call);
    return found == counts_.end() ? 0 : found->second;
  }

  int Open(const std::string& path, int flags, mode_t mode) const override {
    return Fails(Call::kOpen) ? -1 : SystemCalls::Open(path, flags, mode);
  }
  int Stat(int fd, struct stat* info) const override {
    if (Fails(Call::kStat)) return -1;
    const int result = SystemCalls::Stat(fd, info);
    info->st_size += extra_size;
    return result;
  }
  void* Map(size_t size, int fd) const override {
    if (Fails(Call::kMap)) return MAP_FAILED;
    void* data = SystemCalls::Map(size, fd);
    if (after_map) after_map();
    return data;
  }
  ssize_t Write(int fd, const void* data, size_t size) const override {
    return Fails(Call::kWrite) ? -1 : SystemCalls::Write(fd, data, std::min(size, most_written));
  }
  int Sync(int fd) const override { return Fails(Call::kSync) ? -1 : SystemCalls::Sync(fd); }
  int MakeTemporaryDirectory(std::string* path) const override {
    return Fails(Call::kMakeTemporaryDirectory) ? -1 : SystemCalls::MakeTemporaryDirectory(path);
  }
  int RenameToNew(const std::string& from, const std::string& to) const override {
    return Fails(Call::kRename) ? -1 : SystemCalls::RenameToNew(from, to);
  }

 private:
  struct Fault {
    int error;
    int nth;
  };

  bool Fails(Call call) const {
    const int count = ++counts_[call];
    if (const auto hook = before_.find(call); hook != before_.end()) hook->second();
    const auto fault = faults_.find(call);
    if (fault == faults_.end() || (fault->second.nth != 0 && fault->second.nth != count)) return false;
    errno = fault->second.error;
    return true;
  }

  std::map<Call, Fault> faults_;
  std::map<Call, std::function<void()>> before_;
  mutable std::map<Call, int> counts_;
};

}  // namespace adscore::model::testing
