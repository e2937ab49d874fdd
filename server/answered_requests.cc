#include "server/answered_requests.h"

#include <utility>

namespace adscore::server {
namespace {

size_t BytesOf(const model::RawColumns& columns) {
  return columns.numeric.size_bytes() + columns.categorical.size_bytes() + columns.multi_count.size_bytes() +
         columns.multi.size_bytes();
}

void Copy(const model::RawColumns& from, model::RawStorage* to) {
  to->numeric.assign(from.numeric.begin(), from.numeric.end());
  to->categorical.assign(from.categorical.begin(), from.categorical.end());
  to->multi_count.assign(from.multi_count.begin(), from.multi_count.end());
  to->multi.assign(from.multi.begin(), from.multi.end());
}

}  // namespace

void AnsweredRequests::Offer(const ServedModel& served, const model::Impression& impression,
                             std::span<const float> probabilities) {
  const size_t bytes =
      BytesOf(impression.context) + BytesOf(impression.candidates) + probabilities.size_bytes();
  if (bytes > most_bytes_) return CountDropped(LogDrop::kTooLarge, 1);
  {
    // Room is taken before the copy is made: under overload there is no time for copies that nobody wants.
    const std::lock_guard lock(mutex_);
    if (waiting_bytes_ + bytes > kMostWaitingBytes) return CountDropped(LogDrop::kQueueFull, 1);
    waiting_bytes_ += bytes;
  }
  AnsweredRequest request{.time = std::chrono::system_clock::now(),
                          .model = served.name,
                          .version = served.version,
                          .schema_fingerprint = served.model->fingerprint(),
                          .impression = {},
                          .heads = {},
                          .probabilities = {probabilities.begin(), probabilities.end()},
                          .bytes = bytes};
  request.impression.rows = impression.candidates.rows;
  Copy(impression.context, &request.impression.context);
  Copy(impression.candidates, &request.impression.candidates);
  for (const model::Head& head : served.model->snapshot().heads) request.heads.push_back(head.name);
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(request));
}

std::vector<AnsweredRequest> AnsweredRequests::Take() {
  std::vector<AnsweredRequest> taken;
  const std::lock_guard lock(mutex_);
  taken.swap(waiting_);
  for (const AnsweredRequest& request : taken) waiting_bytes_ -= request.bytes;
  return taken;
}

}  // namespace adscore::server
