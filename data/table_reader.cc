#include "data/table_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "data/byte_source.h"
#include "data/cell.h"
#include "data/record.h"
#include "data/sniff.h"
#include "data/utf8.h"

namespace adscore::data {
namespace {

constexpr size_t kBufferBytes = 256 << 10;        // stays in the second-level cache
constexpr size_t kLargestRecordBytes = 16 << 20;  // beyond it, a quote that is never closed
constexpr size_t kSampleBytes = 64 << 10;         // looked at to find out the layout
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::vector<std::string> CriteoColumns(bool labelled) {
  std::vector<std::string> columns;
  if (labelled) columns.emplace_back("label");
  for (size_t i = 1; i <= kCriteoIntegers; ++i) columns.push_back(absl::StrCat("I", i));
  for (size_t i = 1; i <= kCriteoFeatures - kCriteoIntegers; ++i) columns.push_back(absl::StrCat("C", i));
  return columns;
}

class DelimitedReader : public TableReader {
 public:
  DelimitedReader(std::string path, std::unique_ptr<ByteSource> source)
      : path_(std::move(path)), source_(std::move(source)), buffer_(kBufferBytes) {}

  // Must be called once, before anything else.
  absl::Status Init(Format format) {
    while (end_ < kSampleBytes && !at_end_) {
      if (absl::Status filled = Fill(); !filled.ok()) return filled;
    }
    if (end_ == 0) return absl::InvalidArgumentError(absl::StrCat(path_, " is empty"));
    if (absl::Status text = CheckText(Rest()); !text.ok()) {
      return absl::Status(text.code(), absl::StrCat(path_, " ", text.message()));
    }
    if (Rest().starts_with(kByteOrderMark)) begin_ += kByteOrderMark.size();

    const std::string_view line = FirstLine();
    if (format == Format::kCriteo || (format == Format::kAuto && LooksLikeCriteo(line)))
      return InitCriteo(line);
    return ReadHeader();
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  uint64_t line() const override { return line_; }
  uint64_t bytes_read() const override { return source_->bytes_read(); }
  uint64_t bytes_total() const override { return source_->bytes_total(); }

  absl::StatusOr<bool> Next(std::vector<std::string_view>* cells) override {
    absl::StatusOr<bool> more = NextRecord(cells);
    if (!more.ok() || !*more) return more;
    if (cells->size() == columns_.size()) return true;
    if (trailing_delimiter_ && cells->size() == columns_.size() + 1 && cells->back().empty()) {
      cells->pop_back();
      return true;
    }
    return Error(absl::StrCat("this row has ", cells->size(), cells->size() == 1 ? " cell" : " cells",
                              " where ", columns_.size(), " are expected",
                              dialect_.quotes ? " (a delimiter within a cell must be inside quotes)" : ""));
  }

 private:
  std::string_view Rest() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Of the sample, without its line end, blank lines skipped; for guessing only.
  std::string_view FirstLine() const {
    std::string_view rest = Rest();
    rest.remove_prefix(std::min(rest.find_first_not_of("\r\n"), rest.size()));
    return rest.substr(0, rest.find_first_of("\r\n"));
  }

  absl::Status InitCriteo(std::string_view line) {
    dialect_ = {.delimiter = '\t', .quotes = false};
    const size_t cells = static_cast<size_t>(std::count(line.begin(), line.end(), '\t')) + 1;
    if (cells != kCriteoColumns && cells != kCriteoFeatures) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, " is not in the Criteo format: its first line has ", cells, " tab-separated ",
                       cells == 1 ? "cell" : "cells", ", not ", kCriteoColumns, " (the label first) or ",
                       kCriteoFeatures, " (no label); a file with a header is read as csv"));
    }
    columns_ = CriteoColumns(cells == kCriteoColumns);
    return absl::OkStatus();
  }

  absl::Status ReadHeader() {
    dialect_ = {.delimiter =
                    SniffDelimiter(Rest().substr(0, kSampleBytes), at_end_ && Rest().size() <= kSampleBytes)};
    trailing_delimiter_ = true;
    std::vector<std::string_view> cells;
    absl::StatusOr<bool> more = NextRecord(&cells);
    if (!more.ok()) return more.status();
    if (!*more) return absl::InvalidArgumentError(absl::StrCat(path_, " holds nothing but blank lines"));
    if (cells.size() > 1 && cells.back().empty()) cells.pop_back();

    absl::flat_hash_set<std::string_view> seen;
    for (std::string_view cell : cells) {
      const std::string_view name = Trim(cell);
      if (name.empty()) {
        return Error(absl::StrCat("column ", columns_.size() + 1,
                                  " has no name in the header; name it (pandas: to_csv(index=False))"));
      }
      if (name.find('\r') != std::string_view::npos) {
        return Error("the lines end with a bare carriage return; save the file with \\n or \\r\\n line ends");
      }
      if (!IsUtf8(name)) {
        return Error(absl::StrCat("the name of column ", columns_.size() + 1, ", '",
                                  absl::CHexEscape(std::string(name)),
                                  "', is not UTF-8; save the file as UTF-8"));
      }
      if (!seen.insert(name).second) {
        return Error(absl::StrCat("two columns are named '", std::string(name), "'; rename one of them"));
      }
      columns_.emplace_back(name);
    }
    return absl::OkStatus();
  }

  // Reads the next record that is not blank, whatever its number of cells; false at the end.
  absl::StatusOr<bool> NextRecord(std::vector<std::string_view>* cells) {
    while (true) {
      const std::string_view rest = Rest();
      const RecordExtent extent = rest.empty() ? RecordExtent{.consumed = 1} : FindRecord(rest, dialect_);
      if (extent.consumed > rest.size() && !at_end_) {
        if (absl::Status filled = Fill(); !filled.ok()) return filled;
        continue;  // with more text in sight, from the record's start
      }
      if (rest.empty()) return false;
      line_ = next_line_;
      next_line_ += extent.lines;
      if (extent.open) return Error("a quote opens in this row and is never closed");
      char* const record = buffer_.data() + begin_;
      begin_ = std::min(begin_ + extent.consumed, end_);
      const std::string_view text(record, extent.size);
      if (text.find_first_not_of(' ') == std::string_view::npos) continue;
      if (text.find('\0') != std::string_view::npos)
        return Error("this row holds a NUL byte; the file is not text");
      SplitRecord(record, extent, dialect_, cells);
      return true;
    }
  }

  // Reads more behind what is left of the buffer, which moves to its front and grows if one record fills it.
  absl::Status Fill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == buffer_.size()) {
      if (buffer_.size() >= kLargestRecordBytes) {
        line_ = next_line_;
        return Error(absl::StrCat("this row is longer than ", kLargestRecordBytes >> 20,
                                  " MiB; is a quote in it never closed?"));
      }
      buffer_.resize(buffer_.size() * 2);
    }
    absl::StatusOr<size_t> got = source_->Read(buffer_.data() + end_, buffer_.size() - end_);
    if (!got.ok()) return got.status();
    end_ += *got;
    at_end_ = *got == 0;
    return absl::OkStatus();
  }

  // About the row that starts on line_.
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ":", line_, ": ", what));
  }

  const std::string path_;
  const std::unique_ptr<ByteSource> source_;

  // Constant after Init().
  std::vector<std::string> columns_;
  Dialect dialect_;
  bool trailing_delimiter_ = false;  // a row may end with a delimiter that no column stands for

  std::vector<char> buffer_;  // [begin_, end_) is read and not yet given out
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;  // the source has no more

  uint64_t line_ = 0;
  uint64_t next_line_ = 1;
};

}  // namespace

absl::StatusOr<Format> ParseFormat(std::string_view name) {
  if (name == "auto") return Format::kAuto;
  if (name == "csv") return Format::kCsv;
  if (name == "criteo") return Format::kCriteo;
  return absl::InvalidArgumentError(
      absl::StrCat("format '", std::string(name), "' is not one of auto, csv, criteo"));
}

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(const std::string& path, Format format) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
  if (!source.ok()) return source.status();
  auto reader = std::make_unique<DelimitedReader>(path, *std::move(source));
  if (absl::Status initialised = reader->Init(format); !initialised.ok()) return initialised;
  return std::unique_ptr<TableReader>(std::move(reader));
}

}  // namespace adscore::data
