// A request that is to be scored as the batcher sees it, whatever its protocol: counted as under way while it
// is, and answered with a status if it is refused.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <string>

#include "grpcpp/support/status.h"
#include "server/serving/impression_job.h"

namespace adscore::server {

class ServingLoop;

class ScoringJob : public ImpressionJob {
 public:
  void Refuse(Refusal refusal, const ServedModel* served) final;

 protected:
  explicit ScoringJob(ServingLoop* loop) : loop_(loop) {}

  // Queues the impression, whose `rows` and `wanted` are set, or refuses it at once; counts it as under way
  // until EndUnderWay.
  void Enqueue(Time now, Time until);
  void EndUnderWay();

  // What Decode said of a request that it refused; may be empty.
  virtual const std::string& decode_message() const = 0;
  // As callers know the number of candidates: the field that a message about it names.
  virtual const char* rows_field() const = 0;
  // The answer is complete if `status` is OK. `served`: as in Refuse.
  virtual void End(const grpc::Status& status, const ServedModel* served) = 0;

  ServingLoop* const loop_;

 private:
  bool is_counted_ = false;  // as under way: it arrived before the drain began
};

}  // namespace adscore::server
