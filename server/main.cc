// adscore-server: serves the snapshots under a model root. Reads the settings, starts the server, waits for
// signals.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cli/output.h"
#include "server/config/check.h"
#include "server/config/logging.h"
#include "server/config/reread.h"
#include "server/config/settings.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

constexpr char kProgram[] = "adscore-server";

// SIGTERM, SIGINT and SIGHUP. Blocked before any thread starts, so that sigwait gets them.
sigset_t AwaitedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

int Serve(int argc, const char* const* argv, Settings settings) {
  const sigset_t signals = AwaitedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // whoever read our standard output may go

  auto server = Server::Start(settings.server);
  if (!server.ok()) {
    return cli::Fail(kProgram, std::string(server.status().message()),
                     absl::IsInvalidArgument(server.status()) ? cli::kBadUsage : cli::kFailed);
  }
  std::string addresses = absl::StrCat("grpc://", ToString((*server)->grpc_address()), " http://",
                                       ToString((*server)->http_address()));
  if (const auto& operators = (*server)->operator_address()) {
    absl::StrAppend(&addresses, " operators grpc://", ToString(*operators));
  }
  std::printf("listening on %s\n", addresses.c_str());
  std::fflush(stdout);

  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == SIGHUP) {
    TakeOver(ReadSettingsFrom(argc, argv), &settings, server->get());
  }
  spdlog::info("{}: answering for {} ms more, then draining; a second signal ends at once",
               received == SIGTERM ? "SIGTERM" : "SIGINT", settings.server.drain_delay.count());
  signal(SIGHUP, SIG_IGN);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // their default from now on: to end the process
  (*server)->Drain();
  spdlog::info("drained");
  return cli::kDone;
}

int PrintFlushed(const std::string& text, int code) {
  std::cout << text;
  const absl::Status written = cli::Flush(std::cout);
  return written.ok() ? code : cli::Fail(kProgram, std::string(written.message()), cli::kFailed);
}

int Main(int argc, const char* const* argv) {
  ReadSettings read = ReadSettingsFrom(argc, argv);
  if (read.text.has_value()) return PrintFlushed(*read.text, cli::kDone);
  if (!read.problems.empty()) {
    const int code = read.settings.check ? cli::kFailed : cli::kBadUsage;
    if (read.problems.size() == 1) {
      return cli::Fail(kProgram, read.problems[0] + "; see adscore-server --help", code);
    }
    for (const std::string& problem : read.problems) cli::Fail(kProgram, problem, code);
    return cli::Fail(
        kProgram,
        absl::StrCat(read.problems.size(), " problems with the settings; see adscore-server --help"), code);
  }
  SetUpLog(read.settings.log);
  if (read.settings.check) {
    const bool well = Check(read.settings, std::cout);
    return PrintFlushed("", well ? cli::kDone : cli::kFailed);
  }
  return Serve(argc, argv, std::move(read.settings));
}

}  // namespace
}  // namespace adscore::server

int main(int argc, char** argv) {
  // Debian's abseil looks for deadlocks at every lock, and gRPC takes dozens of them for a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // What a retired model held goes back to the system. Left alone, glibc raises this with the first large
  // block that is freed, puts the next ones on the heap, and the heap grows with the swaps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return adscore::server::Main(argc, argv);
}
