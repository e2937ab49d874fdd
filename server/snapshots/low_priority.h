// Loading and freeing models takes what the serving loops leave of the machine.
//
// Thread-safe.
#pragma once

#include <functional>

namespace adscore::server {

// For good. Where the system does not allow it, nothing happens.
void LowerPriorityOfThisThread();

// Runs `work` on a thread of its own at low priority and waits for it.
void RunAtLowPriority(const std::function<void()>& work);

}  // namespace adscore::server
