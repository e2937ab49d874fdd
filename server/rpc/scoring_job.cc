#include "server/rpc/scoring_job.h"

#include "server/rpc/refusal_status.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {

void ScoringJob::Enqueue(Time now, Time until) {
  is_counted_ = !loop_->admission().draining();
  if (is_counted_) loop_->CountUnderWay(1);
  arrival = now;
  deadline = until;
  cancelled = false;
  loop_->batcher().Enqueue(this);
}

void ScoringJob::EndUnderWay() {
  if (is_counted_) loop_->CountUnderWay(-1);
  is_counted_ = false;
}

void ScoringJob::Refuse(Refusal refusal, const ServedModel* served) {
  const RefusedRequest refused = {.model = std::string(wanted.model),
                                  .version = wanted.version,
                                  .label = std::string(wanted.label),
                                  .rows = rows,
                                  .rows_field = rows_field(),
                                  .detail = served == nullptr ? std::string() : decode_message()};
  End(RefusalStatus(refusal, refused, loop_->registry(), loop_->admission()), served);
}

}  // namespace adscore::server
