#include "server/rpc/message_arena.h"

#include <algorithm>
#include <bit>

namespace adscore::server {

void MessageArena::Reset() {
  const size_t allocated = arena_->Reset();
  const size_t wanted = std::min(std::bit_ceil(allocated), kLargestBlock);
  if (wanted > block_bytes_) Make(wanted);
}

void MessageArena::Make(size_t bytes) {
  arena_.reset();
  block_ = std::make_unique_for_overwrite<char[]>(bytes);
  block_bytes_ = bytes;
  google::protobuf::ArenaOptions options;
  options.initial_block = block_.get();
  options.initial_block_size = bytes;
  arena_.emplace(options);
}

}  // namespace adscore::server
