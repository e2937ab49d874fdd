// A unary call that is answered at once on the serving loop, over and over: for methods that only look
// something up.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "grpcpp/grpcpp.h"
#include "server/rpc/completion_tag.h"

namespace adscore::server {

template <typename Request, typename Response>
class UnaryCall {
 public:
  // Asks gRPC for the next call of the method: RequestXxx of the service with the loop's queue. Does nothing
  // once the loop is about to end.
  using Wait = std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                                  CompletionTag*)>;
  using Handle = std::function<grpc::Status(const Request&, Response*)>;

  UnaryCall(Wait wait, Handle handle) : wait_(std::move(wait)), handle_(std::move(handle)) { Post(); }

 private:
  void Post() {
    responder_.reset();
    context_.emplace();
    responder_.emplace(&*context_);
    request_.Clear();
    wait_(&*context_, &request_, &*responder_, &arrived_);
  }

  void OnArrived(bool ok) {
    if (!ok) return;  // the server shuts down
    Response response;
    const grpc::Status status = handle_(request_, &response);
    if (status.ok()) {
      responder_->Finish(response, status, &finished_);
    } else {
      responder_->FinishWithError(status, &finished_);
    }
  }

  void OnFinished(bool /*ok*/) { Post(); }

  const Wait wait_;
  const Handle handle_;
  MemberTag<UnaryCall> arrived_{this, &UnaryCall::OnArrived};
  MemberTag<UnaryCall> finished_{this, &UnaryCall::OnFinished};
  Request request_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> responder_;
};

}  // namespace adscore::server
