// The processor time of one thread, which others may ask for: the thread itself does nothing for it but begin
// and end.
//
// Begin and End are for the thread, Seconds for any.
#pragma once

#include <atomic>
#include <ctime>

namespace adscore::server {

class ThreadTime {
 public:
  // The calling thread's time is meant from now on, until End: afterwards Seconds() stays what it was.
  void Begin();
  void End();

  // Since the thread's start; 0 before Begin.
  double Seconds() const;

 private:
  enum class State { kNone, kRuns, kEnded };
  std::atomic<State> state_{State::kNone};
  std::atomic<clockid_t> clock_{};    // valid once it runs
  std::atomic<double> at_the_end_{};  // valid once it has ended
};

}  // namespace adscore::server
