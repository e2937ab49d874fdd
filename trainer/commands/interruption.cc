#include "trainer/commands/interruption.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "cli/output.h"
#include "trainer/output_file.h"

namespace adscore::trainer {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

// What the handler knows. It may call nothing that is not safe in one, and allocates nothing.
std::atomic<const char*> first_said = nullptr;   // null: the next signal ends the process
std::atomic<const char*> second_said = nullptr;  // when it ends
std::atomic<bool> flag_set = false;
bool on_terminal = false;

std::array<struct sigaction, kSignals.size()> previous;

void Say(const char* said) {
  const auto say = [](const char* text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;  // nobody is left to be told
  };
  if (on_terminal) say("\r\033[K");  // over the line of progress
  say("adscore-trainer: ");
  say(said);
  say("\n");
}

void OnSignal(int) {
  const int error = errno;
  if (const char* said = first_said.exchange(nullptr); said != nullptr) {
    flag_set = true;
    Say(said);
    errno = error;
    return;
  }
  OutputFile::RemoveUnfinished();
  Say(second_said);
  _exit(cli::kInterrupted);
}

}  // namespace

Interruption::Interruption(std::string said) {
  flag_set = false;
  on_terminal = isatty(STDERR_FILENO) == 1;
  EndAtOnce(std::move(said));
  struct sigaction ours = {};
  ours.sa_handler = OnSignal;
  ours.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &previous[i]);
    if (previous[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &ours, nullptr);
  }
}

Interruption::~Interruption() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &previous[i], nullptr);
}

void Interruption::EndAtOnce(std::string said) {
  second_said = Keep(std::move(said));
  first_said = nullptr;
}

void Interruption::SetFlag(std::string first, std::string second) {
  second_said = Keep(std::move(second));
  first_said = Keep(std::move(first));
}

const std::atomic<bool>& Interruption::flag() const { return flag_set; }

const char* Interruption::Keep(std::string said) { return kept_.emplace_back(std::move(said)).c_str(); }

}  // namespace adscore::trainer
