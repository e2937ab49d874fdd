// Any bytes at all, read as a log: the reader must end, keep its promises about rows, and touch no memory but
// its own. The first byte chooses the format.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "data/cell.h"
#include "data/record.h"
#include "data/table_reader.h"

namespace {

using namespace adscore::data;  // NOLINT(google-build-using-namespace): a program of its own

void Require(bool promise) {
  if (!promise) std::abort();
}

// A record without quotes splits at every delimiter, whatever the splitter's word size makes of it.
void CheckSplit(std::string_view text, char delimiter) {
  if (text.empty()) return;
  const Dialect dialect = {.delimiter = delimiter, .quotes = false};
  const RecordExtent extent = FindRecord(text, dialect);
  Require(extent.size < extent.consumed && extent.consumed <= text.size() + 1);
  std::string record(text.substr(0, extent.size));
  std::vector<std::string_view> cells;
  SplitRecord(record.data(), extent, dialect, &cells);
  std::string joined;
  for (const std::string_view cell : cells) {
    Require(cell.find(delimiter) == std::string_view::npos);
    joined.append(cell).push_back(delimiter);
  }
  joined.pop_back();
  Require(joined == record);
}

void CheckReader(std::string_view text, Format format) {
  // In memory, and yet a file with a path and a size.
  const int file = memfd_create("csv_fuzz", 0);
  Require(file >= 0);
  Require(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  auto reader = TableReader::Open("/proc/self/fd/" + std::to_string(file), format);
  if (reader.ok()) {
    const size_t columns = (*reader)->columns().size();
    Require(columns > 0);
    std::vector<std::string_view> cells;
    uint64_t line = 0;
    while (true) {
      const absl::StatusOr<bool> more = (*reader)->Next(&cells);
      if (!more.ok() || !*more) break;
      Require(cells.size() == columns);
      Require((*reader)->line() > line);
      line = (*reader)->line();
      for (const std::string_view cell : cells) {
        Require(!(IsMissingNumber(cell) && ParseNumber(cell)));
        Require(cell.empty() == (TokenHash(cell) == kMissingToken));
      }
    }
  }
  close(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  CheckSplit(text, ',');
  CheckReader(text, static_cast<Format>(bytes[0] % 3));
  return 0;
}
