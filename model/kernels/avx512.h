// The kernel sets that use AVX-512's instructions for narrow numbers, which Highway does not know. See
// kernel_set.cc for who chooses them.
//
// Thread-safe: pure functions.
#pragma once

#include "model/kernels/kernel_set.h"

namespace adscore::model {

// Whether this processor has the instructions; AVX-512 itself must have been found by other means.
bool HasAvx512Bf16();  // vdpbf16ps
bool HasAvx512Vnni();  // vpdpbusd, vpdpwssd

// Whether vpdpbf16ps does more than two multiply-adds of f32 would. On AMD's Zen 4 and 5 it does 1.3 to 2
// times as many products in a cycle; on Intel's Xeons half as many, measured on an Emerald Rapids (85 GFLOP/s
// against 173), where vpdpwssd has twice as many.
bool IsAvx512Bf16Fast();

// The sets, for such a processor: `f32` with their own weights and dense kernel.
KernelSet Avx512Bf16Kernels(const KernelSet& f32);
KernelSet Avx512Vnni16Kernels(const KernelSet& f32);  // for bf16, in integers of 16 bits
KernelSet Avx512VnniKernels(const KernelSet& f32);    // for int8

}  // namespace adscore::model
