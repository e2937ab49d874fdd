#include "client/bench_command.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "client/answer_check.h"
#include "client/impression_file.h"
#include "client/live_line.h"
#include "client/load_generator.h"
#include "client/replay.h"
#include "client/synthetic_impressions.h"
#include "nlohmann/json.hpp"

namespace adscore::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    R"(Open loop (--rate) is what ad traffic is like: requests fall due whether or not earlier ones
were answered. Latency is measured from when a request was due, so waiting behind a slow answer
counts; "send lag" is the part of it that this program took. The rate is held if 99 % of the
requests were answered in time.
Closed loop (--concurrency) finds the throughput: each answer lets the next request go, and
latency is measured from then.
With --stream a request that fails counts like a call that does. If the stream itself ends, the
requests that it leaves unanswered count as errors with its status, and a new one is opened.

Nothing is retried. "requests" counts answers and errors; latency, rows and requests per second
count answers only.
Ctrl-C ends the run early and prints what was measured until then. Exits 0 also if some requests
failed, and 1 if all did.

  adscore-client bench --model ads --rate 5000 --duration 30 --candidates 50
  adscore-client bench --model ads --concurrency 32 --data impressions.csv --json
  adscore-client bench --replay /var/log/adscore/requests --rate 2000 --check)";

constexpr double kDefaultSeconds = 10;
constexpr double kUnlimitedSeconds = 1e6;  // of a run that ends by itself

volatile std::sig_atomic_t interrupted = 0;

// While it lives, the first SIGINT (Ctrl-C) or SIGTERM sets `interrupted` instead of ending the process.
class Interruptible {
 public:
  Interruptible() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(SIGINT, &action, &previous_int_);
    sigaction(SIGTERM, &action, &previous_term_);
  }
  ~Interruptible() {
    sigaction(SIGINT, &previous_int_, nullptr);
    sigaction(SIGTERM, &previous_term_, nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction previous_int_ {};
  struct sigaction previous_term_ {};
};

absl::StatusOr<std::vector<v1::PredictRequest>> ReadImpressions(const BenchOptions& options,
                                                                const ModelSchema& schema) {
  const absl::StatusOr<data::Format> format = data::ParseFormat(options.format);
  if (!format.ok()) return format.status();
  const absl::StatusOr<std::unique_ptr<ImpressionFile>> file =
      ImpressionFile::Open(options.data, *format, schema);
  if (!file.ok()) return file.status();
  ImpressionBuilder impression(schema);
  std::vector<v1::PredictRequest> requests;
  while (requests.size() < kMostDifferentRequests) {
    const absl::StatusOr<bool> read = (*file)->Next(options.candidates, &impression);
    if (!read.ok()) return read.status();
    if (!*read) break;
    v1::PredictRequest request;
    request.set_model(schema.model());
    if (absl::Status status = impression.Build(&request); !status.ok()) return status;
    requests.push_back(std::move(request));
  }
  if (requests.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.data, " has fewer rows than the ", options.candidates,
                     " candidates of one impression; give a smaller --candidates"));
  }
  return requests;
}

// What is sent, and what has to be answered if that is known beforehand.
struct Load {
  std::string model;  // empty: several
  std::vector<v1::PredictRequest> requests;
  std::vector<v1::PredictResponse> expected{};  // empty: anything
};

// The request log needs no schema: it says which model and which schema each request is for.
absl::StatusOr<Load> ReplayedLoad(const BenchOptions& options) {
  absl::StatusOr<Replay> replay = ReadReplay(options.replay, options.connection.model);
  if (!replay.ok()) return replay.status();
  for (const std::string& note : replay->notes) absl::FPrintF(stderr, "note: %s\n", cli::OneLine(note));
  Load load{.model = replay->requests.front().model(), .requests = std::move(replay->requests)};
  for (const v1::PredictRequest& request : load.requests) {
    if (request.model() != load.model) load.model.clear();
    if (load.model.empty()) break;
  }
  if (options.check) load.expected = std::move(replay->answers);
  return load;
}

absl::StatusOr<Load> ModelLoad(const BenchOptions& options, Client* client) {
  const absl::StatusOr<ModelSchema> schema = client->FetchSchema(options.connection.model);
  if (!schema.ok()) return schema.status();
  absl::StatusOr<std::vector<v1::PredictRequest>> requests =
      options.data.empty()
          ? DrawImpressions(*schema, kMostDifferentRequests, options.candidates, options.seed)
          : ReadImpressions(options, *schema);
  if (!requests.ok()) return requests.status();
  Load load{.model = schema->model(), .requests = *std::move(requests)};
  if (!options.check) return load;
  absl::StatusOr<std::vector<v1::PredictResponse>> answers = FetchAnswers(client, load.requests);
  if (!answers.ok()) return answers.status();
  load.expected = *std::move(answers);
  return load;
}

double Microseconds(int64_t nanoseconds) { return std::round(static_cast<double>(nanoseconds) / 100) / 10; }

Json LatencyJson(const LatencyHistogram& latency) {
  return {{"p50", Microseconds(latency.Quantile(0.5))},
          {"p90", Microseconds(latency.Quantile(0.9))},
          {"p99", Microseconds(latency.Quantile(0.99))},
          {"p999", Microseconds(latency.Quantile(0.999))},
          {"max", Microseconds(latency.max())}};
}

double PerSecond(uint64_t count, const LoadResult& result) {
  return result.seconds > 0 ? static_cast<double>(count) / result.seconds : 0;
}

Json ToJson(const BenchOptions& options, const std::string& model, const LoadResult& result) {
  const bool open = options.rate > 0;
  Json json;
  json["target"] = options.connection.target;
  json["model"] = model;
  json["loop"] = open ? "open" : "closed";
  json["stream"] = options.stream;
  if (open) {
    json["rate_asked"] = options.rate;
    json["rate_reached"] = PerSecond(result.Answers(), result);
    json["rate_held"] = result.RateHeld();
    json["requests_due"] = result.due;
  } else {
    json["concurrency"] = options.concurrency;
  }
  if (options.replay.empty()) {
    json["candidates"] = options.candidates;
  } else {
    json["replay"] = options.replay;
  }
  json["seconds"] = result.seconds;
  json["requests"] = result.requests;
  json["errors"] = result.ErrorCount();
  json["errors_by_code"] = Json::object();
  for (const auto& [code, errors] : result.errors)
    json["errors_by_code"][absl::StatusCodeToString(code)] = errors.count;
  if (options.check) {
    json["compared"] = result.compared;
    json["wrong"] = result.wrong;
    json["largest_difference"] = result.largest_difference;
  }
  json["rows"] = result.rows;
  json["requests_per_second"] = PerSecond(result.Answers(), result);
  json["rows_per_second"] = PerSecond(result.rows, result);
  json["latency_us"] = LatencyJson(result.latency);
  if (open) json["send_lag_us"] = LatencyJson(result.send_lag);
  json["versions"] = Json::object();
  for (const auto& [version, answers] : result.versions) json["versions"][absl::StrCat(version)] = answers;
  return json;
}

std::string LatencyLine(const LatencyHistogram& latency) {
  return absl::StrFormat("p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f µs",
                         Microseconds(latency.Quantile(0.5)), Microseconds(latency.Quantile(0.9)),
                         Microseconds(latency.Quantile(0.99)), Microseconds(latency.Quantile(0.999)),
                         Microseconds(latency.max()));
}

void Print(const BenchOptions& options, const std::string& model, const LoadResult& result,
           std::ostream& out) {
  const bool open = options.rate > 0;
  const char* const what = options.stream ? "streamed requests" : "requests";
  out << absl::StrFormat("model       %s at %s, %s\n", model.empty() ? "those of the log" : model,
                         options.connection.target,
                         options.replay.empty() ? absl::StrCat(options.candidates, " candidates per request")
                                                : absl::StrCat("requests of ", options.replay));
  if (open) {
    out << absl::StrFormat("load        open loop, %.6g %s/s asked, %s\n", options.rate, what,
                           result.RateHeld() ? "held" : "NOT held");
  } else {
    out << absl::StrFormat("load        closed loop, %d %s in flight\n", options.concurrency, what);
  }
  out << absl::StrFormat("requests    %d in %.2f s, %d errors\n", result.requests, result.seconds,
                         result.ErrorCount());
  for (const auto& [code, errors] : result.errors) {
    out << absl::StrFormat("  %s  %d, the first: %s\n", absl::StatusCodeToString(code), errors.count,
                           cli::OneLine(errors.first_message));
  }
  if (options.check) {
    out << absl::StrFormat("compared    %d answers, %d wrong, the largest difference %.3g\n", result.compared,
                           result.wrong, result.largest_difference);
  }
  out << absl::StrFormat("throughput  %.0f requests/s, %.0f rows/s\n", PerSecond(result.Answers(), result),
                         PerSecond(result.rows, result));
  out << "latency     " << LatencyLine(result.latency) << '\n';
  if (open) out << "send lag    " << LatencyLine(result.send_lag) << '\n';
  std::vector<std::string> versions;
  for (const auto& [version, answers] : result.versions)
    versions.push_back(absl::StrCat(version, " (", answers, ")"));
  out << "versions    " << (versions.empty() ? "none" : absl::StrJoin(versions, ", ")) << '\n';
}

void Warn(const BenchOptions& options, const LoadResult& result) {
  if (options.rate <= 0 || result.RateHeld()) return;
  absl::FPrintF(
      stderr,
      "warning: the rate was not held: %d of %d requests were answered in time (send lag p50 %.0f µs: a "
      "large one means that this load generator or its machine was too slow)\n",
      result.in_time, result.due, Microseconds(result.send_lag.Quantile(0.5)));
}

}  // namespace

void AddBenchFlags(CLI::App* command, BenchOptions* options) {
  AddConnectionFlags(command, &options->connection);
  CLI::Option* rate =
      command
          ->add_option("--rate", options->rate, "Open loop: requests per second, at random (Poisson) times")
          ->type_name("R")
          ->check(cli::Number(0.1, 1e7));
  CLI::Option* concurrency =
      command->add_option("--concurrency", options->concurrency, "Closed loop: requests always in flight")
          ->type_name("N")
          ->check(cli::WholeNumber(1, 100'000));
  rate->excludes(concurrency);
  command
      ->add_option("--duration", options->seconds,
                   "Measured time, seconds [10; with --replay until each request is sent once,\n"
                   "without a warm-up]")
      ->type_name("S")
      ->check(cli::Number(0.1, 1e6));
  command->add_option("--warmup", options->warmup_seconds, "Load before that, not counted, seconds")
      ->type_name("S")
      ->check(cli::Number(0, 1e6))
      ->capture_default_str();
  command->add_option("--candidates", options->candidates, "Candidates (rows) per request")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 100'000))
      ->capture_default_str();
  command
      ->add_option("--data", options->data,
                   "Impressions to send in turn, the first 2048 of this file; rows that follow each\n"
                   "other are the candidates of one, and its context comes from the first of them\n"
                   "[synthetic ones: random numbers, tokens that the model has not seen]")
      ->type_name("FILE");
  command
      ->add_option("--replay", options->replay,
                   "Send what a server has logged (--request-log), in order: a directory of its files or\n"
                   "one of them, up to 1048576 requests; --model: only those to that model. They go to the\n"
                   "version that serves now, and with --check what the logged version answers is compared\n"
                   "with the log")
      ->type_name("PATH")
      ->excludes("--data")
      ->excludes("--candidates");
  command->add_option("--format", options->format, "Of --data: auto, csv or criteo")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"auto", "csv", "criteo"}))
      ->capture_default_str();
  command->add_option("--connections", options->connections, "Connections, each with threads of its own")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 256))
      ->capture_default_str();
  command->add_flag("--stream", options->stream,
                    "One PredictStream per connection instead of a call per request");
  command->add_flag("--check", options->check,
                    "Ask for each impression once beforehand, and compare every answer under load with that\n"
                    "(--replay: with what was logged), bit for bit; exits 1 if one differs");
  command->add_option("--seed", options->seed, "Of the random times and of the synthetic impressions")
      ->type_name("N")
      ->check(cli::WholeNumber(0, UINT64_MAX))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object instead of a table");
  command->footer(kHelp);
}

absl::Status RunBench(const BenchOptions& options, std::ostream& out) {
  const absl::StatusOr<std::unique_ptr<Client>> client = Connect(options.connection);
  if (!client.ok()) return client.status();
  absl::StatusOr<Load> load =
      options.replay.empty() ? ModelLoad(options, client->get()) : ReplayedLoad(options);
  if (!load.ok()) return load.status();
  const bool once = !options.replay.empty() && options.seconds == 0;

  const LoadOptions how{.target = options.connection.target,
                        .tls = options.connection.tls,
                        .deadline = (*client)->deadline(),
                        .rate = options.rate,
                        .concurrency = options.concurrency,
                        .connections = options.connections,
                        .stream = options.stream,
                        .warmup_seconds = once ? 0 : options.warmup_seconds,
                        .seconds = once                   ? kUnlimitedSeconds
                                   : options.seconds == 0 ? kDefaultSeconds
                                                          : options.seconds,
                        .once = once,
                        .seed = options.seed,
                        .expected = load->expected};
  absl::StatusOr<LoadResult> result = LoadResult();
  {
    const Interruptible interruptible;
    LiveLine live;
    LoadProgress last;
    result = RunLoad(how, load->requests, [&](const LoadProgress& now) {
      const double rate = static_cast<double>(now.answers - last.answers) / (now.seconds - last.seconds);
      const std::string of =
          once ? absl::StrCat(now.answers, " of ", load->requests.size(), " requests")
               : absl::StrFormat("%.1f of %.1f s", now.seconds, how.warmup_seconds + how.seconds);
      live.Show(absl::StrFormat("%s  %.0f requests/s  %d errors", of, rate, now.errors));
      last = now;
      return interrupted == 0;
    });
  }
  if (!result.ok()) return result.status();

  if (options.json) {
    out << ToJson(options, load->model, *result).dump() << '\n';
  } else {
    Print(options, load->model, *result, out);
  }
  if (absl::Status status = cli::Flush(out); !status.ok()) return status;
  Warn(options, *result);
  if (result->wrong > 0) {
    return absl::InternalError(
        absl::StrCat(result->wrong, " of ", result->compared, " answers differ from what ",
                     options.replay.empty() ? "the server answered at rest"
                                            : "the same version answered when they were logged",
                     ", by ", result->largest_difference, " at most"));
  }
  if (result->Answers() > 0) return absl::OkStatus();
  if (result->errors.empty()) {
    return absl::UnavailableError("no request was sent within the measured time; give a longer --duration");
  }
  const auto& [code, errors] = *result->errors.begin();
  return absl::Status(code, absl::StrCat("all ", result->requests, " requests failed, the first with ",
                                         absl::StatusCodeToString(code), ": ", errors.first_message));
}

}  // namespace adscore::client
