#include "server/config/settings.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "model/kernels/kernel_set.h"
#include "server/config/flag_set.h"
#include "server/config/rules.h"

namespace adscore::server {
namespace {

constexpr const char* kDescription =
    "Scores ad impressions over gRPC with the newest model versions under a model root.\n"
    "A newer version that appears there is checked and swapped in while requests run. SIGTERM drains,\n"
    "SIGHUP re-reads the settings and takes over those that can change.";
constexpr const char* kFooter =
    "HTTP paths: / (status page), /metrics (Prometheus), /healthz (the process answers), /readyz (it can "
    "score),\n"
    "/v2 (Open Inference Protocol in JSON, see --allow-insecure).\n"
    "A file for --config has the same names, one to a line: model-root = \"models\".\n"
    "Exit codes: 0 done, 1 failed, 2 settings that can't be (each with a line on standard error).\n"
    "Examples: adscore-server --model-root models\n"
    "          adscore-server --config /etc/adscore/server.toml --check";

// The HTTP server underneath takes no IPv6 address.
std::string CheckHttpAddress(const std::string& text) {
  const auto address = ParseAddress(text);
  if (!address.ok()) return std::string(address.status().message());
  if (address->host[0] != '[') return std::string();
  return "'" + text +
         "' is IPv6, and the HTTP port takes a name or an IPv4 address only, such as 127.0.0.1:9464";
}

cli::FlagCheck OneOf(std::vector<std::string> words) {
  return [words = std::move(words)](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
    std::string list;
    for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
    return cli::Quoted(text) + " is none of " + list;
  };
}

std::string NotEmpty(const std::string& text) { return text.empty() ? "is empty" : ""; }

// "auto", and what this machine has.
std::string KernelNames() {
  std::string names = "auto";
  for (const model::KernelSet* set : model::AvailableKernelSets(model::Precision::kF32)) {
    names += std::string(", ") + set->name;
  }
  return names;
}

void AddListeners(FlagSet* flags, ServerOptions* options) {
  flags->Add(
      "--listen", "HOST:PORT", ToString(options->listen), cli::CheckedBy(&ParseAddress),
      [options](const std::string& text) { options->listen = *ParseAddress(text); },
      "Address for gRPC; port 0 picks a free one");
  flags->Add(
      "--http-listen", "HOST:PORT", ToString(options->http_listen), CheckHttpAddress,
      [options](const std::string& text) { options->http_listen = *ParseAddress(text); },
      "Address for the status page, metrics, readiness and REST (a name or IPv4); port 0 picks a free one");
}

std::vector<std::string> SplitNames(const std::string& text) {
  std::vector<std::string> names = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& name : names) absl::StripAsciiWhitespace(&name);
  return names;
}

void AddSecurity(FlagSet* flags, Settings* settings) {
  ServerOptions* options = &settings->server;
  flags->Switch("--allow-insecure", &settings->allow_insecure,
                "Let --listen and --operator-listen take unencrypted calls from other machines, and the HTTP "
                "port score "
                "(/v2) for them; without it REST is there on loopback only, and not beside --tls-client-ca");
  flags->Text(
      "--tls-cert", "FILE", &options->tls.certificate, NotEmpty,
      "Encrypt gRPC with this certificate chain (PEM). It, key and roots are read again when they change");
  flags->Text("--tls-key", "FILE", &options->tls.key, NotEmpty, "Private key of --tls-cert (PEM)");
  flags->Text("--tls-client-ca", "FILE", &options->tls.client_ca, NotEmpty,
              "Take calls only from clients with a certificate that these roots have signed (PEM)");
  flags->Add(
      "--operator-clients", "NAMES", "",
      [](const std::string& text) { return SplitNames(text).empty() ? "names nobody" : std::string(); },
      [options](const std::string& text) { options->operator_clients = SplitNames(text); },
      "Names in client certificates, comma-separated, that may use ModelService (pin, rollback, …); default: "
      "who calls from this machine");
  flags->Add(
      "--operator-listen", "HOST:PORT", "", cli::CheckedBy(&ParseAddress),
      [options](const std::string& text) { options->operator_listen = *ParseAddress(text); },
      "Answer ModelService here, and no longer on --listen");
}

void AddServing(FlagSet* flags, ServerOptions* options) {
  flags->Number("--serving-threads", "N", &options->serving_threads, cli::WholeNumber(1, 1024),
                "Threads that score, one batch at a time each; default: one per core");
  flags->Number("--max-batch-rows", "ROWS", &options->batch.max_batch_rows, cli::WholeNumber(1, 1 << 20),
                "Candidates in one forward pass; a larger impression is scored in slices of so many");
  flags->Number("--max-batch-delay-us", "US", &options->batch.max_delay, cli::WholeNumber(0, 1'000'000),
                "Microseconds that an impression may wait for others to join its batch; 0: none waits");
  flags->Number("--max-queued-rows", "ROWS", &options->max_queued_rows, cli::WholeNumber(1, 1 << 24),
                "Candidates that may wait, over all threads; calls beyond that get RESOURCE_EXHAUSTED");
  flags->Number("--max-connection-age-s", "S", &options->max_connection_age, cli::WholeNumber(0, 1'000'000),
                "Seconds after which a client must connect anew, so that new replicas get their share; 0: "
                "never. Adds some 7 % to the instructions of a small call");
  flags->Number(
      "--drain-delay-ms", "MS", &options->drain_delay, cli::WholeNumber(0, 600'000),
      "Milliseconds for which a server that was told to end (SIGTERM) answers as before, while health "
      "and /readyz already send callers elsewhere; give more than the interval at which they look. A "
      "second signal ends it at once");
  flags->Text("--isa", "NAME", &options->isa, NotEmpty,
              "Instruction set of the kernels, on this machine one of: " + KernelNames());
  flags->Add(
      "--precision", "NAME", model::ToString(options->precision), cli::CheckedBy(&model::ParsePrecision),
      [options](const std::string& text) { options->precision = *model::ParsePrecision(text); },
      "Weights of the hidden layers in memory: f32, bf16 (half the bytes) or int8 (a quarter)");
}

void AddSnapshots(FlagSet* flags, ServerOptions* options) {
  flags->Number("--poll-interval-ms", "MS", &options->poll_interval, cli::WholeNumber(10, 3'600'000),
                "Milliseconds between two looks at the model root; where the system says what changes "
                "(inotify), changes are seen at once");
  flags->Number("--keep-versions", "N", &options->policy.keep_versions, cli::WholeNumber(0, 100),
                "Versions that have served and stay in memory, so that a rollback takes no time");
  flags->Number("--max-mean-shift", "SHARE", &options->policy.guards.max_mean_shift, cli::Number(0, 1000),
                "Refuse a version whose mean prediction on recent traffic is further from the serving one's, "
                "as a share of it (0.2: a fifth); 0: not asked");
  flags->Number("--min-version-age-s", "S", &options->policy.guards.min_age, cli::WholeNumber(0, 1'000'000),
                "Seconds that a version must have lain in the model root before it takes over; 0: none");
  flags->Add(
      "--schema-change", "WHAT", "allow", OneOf({"allow", "refuse"}),
      [options](const std::string& text) { options->policy.guards.allow_schema_change = text == "allow"; },
      "What becomes of a version with another schema or other heads than the serving one: allow or refuse");
  flags->Text(
      "--warmup-log", "PATH", &options->warmup_log, NotEmpty,
      "Score what --request-log has kept there (a directory, the newest files first, or one file) with "
      "each version before it serves: up to 50000 candidates or 2 s, at low priority; default: nothing");
}

void AddRequestLog(FlagSet* flags, RequestLogOptions* options) {
  flags->Text(
      "--request-log", "DIR", &options->directory, NotEmpty,
      "Keep a sample of the requests that are answered, features and probabilities, in files there (see "
      "docs/operations.md: who can read them reads much about people); default: none is kept");
  flags->Number("--request-log-sample", "SHARE", &options->share, cli::Number(0, 1),
                "Which share of the requests --request-log keeps, at random; 0: none for now");
  flags->Number("--request-log-max-bytes", "BYTES", &options->all_bytes,
                cli::WholeNumber(uint64_t{1} << 20, uint64_t{1} << 50),
                "Of all files of --request-log together; beyond it the oldest are removed");
}

void AddLog(FlagSet* flags, LogSettings* log) {
  flags->Text("--log-format", "FORMAT", &log->format, OneOf({"text", "json"}),
              "Of the lines on standard error: text, or json (one object per line)");
  flags->Text("--log-level", "LEVEL", &log->level, OneOf({"debug", "info", "warn", "error"}),
              "What is logged: this and all that is graver, of debug, info, warn, error");
}

}  // namespace

ReadSettings ReadSettingsFrom(int argc, const char* const* argv) {
  ReadSettings read;
  Settings& settings = read.settings;
  settings.server.serving_threads = std::max(1U, std::thread::hardware_concurrency());
  CLI::App app(kDescription, "adscore-server");
  app.footer(kFooter);
  app.set_version_flag("--version", "adscore-server " ADSCORE_VERSION);
  app.allow_extras();  // named below, all of them

  FlagSet flags(&app);
  std::string file;
  flags.Text("--model-root", "DIR", &settings.server.model_root, NotEmpty,
             "Directory of models, DIR/NAME/VERSION/, that the trainer publishes into; required");
  flags.Text("--config", "FILE", &file, NotEmpty,
             "File of settings with the names of these flags; what the command line says goes first");
  flags.Switch("--check", &settings.check,
               "Check settings and certificates, and load the newest version of each model; say what was "
               "checked, and exit with "
               "0 or 1 without listening");
  AddListeners(&flags, &settings.server);
  AddSecurity(&flags, &settings);
  AddServing(&flags, &settings.server);
  AddSnapshots(&flags, &settings.server);
  AddRequestLog(&flags, &settings.server.request_log);
  AddLog(&flags, &settings.log);

  try {
    app.parse(argc, argv);
    flags.RefuseTheRest();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      std::ostringstream text;
      app.exit(error, text, text);
      read.text = text.str();
      return read;
    }
    read.problems.push_back(error.what());
  }
  if (!file.empty()) {
    try {
      flags.ReadFile(file);
    } catch (const CLI::Error& error) {
      read.problems.push_back("--config: " + file + ": " + error.what());
    }
  }
  settings.server.rest = settings.allow_insecure ||
                         (IsLoopback(settings.server.http_listen) && settings.server.tls.client_ca.empty());
  settings.given = flags.given();
  settings.values = flags.values();
  read.problems.insert(read.problems.end(), flags.problems().begin(), flags.problems().end());
  for (const std::string& problem : FindContradictions(settings)) {
    // A flag that could not be read says enough; what its default contradicts would only confuse.
    const std::string flag = problem.substr(0, problem.find_first_of(": "));
    const bool is_told = std::any_of(read.problems.begin(), read.problems.end(),
                                     [&](const std::string& told) { return told.starts_with(flag + ":"); });
    if (!is_told) read.problems.push_back(problem);
  }
  return read;
}

std::vector<std::string> ChangedFlags(const Settings& from, const Settings& to) {
  std::vector<std::string> changed;
  for (const auto& [flag, text] : from.values) {
    if (to.values.at(flag) != text) changed.push_back(flag);
  }
  return changed;
}

}  // namespace adscore::server
