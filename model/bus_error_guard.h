// What keeps the process alive when a mapped file is no longer what it was: reading a page that was truncated
// away, or that the disk can't deliver, raises SIGBUS. Every guarded range of memory has a flag; the signal's
// handler sets the flag of the range that the address lies in, puts zeros in place of the range from that
// page on, and lets the reader go on. A SIGBUS anywhere else does what it did before.
//
// Thread-safe. The handler is installed by the first guard of the process and stays; it uses nothing but
// atomics and two system calls (async-signal-safe on Linux), takes no lock and allocates nothing. SIGBUS must
// not be blocked in a thread that reads: the kernel ends the process then. Who installs a handler for SIGBUS
// later must pass on to the one that was there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace adscore::model {

// Guards [data, data + size), a mapping that outlives it. Nothing may read the range before this is made or
// after it is gone.
class BusErrorGuard {
 public:
  static constexpr size_t kMostGuards = 1024;  // alive at once in a process

  BusErrorGuard(const void* data, size_t size);
  ~BusErrorGuard();
  BusErrorGuard(const BusErrorGuard&) = delete;
  BusErrorGuard& operator=(const BusErrorGuard&) = delete;

  // False if there are too many guards: then the range is not guarded.
  bool armed() const { return slot_ != nullptr; }

  // True once a page of the range could not be read, or MarkDamaged was called. It is set before the zeros
  // are there: whoever reads the range and then finds this false has read what the file held. Never false
  // again.
  bool damaged() const;
  void MarkDamaged() const;

 private:
  struct Slot;
  static Slot table_[];
  static void Install();
  // The handler's part: false if no guarded range holds the address, or nothing can be put there.
  static bool Contain(uintptr_t address);

  Slot* slot_ = nullptr;
};

}  // namespace adscore::model
