// What callers notice of swaps: sends a steady open-loop load to a running server, publishes a version at the
// start of every other window of time, and compares the tail of the latencies in the windows with a swap with
// that in the windows without. Every answer is compared, bit for bit, with what its version alone gives.
//
// The versions come from a stock: STOCK/NAME/1 to STOCK/NAME/K, hard-linked into the model root over and
// over.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/answer_check.h"
#include "client/client.h"
#include "client/predict_pipeline.h"
#include "client/synthetic_impressions.h"
#include "nlohmann/json.hpp"

namespace adscore::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr size_t kRequests = 500;  // different ones
constexpr size_t kMostInFlight = 4096;
constexpr int64_t kVersionsLeft = 3;  // under the model root

struct Options {
  std::string target;
  std::string root;
  std::string stock;
  std::string model;       // that is asked
  std::string swap_model;  // that is swapped; the same unless said otherwise
  int64_t period = 4;      // K
  int64_t swaps = 1000;
  int64_t window_ms = 150;
  double rate = 1000;
  size_t candidates = 100;
  int pid = 0;  // of the server
};

// Kilobytes, from /proc/PID/status.
int64_t Memory(int pid, const std::string& field) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  while (file >> word) {
    int64_t kilobytes = 0;
    if (word == field + ":" && file >> kilobytes) return kilobytes;
  }
  return 0;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class SwapBench {
 public:
  SwapBench(const Options& options, std::unique_ptr<client::Client> client)
      : options_(options), client_(std::move(client)) {}

  int Run() {
    for (int64_t version = 1; version <= options_.period; ++version) {
      Publish(version);
      if (!AwaitVersion(version)) return 1;
      if (IsAskedOneSwapped() || version == 1) FetchExpected();
    }
    const int64_t windows = 2 * options_.swaps;
    latencies_.resize(static_cast<size_t>(windows));
    client::PredictPipeline pipeline(client_.get(), kMostInFlight);
    start_ = Clock::now() + std::chrono::milliseconds(500);
    std::thread sender([&] { Send(&pipeline); });
    std::thread publisher([&] { PublishInEveryOtherWindow(); });
    while (pipeline.Next([this](const client::Pipeline::Answer& answer) { Count(answer); })) {
    }
    sender.join();
    publisher.join();
    Report();
    return failed_ == 0 && wrong_ == 0 ? 0 : 1;
  }

 private:
  bool IsAskedOneSwapped() const { return options_.model == options_.swap_model; }

  void Publish(int64_t version) const {
    const fs::path from =
        fs::path(options_.stock) / options_.swap_model / std::to_string((version - 1) % options_.period + 1);
    const fs::path model = fs::path(options_.root) / options_.swap_model;
    const fs::path hidden = model / ".next";
    fs::create_directories(hidden);
    fs::create_hard_link(from / "snapshot", hidden / "snapshot");
    fs::rename(hidden, model / std::to_string(version));
    fs::remove_all(model / std::to_string(version - kVersionsLeft));
  }

  bool AwaitVersion(int64_t version) const {
    for (int i = 0; i < 60'000; ++i) {
      const auto list = client_->ListModels(options_.swap_model);
      if (list.ok() && list->models(0).serving_version() == version) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::fprintf(stderr, "swap_bench: version %ld does not come to serve\n", static_cast<long>(version));
    return false;
  }

  void FetchExpected() {
    if (requests_.empty()) {
      const auto schema = client_->FetchSchema(options_.model);
      requests_ = client::DrawImpressions(*schema, kRequests, options_.candidates, 1);
    }
    auto answers = client::FetchAnswers(client_.get(), requests_);
    expected_.push_back(*std::move(answers));
  }

  size_t WindowOf(int64_t due) const { return static_cast<size_t>(due / (options_.window_ms * 1'000'000)); }

  void Send(client::PredictPipeline* pipeline) {
    std::mt19937_64 random(1);
    std::exponential_distribution<double> gap(options_.rate);
    double due = 0;
    for (uint64_t i = 0;; ++i) {
      due += gap(random);
      const auto nanoseconds = static_cast<int64_t>(due * 1e9);
      if (WindowOf(nanoseconds) >= latencies_.size()) break;
      std::this_thread::sleep_until(start_ + std::chrono::nanoseconds(nanoseconds));
      due_[i % kDue] = nanoseconds;
      pipeline->Start(i, requests_[i % kRequests]);
    }
    pipeline->Close();
  }

  void PublishInEveryOtherWindow() {
    for (int64_t swap = 1; swap <= options_.swaps; ++swap) {
      std::this_thread::sleep_until(start_ + std::chrono::milliseconds((2 * swap - 1) * options_.window_ms));
      Publish(options_.period + swap);
      if (options_.pid != 0 && (swap == 10 || swap == 100 || swap == options_.swaps)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(options_.window_ms / 2));
        for (const char* field : {"VmRSS", "RssAnon"}) {
          memory_[absl::StrCat(field, " MB after ", swap)] =
              static_cast<double>(Memory(options_.pid, field)) / 1024;
        }
      }
    }
  }

  void Count(const client::Pipeline::Answer& answer) {
    const int64_t due = due_[answer.id % kDue];
    const int64_t now = std::chrono::nanoseconds(Clock::now() - start_).count();
    ++requests_sent_;
    if (!answer.status.ok()) {
      if (failed_++ == 0) std::fprintf(stderr, "swap_bench: %s\n", answer.status.error_message().c_str());
      return;
    }
    latencies_[WindowOf(due)].push_back(static_cast<double>(now - due) / 1e3);
    const int64_t version = answer.response.version();
    ++versions_[version];
    v1::PredictResponse expected =
        expected_[static_cast<size_t>(version - 1) % expected_.size()][answer.id % kRequests];
    expected.set_version(version);
    if (!client::Agree(expected, answer.response)) ++wrong_;
  }

  void Report() {
    std::vector<double> p99[2];  // without and with a swap
    for (size_t w = 0; w < latencies_.size(); ++w) {
      std::vector<double>& window = latencies_[w];
      if (window.empty()) continue;
      std::sort(window.begin(), window.end());
      p99[w % 2].push_back(window[window.size() * 99 / 100]);
    }
    nlohmann::ordered_json json = {{"requests", requests_sent_},
                                   {"failed", failed_},
                                   {"wrong", wrong_},
                                   {"versions_that_answered", versions_.size()},
                                   {"p99_us_with_swap", Median(p99[1])},
                                   {"p99_us_without", Median(p99[0])},
                                   {"ratio", Median(p99[1]) / Median(p99[0])}};
    for (const auto& [name, megabytes] : memory_) json[name] = megabytes;
    std::cout << json.dump() << std::endl;
  }

  static constexpr size_t kDue = size_t{1} << 16;  // more than can be in flight

  const Options options_;
  const std::unique_ptr<client::Client> client_;
  std::vector<v1::PredictRequest> requests_;
  std::vector<std::vector<v1::PredictResponse>> expected_;  // [version of the stock][request]
  Clock::time_point start_;
  std::vector<int64_t> due_ = std::vector<int64_t>(kDue);  // by request; set before it is sent
  std::vector<std::vector<double>> latencies_;             // [window], microseconds
  std::map<int64_t, uint64_t> versions_;
  std::map<std::string, double> memory_;
  uint64_t requests_sent_ = 0;
  uint64_t failed_ = 0;
  uint64_t wrong_ = 0;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Publishes versions under load and says what callers notice. See serving_bench.py swap.",
               "swap_bench");
  app.add_option("--target", options.target, "Of the server")->required();
  app.add_option("--root", options.root, "Its model root")->required();
  app.add_option("--stock", options.stock, "Versions 1 to --period of the swapped model")->required();
  app.add_option("--model", options.model, "The model that is asked")->required();
  app.add_option("--swap-model", options.swap_model, "The model that is swapped [the same]");
  app.add_option("--period", options.period, "Different versions in the stock")->capture_default_str();
  app.add_option("--swaps", options.swaps)->capture_default_str();
  app.add_option("--window-ms", options.window_ms, "Every other one begins with a swap")
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Requests per second")->capture_default_str();
  app.add_option("--candidates", options.candidates)->capture_default_str();
  app.add_option("--pid", options.pid, "Of the server, for its memory");
  CLI11_PARSE(app, argc, argv);
  if (options.swap_model.empty()) options.swap_model = options.model;
  auto client = client::Client::Connect(options.target, {.deadline = std::chrono::seconds(60)});
  if (!client.ok()) {
    std::fprintf(stderr, "swap_bench: %s\n", std::string(client.status().message()).c_str());
    return 1;
  }
  return SwapBench(options, *std::move(client)).Run();
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }
