// Rows of a log as impressions for a model: finds the schema's columns in the file and packs their cells.
//
// Not thread-safe: one thread per file.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/impression_builder.h"
#include "client/model_schema.h"
#include "data/table_reader.h"

namespace adscore::client {

class ImpressionFile {
 public:
  // `schema` must outlive it. Columns that the schema does not have are left alone. InvalidArgument if the
  // file lacks one of the schema's: the message lists those and what the file has. Otherwise the errors of
  // data::TableReader.
  static absl::StatusOr<std::unique_ptr<ImpressionFile>> Open(const std::string& path, data::Format format,
                                                              const ModelSchema& schema);

  // The next `candidates` rows as one impression: the context from the first of them, a candidate from each.
  // False if fewer rows are left.
  absl::StatusOr<bool> Next(size_t candidates, ImpressionBuilder* impression);

 private:
  struct Source {
    const Feature* feature;
    size_t column;  // of the file
  };

  explicit ImpressionFile(std::unique_ptr<data::TableReader> reader) : reader_(std::move(reader)) {}

  const std::unique_ptr<data::TableReader> reader_;
  std::vector<Source> sources_;
  std::vector<std::string_view> cells_;
};

}  // namespace adscore::client
