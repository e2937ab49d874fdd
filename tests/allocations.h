// The largest size that anyone has asked operator new for: a program that links largest_allocation.cc has its
// own operator new.
//
// Not thread-safe: for tests of one thread.
#pragma once

#include <cstddef>

namespace adscore::model::testing {

extern size_t largest_allocation;  // bytes; to be set to 0 before what is to be measured

}  // namespace adscore::model::testing
