// Asking the processor for memory ahead of its use.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>

namespace adscore::model {

// GCC takes a function that does nothing but __builtin_prefetch for one without any effect, and leaves out
// the calls of it: no prefetch is left in the program, and nothing says so. The empty statement is an effect.
inline void PrefetchLine(const void* memory) {
  __builtin_prefetch(memory);
  __asm__ __volatile__("");
}

// All lines that `bytes` bytes from `memory` on are part of.
inline void PrefetchLines(const void* memory, size_t bytes) {
  constexpr size_t kLine = 64;
  const char* const begin = static_cast<const char*>(memory);
  for (size_t at = 0; at < bytes; at += kLine) PrefetchLine(begin + at);
  if (bytes > 0) PrefetchLine(begin + bytes - 1);  // what does not begin a line ends in one more
}

}  // namespace adscore::model
