#include "server/serving/admission.h"

namespace adscore::server {

std::optional<Refusal> Admission::Admit(size_t rows) {
  if (draining()) {
    turned_away_.fetch_add(1, std::memory_order_relaxed);
    return Refusal::kDraining;
  }
  if (rows > max_queued_rows_) return Refusal::kInvalid;
  // Add first, then look: two loops can't both take the last place.
  if (queued_rows_.fetch_add(rows, std::memory_order_relaxed) + rows > max_queued_rows_) {
    Release(rows);
    return Refusal::kQueueFull;
  }
  return std::nullopt;
}

}  // namespace adscore::server
