// The files that a log is made of, and reading them one after another as if they were one.
//
// Thread-safe: constant once made. A SourceReader belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/table_reader.h"

namespace adscore::trainer {

inline constexpr float kMostWeight = 1000;

struct Source {
  std::string path;
  float weight = 1;  // what a row counts for, as a multiple of a plain one
};

class Sources {
 public:
  // One file of plain rows.
  Sources(std::string path) : list_{{std::move(path), 1}} {}  // NOLINT: a path is a log by itself
  // At least one.
  explicit Sources(std::vector<Source> list) : list_(std::move(list)) {}

  // Each is a path, or PATH@WEIGHT unless there is a file of that very name. InvalidArgument for a weight
  // that is not above 0 and at most kMostWeight, and for a file that is named twice.
  static absl::StatusOr<Sources> Parse(const std::vector<std::string>& flags);

  const std::vector<Source>& list() const { return list_; }
  bool weighted() const;  // some row counts for more or less than one
  // For people: "a.csv, b.csv@0.3".
  std::string ToString() const;

 private:
  std::vector<Source> list_;
};

// The rows of all files, in order, with the columns of the first: those of the others are found by name.
class SourceReader : public data::TableReader {
 public:
  // Opens the first file. All are looked at for size; errors of the others come when their turn does.
  static absl::StatusOr<std::unique_ptr<SourceReader>> Open(const Sources& sources, data::Format format);

  const std::vector<std::string>& columns() const override { return columns_; }
  // InvalidArgument too if a file has other columns than the first: the message names one.
  absl::StatusOr<bool> Next(std::vector<std::string_view>* cells) override;
  uint64_t line() const override { return table_->line(); }
  uint64_t bytes_read() const override { return bytes_before_ + table_->bytes_read(); }
  uint64_t bytes_total() const override { return bytes_total_; }

  // Where the last row came from.
  const Source& source() const { return sources_[at_]; }

 private:
  SourceReader(const Sources& sources, data::Format format) : sources_(sources.list()), format_(format) {}
  absl::Status OpenNext();

  const std::vector<Source> sources_;
  const data::Format format_;
  std::vector<std::string> columns_;  // of the first file
  size_t at_ = 0;                     // the file that is read
  std::unique_ptr<data::TableReader> table_;
  std::vector<size_t> places_;  // where it has each of `columns_`; empty: where the first has it
  std::vector<std::string_view> unordered_;
  uint64_t bytes_before_ = 0;  // of the files before it
  uint64_t bytes_total_ = 0;
};

}  // namespace adscore::trainer
