// exp() and what is made of it, to the same bit on every machine: the C library's differ in the last one, and
// a coin that is tossed with it would then fall differently. Sums, products and quotients of doubles do not
// differ.
//
// Thread-safe: pure functions.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace adscore::trainer {

// For |x| < 700. exp(x) = 2^n · exp(r) with |r| <= ln(2) / 2, and exp(r) by its Taylor series up to r^12 /
// 12!, whose next term is below 2^-53.
inline double PortableExp(double x) {
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;  // ln(2) in two parts: the first one times n is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double n = std::floor(x * kLog2E + 0.5);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double sum = 1;
  for (int k = 12; k >= 1; --k) sum = 1 + sum * r / k;
  return sum * std::bit_cast<double>((static_cast<uint64_t>(static_cast<int64_t>(n) + 1023)) << 52);
}

inline double PortableSigmoid(double x) { return 1 / (1 + PortableExp(-x)); }

}  // namespace adscore::trainer
