// The kernel sets that use AVX-512's instructions for narrow numbers, which Highway does not know. See
// kernel_set.cc for who chooses them.
//
// Thread-safe: pure functions.
#pragma once

#include "model/kernels/kernel_set.h"

namespace adscore::model {

// Whether this processor has the instructions; AVX-512 itself must have been found by other means.
bool HasAvx512Bf16();  // vdpbf16ps
bool HasAvx512Vnni();  // vpdpbusd

// The sets, for such a processor: `f32` with their own weights and dense kernel.
KernelSet Avx512Bf16Kernels(const KernelSet& f32);
KernelSet Avx512VnniKernels(const KernelSet& f32);

}  // namespace adscore::model
