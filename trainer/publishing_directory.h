// The hidden directory that a version is written into before it is one, and the end of those that publishes
// which were killed have left behind.
//
// Who publishes holds a lock (flock) on the directory for as long as it lives. The system lets go of it when
// the process ends, however it ends: a directory whose lock can be taken is nobody's. The lock is known to
// this machine only, so the directory's name says which boot of which machine it belongs to; those of others,
// and all on file systems without locks, are left alone for a day.
//
// Thread-safe, also against other processes.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/system_calls.h"

namespace adscore::trainer {

// Removed with all that is in it, unless it was kept by then.
class PublishingDirectory {
 public:
  // A new one in `parent`. `calls` must outlive the object.
  static absl::StatusOr<std::unique_ptr<PublishingDirectory>> Make(const std::string& parent,
                                                                   const model::SystemCalls& calls);
  ~PublishingDirectory();
  PublishingDirectory(const PublishingDirectory&) = delete;
  PublishingDirectory& operator=(const PublishingDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Once it has been renamed.
  void Keep() { kept_ = true; }

 private:
  PublishingDirectory(std::string path, model::FileDescriptor lock);

  const std::string path_;
  const model::FileDescriptor lock_;
  bool kept_ = false;
};

// Removes from `parent` what is nobody's. Failing at that is no reason not to publish.
void RemoveStalePublishing(const std::string& parent);

}  // namespace adscore::trainer
