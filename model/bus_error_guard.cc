#include "model/bus_error_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace adscore::model {

// One guarded range. In static memory, so that the handler never looks at what may have been freed.
//
// `version` is odd while begin and end are being changed. A handler that finds it odd or changed passes the
// slot by: it can't be the one it looks for, since a range is guarded for as long as anyone reads it.
struct BusErrorGuard::Slot {
  std::atomic<bool> taken;
  std::atomic<bool> damaged;
  std::atomic<uint32_t> version;
  std::atomic<uintptr_t> begin;  // 0: nothing is guarded
  std::atomic<uintptr_t> end;

  void Set(uintptr_t new_begin, uintptr_t new_end) {
    version.fetch_add(1);
    begin.store(new_begin);
    end.store(new_end);
    version.fetch_add(1);
  }
};

BusErrorGuard::Slot BusErrorGuard::table_[kMostGuards];

namespace {

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free &&
                  std::atomic<uintptr_t>::is_always_lock_free,
              "a signal's handler must not wait");

// Written once, before the handler is installed.
struct sigaction previous;
uintptr_t page_size;

// What would have happened without us.
void PassOn(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_IGN && info->si_code <= 0) {
    // Sent by someone, and ignored. One that the processor raised can't be: it would come again at once.
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    struct sigaction ends_process = {};
    ends_process.sa_handler = SIG_DFL;
    sigaction(SIGBUS, &ends_process, nullptr);
    raise(SIGBUS);  // comes as soon as this handler returns
  } else {
    previous.sa_handler(signal);
  }
}

// Past the interceptors of the sanitizers, which are not made for a signal's handler.
bool PutZeros(uintptr_t begin, uintptr_t end) {
  const long result = syscall(SYS_mmap, begin, end - begin, PROT_READ,
                              MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return result == static_cast<long>(begin);
}

}  // namespace

BusErrorGuard::BusErrorGuard(const void* data, size_t size) {
  [[maybe_unused]] static const bool kInstalled = (Install(), true);
  const auto begin = reinterpret_cast<uintptr_t>(data);
  for (Slot& slot : table_) {
    if (slot.taken.exchange(true)) continue;
    slot.damaged.store(false);
    slot.Set(begin, begin + (size + page_size - 1) / page_size * page_size);
    slot_ = &slot;
    return;
  }
}

BusErrorGuard::~BusErrorGuard() {
  if (slot_ == nullptr) return;
  slot_->Set(0, 0);
  slot_->taken.store(false);
}

bool BusErrorGuard::damaged() const {
#ifndef __SANITIZE_THREAD__                             // which knows no fences
  std::atomic_thread_fence(std::memory_order_acquire);  // after what the caller has read of the range
#endif
  return slot_ != nullptr && slot_->damaged.load(std::memory_order_acquire);
}

void BusErrorGuard::MarkDamaged() const {
  if (slot_ != nullptr) slot_->damaged.store(true);
}

void BusErrorGuard::Install() {
  page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  sigaction(SIGBUS, nullptr, &previous);
  struct sigaction ours = {};
  ours.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
    const int saved_errno = errno;
    if (info->si_code <= 0 || !Contain(reinterpret_cast<uintptr_t>(info->si_addr))) {
      PassOn(signal, info, context);
    }
    errno = saved_errno;
  };
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(SIGBUS, &ours, nullptr);
}

bool BusErrorGuard::Contain(uintptr_t address) {
  for (Slot& slot : table_) {
    const uint32_t version = slot.version.load();
    const uintptr_t begin = slot.begin.load();
    const uintptr_t end = slot.end.load();
    if (version % 2 != 0 || slot.version.load() != version) continue;
    if (begin == 0 || address < begin || address >= end) continue;
    slot.damaged.store(true);
    // All that follows, and not this page alone: where a file was cut off, every page behind is gone, and a
    // process may hold only so many mappings.
    return PutZeros(address / page_size * page_size, end);
  }
  return false;
}

}  // namespace adscore::model
