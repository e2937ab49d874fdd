// What GCC has to be told about vector registers. Compiled once per instruction set: included by kernels,
// and by nothing else.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_REGISTERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_REGISTERS_INL_H_
#undef ADSCORE_MODEL_KERNELS_REGISTERS_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_REGISTERS_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {

// GCC would read a weight from memory again for each of its products, as an operand of them: twice the loads
// of what comes from a far cache.
template <class V>
HWY_INLINE void KeepInRegister([[maybe_unused]] V* v) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC
  asm("" : "+v"(v->raw));
#endif
}

}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
