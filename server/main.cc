// adscore-server: serves the snapshots under a model root. Reads the flags, starts the server, waits for a
// signal.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/synchronization/mutex.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "server/server.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

constexpr char kProgram[] = "adscore-server";

constexpr const char* kDescription =
    "Scores ad impressions over gRPC with the newest model versions under a model root.\n"
    "A newer version that appears there is checked and swapped in while requests run. SIGTERM drains.";
constexpr const char* kFooter =
    "HTTP paths: / (status page), /metrics (Prometheus), /healthz (the process answers), /readyz (it can "
    "score),\n"
    "/v2 (Open Inference Protocol in JSON).\n"
    "Example: adscore-server --model-root models --listen 0.0.0.0:8500 --http-listen 0.0.0.0:9464";

// The HTTP server underneath takes no IPv6 address.
std::string CheckHttpAddress(const std::string& text) {
  const auto address = ParseAddress(text);
  if (!address.ok()) return std::string(address.status().message());
  if (address->host[0] != '[') return std::string();
  return "'" + text +
         "' is IPv6, and the HTTP port takes a name or an IPv4 address only, such as 127.0.0.1:9464";
}

// "auto", and what this machine has.
std::string KernelNames() {
  std::string names = "auto";
  for (const model::KernelSet* set : model::AvailableKernelSets(model::Precision::kF32)) {
    names += std::string(", ") + set->name;
  }
  return names;
}

// SIGTERM and SIGINT. Blocked before any thread starts, so that sigwait gets them.
sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int Serve(const ServerOptions& options) {
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // whoever read our standard output may go

  auto server = Server::Start(options);
  if (!server.ok()) {
    return cli::Fail(kProgram, std::string(server.status().message()),
                     absl::IsInvalidArgument(server.status()) ? cli::kBadUsage : cli::kFailed);
  }
  std::printf("listening on grpc://%s http://%s\n", ToString((*server)->grpc_address()).c_str(),
              ToString((*server)->http_address()).c_str());
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("{}: draining; a second signal ends at once", received == SIGTERM ? "SIGTERM" : "SIGINT");
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // their default from now on: to end the process
  (*server)->Drain();
  spdlog::info("drained");
  return cli::kDone;
}

int Main(int argc, char** argv) {
  CLI::App app(kDescription, kProgram);
  app.footer(kFooter);
  app.set_version_flag("--version", "adscore-server " ADSCORE_VERSION);
  app.option_defaults()->always_capture_default();

  ServerOptions options;
  options.serving_threads = std::max(1U, std::thread::hardware_concurrency());
  std::string listen = ToString(options.listen);
  std::string http_listen = ToString(options.http_listen);
  int64_t max_batch_delay_us = options.batch.max_delay.count();
  int64_t max_connection_age_s = options.max_connection_age.count();
  int64_t poll_interval_ms = options.poll_interval.count();
  int64_t min_version_age_s = options.guards.min_age.count();
  std::string schema_change = "allow";

  app.add_option("--model-root", options.model_root,
                 "Directory of models, DIR/NAME/VERSION/, that the trainer publishes into")
      ->required()
      ->type_name("DIR");
  app.add_option("--listen", listen, "Address for gRPC; port 0 picks a free one")
      ->type_name("HOST:PORT")
      ->check(cli::CheckedBy(&ParseAddress));
  app.add_option(
         "--http-listen", http_listen,
         "Address for the status page, metrics, readiness and REST (a name or IPv4); port 0 picks a free one")
      ->type_name("HOST:PORT")
      ->check(CheckHttpAddress);
  app.add_option("--serving-threads", options.serving_threads,
                 "Threads that score, one batch at a time each; default: one per core")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1024));
  app.add_option("--max-batch-rows", options.batch.max_batch_rows,
                 "Candidates in one forward pass; a larger impression is scored in slices of so many")
      ->type_name("ROWS")
      ->check(cli::WholeNumber(1, 1 << 20));
  app.add_option("--max-batch-delay-us", max_batch_delay_us,
                 "Microseconds that an impression may wait for others to join its batch; 0: none waits")
      ->type_name("US")
      ->check(cli::WholeNumber(0, 1'000'000));
  app.add_option("--max-queued-rows", options.max_queued_rows,
                 "Candidates that may wait, over all threads; calls beyond that get RESOURCE_EXHAUSTED")
      ->type_name("ROWS")
      ->check(cli::WholeNumber(1, 1 << 24));
  app.add_option(
         "--max-connection-age-s", max_connection_age_s,
         "Seconds after which a client must connect anew, so that new replicas get their share; 0: never. "
         "Adds some 7 % to the instructions of a small call")
      ->type_name("S")
      ->check(cli::WholeNumber(0, 1'000'000));
  app.add_option("--poll-interval-ms", poll_interval_ms,
                 "Milliseconds between two looks at the model root; where the system says what changes "
                 "(inotify), changes are "
                 "seen at once")
      ->type_name("MS")
      ->check(cli::WholeNumber(10, 3'600'000));
  app.add_option("--keep-versions", options.keep_versions,
                 "Versions that have served and stay in memory, so that a rollback takes no time")
      ->type_name("N")
      ->check(cli::WholeNumber(0, 100));
  app.add_option(
         "--max-mean-shift", options.guards.max_mean_shift,
         "Refuse a version whose mean prediction on recent traffic is further from the serving one's, as a "
         "share of it (0.2: a fifth); 0: not asked")
      ->type_name("SHARE")
      ->check(cli::Number(0, 1000));
  app.add_option("--min-version-age-s", min_version_age_s,
                 "Seconds that a version must have lain in the model root before it takes over; 0: none")
      ->type_name("S")
      ->check(cli::WholeNumber(0, 1'000'000));
  app.add_option(
         "--schema-change", schema_change,
         "What becomes of a version with another schema or other heads than the serving one: allow or refuse")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"allow", "refuse"}));
  app.add_option("--isa", options.isa,
                 "Instruction set of the kernels, on this machine one of: " + KernelNames())
      ->type_name("NAME");

  std::string precision = model::ToString(options.precision);
  app.add_option("--precision", precision,
                 "Weights of the hidden layers in memory: f32, bf16 (half the bytes) or int8 (a quarter)")
      ->type_name("NAME")
      ->check(cli::CheckedBy(&model::ParsePrecision));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      app.exit(error);
      const absl::Status written = cli::Flush(std::cout);
      return written.ok() ? cli::kDone : cli::Fail(kProgram, std::string(written.message()), cli::kFailed);
    }
    return cli::Fail(kProgram, std::string(error.what()) + "; see adscore-server --help", cli::kBadUsage);
  }
  options.precision = *model::ParsePrecision(precision);
  options.listen = *ParseAddress(listen);
  options.http_listen = *ParseAddress(http_listen);
  options.batch.max_delay = std::chrono::microseconds(max_batch_delay_us);
  options.max_connection_age = std::chrono::seconds(max_connection_age_s);
  options.poll_interval = std::chrono::milliseconds(poll_interval_ms);
  options.guards.min_age = std::chrono::seconds(min_version_age_s);
  options.guards.allow_schema_change = schema_change == "allow";
  return Serve(options);
}

}  // namespace
}  // namespace adscore::server

int main(int argc, char** argv) {
  // Debian's abseil looks for deadlocks at every lock, and gRPC takes dozens of them for a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // What a retired model held goes back to the system. Left alone, glibc raises this with the first large
  // block that is freed, puts the next ones on the heap, and the heap grows with the swaps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("adscore-server"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  return adscore::server::Main(argc, argv);
}
