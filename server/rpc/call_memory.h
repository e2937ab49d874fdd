// Where the request and the response of one call at a time lie, over and over: messages in an arena, or bytes
// that gRPC leaves as they came.
//
// Not thread-safe.
#pragma once

#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/message_arena.h"

namespace adscore::server {

template <typename Request, typename Response>
class CallMemory {
 public:
  CallMemory() { Reset(); }
  // Ends both, and makes them anew.
  void Reset() {
    arena_.Reset();
    request_ = arena_.Create<Request>();
    response_ = arena_.Create<Response>();
  }
  Request* request() { return request_; }
  Response* response() { return response_; }

 private:
  MessageArena arena_;
  Request* request_ = nullptr;
  Response* response_ = nullptr;
};

template <>
class CallMemory<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  void Reset() {
    request_.Clear();
    response_.Clear();
  }
  grpc::ByteBuffer* request() { return &request_; }
  grpc::ByteBuffer* response() { return &response_; }

 private:
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace adscore::server
