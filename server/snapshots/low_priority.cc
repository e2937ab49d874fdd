#include "server/snapshots/low_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace adscore::server {

// Linux: both apply to the calling thread. A refusal is no reason not to serve, so results are not looked at.
void LowerPriorityOfThisThread() {
  constexpr int kNice = 19;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  constexpr int kIoprioWhoProcess = 1;
  constexpr int kBestEffortLowest = (2 << 13) | 7;  // class 2, level 7 of 0 to 7
  (void)syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kBestEffortLowest);
}

void RunAtLowPriority(const std::function<void()>& work) {
  std::thread([&] {
    LowerPriorityOfThisThread();
    work();
  }).join();
}

}  // namespace adscore::server
