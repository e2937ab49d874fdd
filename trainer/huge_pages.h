// Vectors for memory that is read all over the place, in large pages: with pages of 4 KB the processor spends
// more on finding where each row lies than on reading it.
//
// Thread-safe as std::vector is.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "model/aligned.h"

namespace adscore::trainer {

// What fills half a large page or more is laid on large pages, where the system has any to give (Linux:
// transparent huge pages); without them nothing changes but the speed. What resize() adds is not initialised
// unless a value is given.
template <typename T>
class HugePages {
 public:
  using value_type = T;

  HugePages() = default;
  template <typename Other>
  HugePages(const HugePages<Other>& /*other*/) {}  // NOLINT(google-explicit-constructor): as allocators must

  T* allocate(size_t count) {
    constexpr size_t kPage = model::kLargePage;
    const size_t bytes = count * sizeof(T);
    void* memory = nullptr;
    if (bytes >= kPage / 2) {
      const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
      memory = std::aligned_alloc(kPage, rounded);
      if (memory != nullptr) madvise(memory, rounded, MADV_HUGEPAGE);
    } else {
      memory = std::malloc(bytes);
    }
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t /*count*/) { std::free(memory); }

  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Values>
  void construct(U* at, Values&&... values) {
    ::new (static_cast<void*>(at)) U(std::forward<Values>(values)...);
  }

  bool operator==(const HugePages& /*other*/) const { return true; }
};

template <typename T>
using HugeVector = std::vector<T, HugePages<T>>;

}  // namespace adscore::trainer
