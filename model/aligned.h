// A growable buffer of floats on a 64-byte boundary, for kernels.
//
// Not thread-safe.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace adscore::model {

inline constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
// A large page. What fills half of one or more is laid on large pages, where the system has any to give: with
// pages of 4 KB which sets of the second-level cache the lines fall into is left to chance, so that weights
// that would fit into it may not, and the processor's prefetch ends at each page's end.
inline constexpr size_t kLargePage = size_t{2} << 20;

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(size_t size) { Reserve(size); }

  // At least `size` floats. What was there is lost when it grows; the new floats are not initialised.
  float* Reserve(size_t size) {
    if (size > capacity_) {
      const bool large = size * sizeof(float) >= kLargePage / 2;
      const size_t unit = large ? kLargePage : kAlignment;
      const size_t bytes = (size * sizeof(float) + unit - 1) / unit * unit;
      data_.reset(static_cast<float*>(std::aligned_alloc(unit, bytes)));
      if (data_ == nullptr) throw std::bad_alloc();
      if (large) madvise(data_.get(), bytes, MADV_HUGEPAGE);
      capacity_ = bytes / sizeof(float);
    }
    return data_.get();
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float[], Free> data_;
  size_t capacity_ = 0;
};

}  // namespace adscore::model
