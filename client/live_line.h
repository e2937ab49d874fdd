// One line on standard error that says how far a command has come and is overwritten as it goes on. Nothing
// at all if standard error is not a terminal: a log wants results, not progress.
//
// Not thread-safe.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace adscore::client {

class LiveLine {
 public:
  LiveLine() : terminal_(isatty(STDERR_FILENO) != 0) {}
  ~LiveLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void Show(const std::string& text) {
    if (!terminal_) return;
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    shown_ = true;
  }

 private:
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace adscore::client
