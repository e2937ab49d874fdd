// Says which directories have changed, as soon as the system knows (inotify). Where it does not (network file
// systems, object stores, too many watches), nothing is ever said, and whoever waits looks for himself now
// and then.
//
// Wait and Watch are for one thread; Wake for any.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace adscore::server {

class DirectoryWatch {
 public:
  DirectoryWatch();
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // From now on says when something appears in the directory, leaves it, or is written. Again is no mistake:
  // a directory that was removed and made anew must be watched anew.
  void Watch(const std::string& directory);

  // The directories that have changed since the last call; empty after `timeout`, or when woken.
  std::set<std::string> Wait(std::chrono::milliseconds timeout);

  void Wake();

 private:
  const int inotify_;                       // -1: the system has none to give
  const int wake_;                          // an eventfd
  std::map<int, std::string> directories_;  // by watch descriptor
};

}  // namespace adscore::server
