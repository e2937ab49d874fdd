// Any bytes at all, opened as a snapshot. A forger's checksums are made right first, so that what is behind
// them is reached; what the reader lets through must score its own golden rows without touching memory that
// is not its own.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/kernels/kernel_set.h"
#include "model/model.h"
#include "model/snapshot.h"
#include "tests/model/forger.h"

using namespace adscore::model;  // NOLINT(google-build-using-namespace): a program of its own

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[size - 1] % 4 != 0) testing::MakeChecksumsRight(&file);
  const int fd = memfd_create("snapshot", MFD_CLOEXEC);
  if (fd < 0 || write(fd, file.data(), file.size()) != static_cast<ssize_t>(file.size())) std::abort();
  const auto mapped = MappedSnapshot::Open("/proc/self/fd/" + std::to_string(fd));
  if (mapped.ok()) {
    for (const KernelSet* kernels : AvailableKernelSets(Precision::kF32)) {
      Model((*mapped)->snapshot(), *kernels).GoldenError();
    }
  }
  close(fd);
  return 0;
}
