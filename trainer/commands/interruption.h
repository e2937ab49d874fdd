// Ctrl-C (SIGINT) and SIGTERM while a command runs: a word on what becomes of the work, and exit code 130.
//
// A command says at each stage what an interruption does there. Either it ends the process at once, which
// leaves no half-written file (output_file.h); or the first one sets a flag that the work looks at, and the
// second ends the process.
//
// One object at a time, used by one thread; the signals may come to any thread, at any moment.
#pragma once

#include <atomic>
#include <deque>
#include <string>

namespace adscore::trainer {

class Interruption {
 public:
  // Takes over the signals, unless they are ignored (as `nohup` has it). Until told otherwise the process
  // ends at once and says `said`.
  explicit Interruption(std::string said);
  // The signals do again what they did before.
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // From now on the process ends at once and says `said`.
  void EndAtOnce(std::string said);

  // From now on the first signal says `first` and sets the flag; one that follows ends the process and says
  // `second`.
  void SetFlag(std::string first, std::string second);

  // The flag. It stays set.
  const std::atomic<bool>& flag() const;

 private:
  const char* Keep(std::string said);

  std::deque<std::string> kept_;  // what a handler may be about to say
};

}  // namespace adscore::trainer
