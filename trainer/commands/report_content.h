// Gathers what a report says about a model's rows, and writes the page: shared by `fit` and `evaluate`.
//
// Not thread-safe: functions over the caller's objects.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/model.h"
#include "trainer/output_file.h"
#include "trainer/report/page.h"
#include "trainer/sources.h"

namespace adscore::trainer {

// Where the report goes; null if `path` is empty. Opened before the work, so that a path that can't be
// written to is said at once. InvalidArgument if it is one of the log's files.
absl::StatusOr<std::unique_ptr<OutputFile>> OpenReport(const std::string& path, const Sources& sources);

// The rows that a report is about: those of a log, or some of them.
struct ReportedRows {
  const model::Model& model;
  const Dataset& data;
  std::vector<uint32_t> rows;
  const std::vector<float>& probabilities;  // [rows][heads]
  Sources sources;
  data::Format format = data::Format::kAuto;
  size_t threads = 1;
};

// Fills in the schema, the heads and all that is measured on the rows but `figures`; also `slices`, by a few
// features that matter and have few values, unless there are some already.
absl::Status Measure(const ReportedRows& rows, report::Content* content);

// What a snapshot says about where it came from.
std::vector<std::pair<std::string, std::string>> ProvenanceOf(const model::Snapshot& snapshot);

absl::Status WriteReport(const report::Content& content, OutputFile* file);

}  // namespace adscore::trainer
