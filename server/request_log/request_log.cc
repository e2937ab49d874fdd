#include "server/request_log/request_log.h"

#include "request_log/log_files.h"
#include "server/request_log/log_record.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

// Between two looks at what waits. A loop that had to wake the writer would pay a system call for it.
constexpr std::chrono::milliseconds kInterval{50};
// Handed to the system at a time. What fails is lost together.
constexpr size_t kMostWritten = 256 << 10;
// A failure that lasts is logged so often.
constexpr std::chrono::minutes kTellAgain{1};

}  // namespace

// Begins a file at once: whoever starts the server hears if that fails, and what an earlier one has left is
// complete before versions are warmed up with it.
RequestLog::RequestLog(const RequestLogOptions& options, const RotationLimits& rotation)
    : answered_(options.share, request_log::kMostRecordBytes), file_(options.directory, rotation) {
  if (const absl::Status status = file_.Append({}); !status.ok()) Tell(status);
  thread_ = std::thread([this] { Run(); });
}

RequestLog::~RequestLog() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

RequestLogCounts RequestLog::counts() const {
  RequestLogCounts counts{.records = records_.load(std::memory_order_relaxed),
                          .bytes = bytes_.load(std::memory_order_relaxed)};
  for (size_t r = 0; r < kLogDrops; ++r) counts.dropped[r] = answered_.dropped(static_cast<LogDrop>(r));
  return counts;
}

void RequestLog::Run() {
  for (bool is_ending = false; !is_ending;) {
    {
      std::unique_lock lock(mutex_);
      is_ending = ending_.wait_for(lock, kInterval, [this] { return is_ending_; });
    }
    WriteWaiting();
    if (const absl::Status status = file_.CompleteIfDue(); !status.ok()) Tell(status);
  }
}

void RequestLog::WriteWaiting() {
  std::string bytes;
  uint64_t records = 0;
  for (const AnsweredRequest& request : answered_.Take()) {
    ToRecord(request, &record_);
    if (!AppendDelimited(record_, &bytes)) {
      answered_.CountDropped(LogDrop::kTooLarge, 1);
      continue;
    }
    ++records;
    if (bytes.size() < kMostWritten) continue;
    Write(bytes, records);
    bytes.clear();
    records = 0;
  }
  if (records > 0) Write(bytes, records);
}

void RequestLog::Write(const std::string& bytes, uint64_t records) {
  const absl::Status status = file_.Append(bytes);
  if (status.ok()) {
    records_.fetch_add(records, std::memory_order_relaxed);
    bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    if (is_failing_) spdlog::info("request log: it is written again");
    is_failing_ = false;
  } else {
    answered_.CountDropped(LogDrop::kWriteFailed, records);
    Tell(status);
  }
  if (const absl::Status completed = file_.CompleteIfDue(); !completed.ok()) Tell(completed);
}

void RequestLog::Tell(const absl::Status& status) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_failing_ || now - told_ >= kTellAgain) {
    told_ = now;
    spdlog::error("request log: {}; serving goes on, {} requests were not logged so far",
                  std::string(status.message()), answered_.dropped(LogDrop::kWriteFailed));
  }
  is_failing_ = true;
}

}  // namespace adscore::server
