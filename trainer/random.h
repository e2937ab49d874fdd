// Random numbers that are the same on every machine and for every number of threads: whoever needs some makes
// a generator of its own from a key that says what they are for (seed, step, row).
//
// Not thread-safe: one owner per object.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

namespace adscore::trainer {

// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014): 64 bits of state, and any state is a good start.
class Random {
 public:
  explicit Random(uint64_t key) : state_(key) {}
  // A generator for part `index` of what `key` is for.
  Random(uint64_t key, uint64_t index) : state_(Mix(key) ^ (index * 0xD1342543DE82EF95)) {}

  uint64_t Bits() {
    state_ += 0x9E3779B97F4A7C15;
    return Mix(state_);
  }

  // In [0, 1), in steps of 2^-53.
  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1p-53; }

  // In [0, bound); bound > 0. The bias of the modulo is below 2^-32 for every bound that fits 32 bits.
  uint64_t Below(uint64_t bound) { return Bits() % bound; }

  // Standard normal (G. Box, M. Muller, 1958).
  double Normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * Uniform());
  }

  template <typename T>
  void Shuffle(std::vector<T>* values) {
    for (size_t i = values->size(); i > 1; --i) std::swap((*values)[i - 1], (*values)[Below(i)]);
  }

 private:
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace adscore::trainer
