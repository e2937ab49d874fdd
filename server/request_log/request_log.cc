#include "server/request_log/request_log.h"

#include <utility>

#include "adscore/v1/request_log.pb.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/time_util.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

// How long a record may wait before it is written. Nobody wakes the thread: that would be a system call for a
// serving loop.
constexpr std::chrono::milliseconds kInterval{50};

std::string Record(const v1::PredictRequest& request, const v1::PredictResponse& response) {
  v1::LoggedRequest logged;
  *logged.mutable_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
  *logged.mutable_request() = request;
  logged.mutable_request()->clear_key();
  *logged.mutable_response() = response;
  std::string record;
  google::protobuf::io::StringOutputStream stream(&record);
  google::protobuf::util::SerializeDelimitedToZeroCopyStream(logged, &stream);
  return record;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RequestLog>> RequestLog::Open(const RequestLogOptions& options) {
  auto file = RotatingFile::Open(options.directory, options.rotation);
  if (!file.ok()) return file.status();
  return std::unique_ptr<RequestLog>(new RequestLog(options, *std::move(file)));
}

RequestLog::RequestLog(const RequestLogOptions& options, std::unique_ptr<RotatingFile> file)
    : share_(options.share), file_(std::move(file)), thread_([this] { Run(); }) {}

RequestLog::~RequestLog() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

void RequestLog::Offer(const v1::PredictRequest& request, const v1::PredictResponse& response) {
  std::string record = Record(request, response);
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || waiting_bytes_ + record.size() > kMostWaiting) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_bytes_ += record.size();
  waiting_.push_back(std::move(record));
}

void RequestLog::Run() {
  std::vector<std::string> records;
  for (bool is_over = false; !is_over;) {
    records.clear();
    {
      std::unique_lock lock(mutex_);
      is_over = ending_.wait_for(lock, kInterval, [this] { return is_ending_; });
      records.swap(waiting_);
      waiting_bytes_ = 0;
    }
    Write(records);
  }
}

void RequestLog::Write(const std::vector<std::string>& records) {
  for (size_t i = 0; i < records.size(); ++i) {
    const absl::Status status = file_->Append(records[i]);
    if (status.ok()) {
      written_.fetch_add(1, std::memory_order_relaxed);
      is_failing_ = false;
      continue;
    }
    dropped_.fetch_add(records.size() - i, std::memory_order_relaxed);
    if (!is_failing_) {
      spdlog::error("--request-log: {}; requests are not logged until it can be written again",
                    std::string(status.message()));
    }
    is_failing_ = true;
    return;
  }
  file_->EndRound();
}

}  // namespace adscore::server
