// Tells a person on standard error how far a long piece of work is: one live line on a terminal, and a plain
// line now and then where output goes to a file.
//
// Not thread-safe: one owner per object.
#pragma once

#include <chrono>
#include <string>

namespace adscore::trainer {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { Clear(); }

  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // True when it is time for a line: ask before composing one that costs something.
  bool Due() const;
  // Shows `text` in place of the last line, if it is time.
  void Show(const std::string& text);
  // Takes the live line away, so that something else can be printed.
  void Clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace adscore::trainer
