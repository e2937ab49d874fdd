#include "model/section_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/aligned.h"
#include "xxhash.h"

namespace adscore::model {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is mapped as it lies");

uint64_t Checksum(const void* data, size_t size) { return XXH3_64bits(data, size); }

uint64_t Align(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat("damaged or truncated: ", what, "; publish it again"));
}

}  // namespace

absl::Status SectionWriter::Write(const std::string& path, const SystemCalls& calls) const {
  std::vector<SectionEntry> table(sections_.size());
  uint64_t end = sizeof(FileHeader) + table.size() * sizeof(SectionEntry);
  for (size_t i = 0; i < table.size(); ++i) {
    const Section& section = sections_[i];
    SectionEntry& entry = table[i];
    std::memset(&entry, 0, sizeof(entry));
    if (section.name.empty() || section.name.size() >= sizeof(entry.name)) {
      return absl::InvalidArgumentError(absl::StrCat("section name '", section.name, "' does not fit"));
    }
    section.name.copy(entry.name, section.name.size());
    entry.offset = Align(end);
    entry.size = section.bytes.size();
    entry.checksum = Checksum(section.bytes.data(), section.bytes.size());
    end = entry.offset + entry.size;
  }
  FileHeader header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.format_version = format_version_;
  header.section_count = static_cast<uint32_t>(table.size());
  header.file_size = end;
  header.table_checksum = Checksum(table.data(), table.size() * sizeof(SectionEntry));
  header.header_checksum = Checksum(&header, offsetof(FileHeader, header_checksum));

  const FileDescriptor file(calls.Open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) return SystemError(errno, absl::StrCat("can't create ", path));
  const auto write = [&](const void* data, size_t size) {
    return WriteAll(calls, file.get(), data, size, path);
  };
  absl::Status status = write(&header, sizeof(header));
  if (status.ok()) status = write(table.data(), table.size() * sizeof(SectionEntry));
  uint64_t at = sizeof(FileHeader) + table.size() * sizeof(SectionEntry);
  for (size_t i = 0; i < table.size() && status.ok(); ++i) {
    static constexpr std::byte kZeros[kAlignment] = {};
    status = write(kZeros, table[i].offset - at);
    if (status.ok()) status = write(sections_[i].bytes.data(), sections_[i].bytes.size());
    at = table[i].offset + table[i].size;
  }
  if (status.ok() && calls.Sync(file.get()) != 0) {
    status = SystemError(errno, absl::StrCat("can't sync ", path));
  }
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::StatusOr<std::unique_ptr<const SectionFile>> SectionFile::Open(const std::string& path,
                                                                     const SystemCalls& calls) {
  absl::StatusOr<std::unique_ptr<const MappedFile>> mapped = MappedFile::Open(path, calls);
  if (!mapped.ok()) return mapped.status();
  if ((*mapped)->bytes().size() < sizeof(FileHeader)) {
    return Damaged(absl::StrCat(path, " has ", (*mapped)->bytes().size(), " bytes"));
  }
  std::unique_ptr<SectionFile> sections(new SectionFile(*std::move(mapped)));
  const absl::Status status = sections->Verify();
  // First: what was found in a file that changed meanwhile says nothing about either state of it.
  const absl::Status unchanged = sections->file().CheckUnchanged();
  if (!unchanged.ok()) return unchanged;
  if (!status.ok()) return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  return sections;
}

absl::Status SectionFile::Verify() {
  FileHeader header;
  std::memcpy(&header, data_, sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return absl::InvalidArgumentError("not an adscore snapshot");
  }
  if (header.header_checksum != Checksum(&header, offsetof(FileHeader, header_checksum))) {
    return Damaged("the header's checksum is wrong");
  }
  if (header.format_version > kFormatVersion) {
    return absl::UnimplementedError(absl::StrCat("snapshot format ", header.format_version,
                                                 ", but this build reads ", kFormatVersion,
                                                 " at most; upgrade the server"));
  }
  if (header.format_version < kFirstFormatVersion) {
    return absl::UnimplementedError(absl::StrCat("snapshot format ", header.format_version,
                                                 " is no longer read; publish the model again"));
  }
  format_version_ = header.format_version;
  if (header.file_size != size_) {
    return Damaged(absl::StrCat("the header says ", header.file_size, " bytes, the file has ", size_));
  }
  if (header.section_count == 0 ||
      header.section_count > (size_ - sizeof(FileHeader)) / sizeof(SectionEntry)) {
    return Damaged("the section table does not fit");
  }
  table_.resize(header.section_count);
  const size_t table_bytes = table_.size() * sizeof(SectionEntry);
  std::memcpy(table_.data(), data_ + sizeof(FileHeader), table_bytes);
  if (header.table_checksum != Checksum(table_.data(), table_bytes)) {
    return Damaged("the section table's checksum is wrong");
  }
  uint64_t end = sizeof(FileHeader) + table_bytes;
  for (size_t i = 0; i < table_.size(); ++i) {
    const SectionEntry& entry = table_[i];
    if (entry.name[sizeof(entry.name) - 1] != '\0') return Damaged("a section's name does not end");
    const std::string name = entry.name;
    if (entry.offset % kAlignment != 0 || entry.offset < end || entry.offset > size_ ||
        entry.size > size_ - entry.offset) {
      return Damaged(absl::StrCat("section ", name, " lies outside of its place"));
    }
    if (!by_name_.emplace(name, i).second) return Damaged(absl::StrCat("section ", name, " is there twice"));
    if (entry.checksum != Checksum(data_ + entry.offset, entry.size)) {
      return Damaged(absl::StrCat("section ", name, "'s checksum is wrong"));
    }
    end = entry.offset + entry.size;
  }
  if (end != size_) return Damaged("bytes after the last section");
  return absl::OkStatus();
}

absl::StatusOr<std::span<const std::byte>> SectionFile::Bytes(std::string_view name, size_t unit) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end())
    return absl::DataLossError(absl::StrCat("section ", std::string(name), " is missing"));
  const SectionEntry& entry = table_[found->second];
  if (entry.size % unit != 0) {
    return absl::DataLossError(
        absl::StrCat("section ", std::string(name), " has ", entry.size, " bytes, no multiple of ", unit));
  }
  return std::span(data_ + entry.offset, entry.size);
}

}  // namespace adscore::model
