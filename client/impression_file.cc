#include "client/impression_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace adscore::client {

absl::StatusOr<std::unique_ptr<ImpressionFile>> ImpressionFile::Open(const std::string& path,
                                                                     data::Format format,
                                                                     const ModelSchema& schema) {
  absl::StatusOr<std::unique_ptr<data::TableReader>> reader = data::TableReader::Open(path, format);
  if (!reader.ok()) return reader.status();
  const std::vector<std::string>& columns = (*reader)->columns();
  std::unique_ptr<ImpressionFile> file(new ImpressionFile(*std::move(reader)));
  std::vector<std::string> missing;
  for (const Feature& feature : schema.features()) {
    const auto column = std::find(columns.begin(), columns.end(), feature.column);
    if (column == columns.end()) {
      missing.push_back(feature.column);
    } else {
      file->sources_.push_back(
          {.feature = &feature, .column = static_cast<size_t>(column - columns.begin())});
    }
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " lacks columns of model '", schema.model(),
                                                   "': ", absl::StrJoin(missing, ", "),
                                                   "; it has: ", absl::StrJoin(columns, ", ")));
  }
  return file;
}

absl::StatusOr<bool> ImpressionFile::Next(size_t candidates, ImpressionBuilder* impression) {
  impression->Reset(candidates);
  for (size_t candidate = 0; candidate < candidates; ++candidate) {
    const absl::StatusOr<bool> more = reader_->Next(&cells_);
    if (!more.ok() || !*more) return more;
    for (const Source& source : sources_) {
      const bool context = source.feature->role == v1::Feature::ROLE_CONTEXT;
      if (context && candidate > 0) continue;
      const std::string_view cell = cells_[source.column];
      impression->Set(*source.feature, candidate,
                      source.feature->part ? data::DatePartToken(cell, *source.feature->part) : cell);
    }
  }
  return true;
}

}  // namespace adscore::client
