// A growable buffer of floats on a 64-byte boundary, for kernels.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace adscore::model {

inline constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(size_t size) { Reserve(size); }

  // At least `size` floats. What was there is lost when it grows; the new floats are not initialised.
  float* Reserve(size_t size) {
    if (size > capacity_) {
      const size_t bytes = (size * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
      data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
      if (data_ == nullptr) throw std::bad_alloc();
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
