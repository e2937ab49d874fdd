// Any bytes at all, opened as a snapshot. A forger's checksums are made right first, so that what is behind
// them is reached; what the reader lets through must score its own golden rows without touching memory that
// is not its own.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "model/model.h"
#include "model/section_file.h"
#include "model/snapshot.h"
#include "xxhash.h"

namespace {

using namespace adscore::model;  // NOLINT(google-build-using-namespace): a program of its own

// Every checksum that lies inside of the file, from the sections outwards.
void MakeChecksumsRight(std::vector<uint8_t>* file) {
  if (file->size() < sizeof(FileHeader)) return;
  FileHeader header;
  std::memcpy(&header, file->data(), sizeof(header));
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.format_version = kFormatVersion;
  header.file_size = file->size();
  const size_t room = (file->size() - sizeof(header)) / sizeof(SectionEntry);
  const size_t count = std::min<size_t>(header.section_count, room);
  for (size_t i = 0; i < count; ++i) {
    uint8_t* at = file->data() + sizeof(header) + i * sizeof(SectionEntry);
    SectionEntry entry;
    std::memcpy(&entry, at, sizeof(entry));
    if (entry.offset <= file->size() && entry.size <= file->size() - entry.offset) {
      entry.checksum = XXH3_64bits(file->data() + entry.offset, entry.size);
    }
    std::memcpy(at, &entry, sizeof(entry));
  }
  header.table_checksum = XXH3_64bits(file->data() + sizeof(header), count * sizeof(SectionEntry));
  header.header_checksum = XXH3_64bits(&header, offsetof(FileHeader, header_checksum));
  std::memcpy(file->data(), &header, sizeof(header));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> file(data, data + size);
  if (!file.empty() && file.back() % 4 != 0) MakeChecksumsRight(&file);
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
