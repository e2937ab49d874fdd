// What a thread has asked operator new for: a program that links allocations.cc has an operator new of its
// own. In a file of its own, since gcc takes an inlined one for a mismatch with free().
//
// Thread-safe: each thread has its own figures.
#pragma once

#include <cstddef>

namespace adscore::testing {

struct Allocations {
  size_t count = 0;
  size_t largest = 0;  // bytes
};
extern thread_local Allocations allocations;  // may be set back to zero

}  // namespace adscore::testing
