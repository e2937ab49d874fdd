// x86's intrinsics, without what GCC 12 says of them: its header makes undefined vectors in a way that it
// warns of.
#pragma once

#include <hwy/detect_compiler_arch.h>

#if HWY_COMPILER_GCC_ACTUAL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if HWY_COMPILER_GCC_ACTUAL
#pragma GCC diagnostic pop
#endif
