#include "server/snapshots/directory_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

constexpr uint32_t kEvents =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR;

}  // namespace

DirectoryWatch::DirectoryWatch()
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (inotify_ < 0) {
    spdlog::warn("inotify is not to be had ({}); the model root is looked at every --poll-interval-ms only",
                 std::strerror(errno));
  }
}

DirectoryWatch::~DirectoryWatch() {
  if (inotify_ >= 0) close(inotify_);
  if (wake_ >= 0) close(wake_);
}

// Watching a directory that is watched already gives the same descriptor again.
void DirectoryWatch::Watch(const std::string& directory) {
  if (inotify_ < 0) return;
  const int watch = inotify_add_watch(inotify_, directory.c_str(), kEvents);
  if (watch >= 0) directories_[watch] = directory;
}

std::set<std::string> DirectoryWatch::Wait(std::chrono::milliseconds timeout) {
  std::array<pollfd, 2> sources = {{{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}}};
  std::set<std::string> changed;
  if (poll(sources.data(), sources.size(), static_cast<int>(timeout.count())) <= 0) return changed;
  uint64_t ignored = 0;
  if ((sources[0].revents & POLLIN) != 0) (void)!read(wake_, &ignored, sizeof(ignored));
  if ((sources[1].revents & POLLIN) == 0) return changed;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (ssize_t size = 0; (size = read(inotify_, buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      const auto directory = directories_.find(event.wd);
      if (directory == directories_.end()) continue;
      changed.insert(directory->second);
      if ((event.mask & IN_IGNORED) != 0) directories_.erase(directory);  // it was removed
    }
  }
  return changed;
}

void DirectoryWatch::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof(one));
}

}  // namespace adscore::server
