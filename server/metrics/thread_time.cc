#include "server/metrics/thread_time.h"

#include <pthread.h>

namespace adscore::server {
namespace {

double SecondsOf(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

void ThreadTime::Begin() {
  clockid_t clock{};
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  clock_ = clock;
  state_ = State::kRuns;
}

void ThreadTime::End() {
  at_the_end_ = Seconds();
  state_ = State::kEnded;
}

double ThreadTime::Seconds() const {
  if (state_ == State::kRuns) {
    // The thread may end meanwhile, and its clock with it; then the next line knows better.
    if (const double seconds = SecondsOf(clock_); seconds > 0) return seconds;
  }
  return at_the_end_;
}

}  // namespace adscore::server
