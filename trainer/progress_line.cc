#include "trainer/progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace adscore::trainer {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::milliseconds kFileInterval{2000};

}  // namespace

// The first line is due after one interval: work that takes less needs no line.
ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1), last_(steady_clock::now()) {}

bool ProgressLine::Due() const {
  return steady_clock::now() - last_ >= (terminal_ ? kTerminalInterval : kFileInterval);
}

void ProgressLine::Show(const std::string& text) {
  if (!Due()) return;
  last_ = steady_clock::now();
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    shown_ = true;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
}

void ProgressLine::Clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

}  // namespace adscore::trainer
