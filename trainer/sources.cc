#include "trainer/sources.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "trainer/columns.h"

namespace adscore::trainer {
namespace {

absl::StatusOr<Source> ParseSource(const std::string& text) {
  std::error_code not_there;
  const size_t at = text.rfind('@');
  float weight = 1;
  // A file's name may well end like that.
  if (at == std::string::npos || std::filesystem::exists(text, not_there) ||
      !absl::SimpleAtof(text.substr(at + 1), &weight)) {
    return Source{text, 1};
  }
  if (!(weight > 0 && weight <= kMostWeight)) {
    return absl::InvalidArgumentError(absl::StrCat("--data ", text, ": the weight '", text.substr(at + 1),
                                                   "' must be above 0 and at most ", kMostWeight));
  }
  return Source{text.substr(0, at), weight};
}

}  // namespace

absl::StatusOr<Sources> Sources::Parse(const std::vector<std::string>& flags) {
  std::vector<Source> list;
  for (const std::string& flag : flags) {
    absl::StatusOr<Source> source = ParseSource(flag);
    if (!source.ok()) return source.status();
    for (const Source& other : list) {
      std::error_code not_there;
      if (other.path == source->path || std::filesystem::equivalent(other.path, source->path, not_there)) {
        return absl::InvalidArgumentError(absl::StrCat("--data names ", source->path,
                                                       " twice: rows that count for more have a weight, "
                                                       "such as ",
                                                       source->path, "@2"));
      }
    }
    list.push_back(*std::move(source));
  }
  return Sources(std::move(list));
}

bool Sources::weighted() const {
  return std::any_of(list_.begin(), list_.end(), [](const Source& source) { return source.weight != 1; });
}

std::string Sources::ToString() const {
  return absl::StrJoin(list_, ", ", [](std::string* out, const Source& source) {
    absl::StrAppend(out, source.path);
    if (source.weight != 1) absl::StrAppend(out, "@", source.weight);
  });
}

absl::StatusOr<std::unique_ptr<SourceReader>> SourceReader::Open(const Sources& sources,
                                                                 data::Format format) {
  std::unique_ptr<SourceReader> reader(new SourceReader(sources, format));
  if (absl::Status opened = reader->OpenNext(); !opened.ok()) return opened;
  reader->bytes_total_ = reader->table_->bytes_total();
  for (size_t i = 1; i < sources.list().size(); ++i) {
    std::error_code not_there;  // which is said when it is opened
    const auto bytes = std::filesystem::file_size(sources.list()[i].path, not_there);
    if (!not_there) reader->bytes_total_ += bytes;
  }
  return reader;
}

absl::Status SourceReader::OpenNext() {
  const std::string& path = sources_[at_].path;
  absl::StatusOr<std::unique_ptr<data::TableReader>> table = data::TableReader::Open(path, format_);
  if (!table.ok()) return table.status();
  const std::vector<std::string>& names = (*table)->columns();
  places_.clear();
  if (at_ == 0) {
    columns_ = names;
  } else if (names != columns_) {
    for (const std::string& column : columns_) {
      const std::optional<size_t> place = FindColumn(names, column);
      if (!place) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, " has no column '", column, "', which ", sources_[0].path,
            " has: files that are read together must have the same columns, in any order; its columns are ",
            absl::StrJoin(names, ", ")));
      }
      places_.push_back(*place);
    }
    for (const std::string& name : names) {
      if (!FindColumn(columns_, name)) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, " has a column '", name, "' that ", sources_[0].path,
            " does not have: files that are read together must have the same columns, in any order"));
      }
    }
  }
  table_ = *std::move(table);
  return absl::OkStatus();
}

absl::StatusOr<bool> SourceReader::Next(std::vector<std::string_view>* cells) {
  while (true) {
    std::vector<std::string_view>* to = places_.empty() ? cells : &unordered_;
    absl::StatusOr<bool> more = table_->Next(to);
    if (!more.ok()) return more.status();
    if (*more) {
      if (places_.empty()) return true;
      cells->clear();
      for (const size_t place : places_) cells->push_back(unordered_[place]);
      return true;
    }
    if (at_ + 1 == sources_.size()) return false;
    bytes_before_ += table_->bytes_total();
    ++at_;
    if (absl::Status opened = OpenNext(); !opened.ok()) return opened;
  }
}

}  // namespace adscore::trainer
