// The container of a snapshot: named, checksummed, 64-byte-aligned sections in one file. Knows nothing of
// what is in them. docs/snapshot_format.md has the bytes; all integers are little-endian.
//
// Thread-safe: a mapping is constant once opened; a writer belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/mapped_file.h"
#include "model/system_calls.h"

namespace adscore::model {

// The newest that is read, and the oldest. A file has the oldest one that says all there is in it, so that
// readers which are older than what it does without can read it.
inline constexpr uint32_t kFormatVersion = 2;
inline constexpr uint32_t kFirstFormatVersion = 1;
inline constexpr uint32_t kChainsFormatVersion = 2;  // heads that follow others: Head::after

// The header, at offset 0. The section table follows it at once.
struct FileHeader {
  char magic[8];            // kMagic
  uint32_t format_version;  // kFirstFormatVersion to kFormatVersion
  uint32_t section_count;
  uint64_t file_size;        // bytes of the whole file
  uint64_t table_checksum;   // XXH3-64 of the section table
  uint64_t reserved[3];      // 0
  uint64_t header_checksum;  // XXH3-64 of the 56 bytes before
};
static_assert(sizeof(FileHeader) == 64);
inline constexpr char kMagic[8] = {'\x89', 'A', 'D', 'S', 'C', 'O', 'R', 'E'};

// One entry of the section table. Sections lie in the order of the table and do not overlap.
struct SectionEntry {
  char name[40];      // padded with NUL, at least one
  uint64_t offset;    // from the start of the file, a multiple of 64
  uint64_t size;      // bytes
  uint64_t checksum;  // XXH3-64 of these bytes
};
static_assert(sizeof(SectionEntry) == 64);

// Sections to be written: names, and views of bytes that the caller keeps.
class SectionWriter {
 public:
  explicit SectionWriter(uint32_t format_version = kFirstFormatVersion) : format_version_(format_version) {}

  template <typename T>
  void Add(std::string name, std::span<const T> values) {
    sections_.push_back({std::move(name), std::as_bytes(values)});
  }

  // Creates `path`, writes everything and syncs it. AlreadyExists if the file is there; ResourceExhausted if
  // the disk is full; on failure the file is removed.
  absl::Status Write(const std::string& path, const SystemCalls& calls = SystemCalls::Default()) const;

 private:
  struct Section {
    std::string name;
    std::span<const std::byte> bytes;
  };
  const uint32_t format_version_;
  std::vector<Section> sections_;
};

// A file mapped for reading, whose header, table and checksums have been verified.
class SectionFile {
 public:
  SectionFile(const SectionFile&) = delete;
  SectionFile& operator=(const SectionFile&) = delete;

  // See MappedSnapshot::Open for the errors.
  static absl::StatusOr<std::unique_ptr<const SectionFile>> Open(
      const std::string& path, const SystemCalls& calls = SystemCalls::Default());

  const MappedFile& file() const { return *file_; }
  uint32_t format_version() const { return format_version_; }
  const std::vector<SectionEntry>& table() const { return table_; }

  // The section as values of T, valid as long as this object. DataLoss if it is not there or its size is no
  // multiple of a T's.
  template <typename T>
  absl::StatusOr<std::span<const T>> Get(std::string_view name) const {
    absl::StatusOr<std::span<const std::byte>> bytes = Bytes(name, sizeof(T));
    if (!bytes.ok()) return bytes.status();
    return std::span<const T>(reinterpret_cast<const T*>(bytes->data()), bytes->size() / sizeof(T));
  }

 private:
  explicit SectionFile(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)), data_(file_->bytes().data()), size_(file_->bytes().size()) {}
  absl::Status Verify();
  absl::StatusOr<std::span<const std::byte>> Bytes(std::string_view name, size_t unit) const;

  const std::unique_ptr<const MappedFile> file_;
  const std::byte* const data_;
  const size_t size_;
  uint32_t format_version_ = 0;
  std::vector<SectionEntry> table_;
  std::map<std::string, size_t, std::less<>> by_name_;  // index into table_
};

}  // namespace adscore::model
