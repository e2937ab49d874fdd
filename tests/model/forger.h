// The bytes of a snapshot file in the hands of someone who knows the format: for tests of what is behind the
// checksums.
//
// Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "model/aligned.h"
#include "model/section_file.h"
#include "xxhash.h"

namespace adscore::model::testing {

inline FileHeader HeaderOf(const std::string& file) {
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  return header;
}

inline SectionEntry EntryOf(const std::string& file, size_t i) {
  SectionEntry entry;
  std::memcpy(&entry, file.data() + sizeof(FileHeader) + i * sizeof(SectionEntry), sizeof(entry));
  return entry;
}

inline void PutEntry(size_t i, const SectionEntry& entry, std::string* file) {
  std::memcpy(file->data() + sizeof(FileHeader) + i * sizeof(SectionEntry), &entry, sizeof(entry));
}

// Magic, version, size and every checksum that lies inside of the file, from the sections outwards.
inline void MakeChecksumsRight(std::string* file) {
  if (file->size() < sizeof(FileHeader)) return;
  FileHeader header = HeaderOf(*file);
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.format_version = kFormatVersion;
  header.file_size = file->size();
  const size_t room = (file->size() - sizeof(header)) / sizeof(SectionEntry);
  const size_t count = std::min<size_t>(header.section_count, room);
  for (size_t i = 0; i < count; ++i) {
    SectionEntry entry = EntryOf(*file, i);
    if (entry.offset <= file->size() && entry.size <= file->size() - entry.offset) {
      entry.checksum = XXH3_64bits(file->data() + entry.offset, entry.size);
    }
    PutEntry(i, entry, file);
  }
  header.table_checksum = XXH3_64bits(file->data() + sizeof(header), count * sizeof(SectionEntry));
  header.header_checksum = XXH3_64bits(&header, offsetof(FileHeader, header_checksum));
  std::memcpy(file->data(), &header, sizeof(header));
}

struct NamedBytes {
  std::string name;
  std::string bytes;
};

inline std::vector<NamedBytes> Sections(const std::string& file) {
  std::vector<NamedBytes> sections(HeaderOf(file).section_count);
  for (size_t i = 0; i < sections.size(); ++i) {
    const SectionEntry entry = EntryOf(file, i);
    sections[i] = {entry.name, file.substr(entry.offset, entry.size)};
  }
  return sections;
}

// A file of these sections, right in every checksum.
inline std::string Assemble(const std::vector<NamedBytes>& sections) {
  FileHeader header = {};
  header.section_count = static_cast<uint32_t>(sections.size());
  std::string file(sizeof(header) + sections.size() * sizeof(SectionEntry), '\0');
  std::memcpy(file.data(), &header, sizeof(header));
  for (size_t i = 0; i < sections.size(); ++i) {
    SectionEntry entry = {};
    sections[i].name.copy(entry.name, sizeof(entry.name) - 1);
    file.resize((file.size() + kAlignment - 1) / kAlignment * kAlignment);
    entry.offset = file.size();
    entry.size = sections[i].bytes.size();
    file += sections[i].bytes;
    PutEntry(i, entry, &file);
  }
  MakeChecksumsRight(&file);
  return file;
}

}  // namespace adscore::model::testing
