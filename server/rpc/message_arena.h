// Memory for the messages of one call at a time, used over and over: its first block grows to what calls
// need, so that a steady load asks the allocator for nothing.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "google/protobuf/arena.h"

namespace adscore::server {

class MessageArena {
 public:
  MessageArena() { Make(kFirstBlock); }

  // Ends all messages in it.
  void Reset();

  template <typename Message>
  Message* Create() {
    return google::protobuf::Arena::CreateMessage<Message>(&*arena_);
  }

 private:
  // Holds a request of 20 candidates with 40 features and its answer.
  static constexpr size_t kFirstBlock = 8 << 10;
  // A request of 1,000 candidates. What is larger is rare, and its memory better given back.
  static constexpr size_t kLargestBlock = 512 << 10;

  void Make(size_t bytes);

  size_t block_bytes_ = 0;
  std::unique_ptr<char[]> block_;
  std::optional<google::protobuf::Arena> arena_;
};

}  // namespace adscore::server
