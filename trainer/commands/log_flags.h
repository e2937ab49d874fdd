// The log that a model is fitted to: the flags that `fit` and `tune` share about it, and reading it.
//
// Not thread-safe: flags are filled while the command line is parsed, and constant afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/commands/schema_flags.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/progress_line.h"
#include "trainer/sources.h"

namespace adscore::trainer {

// Which labels are old enough to be believed (label_window.h): `fit`, `tune` and `evaluate` share them.
struct LabelWindowFlags {
  std::string time;  // a column; empty: all labels are
  std::string window;
  std::string until;

  // Leaves the young rows of `data`, read with its times, out; a line about each head that has a window.
  absl::StatusOr<std::vector<std::string>> Apply(const std::vector<model::Label>& labels,
                                                 Dataset* data) const;
};

// Adds the flags to `command`; `flags` must live as long as it.
void AddLabelWindowFlags(CLI::App* command, LabelWindowFlags* flags);

struct LogFlags {
  std::vector<std::string> data;  // see Sources::Parse
  SchemaFlags columns;
  std::string schema;
  double validation = 0.1;
  std::string split = "tail";
  size_t memory = 1024;  // MiB
  std::string cache_dir;
  LabelWindowFlags windows;

  // Sets what the flags say about labels, split and memory.
  void SetOptions(FitOptions* options) const;
};

// Adds the flags to `command`; `flags` must live as long as it.
void AddLogFlags(CLI::App* command, LogFlags* flags);

struct Log {
  Sources sources;
  Dataset data;
  std::vector<std::string> notices;  // one line each; they have been said on standard error
};

// Reads the log of those sources, with `schema`, or if that is null the one that was given or is inferred.
// `options` are those of the fit. Errors that a person can do something about: a column or label that is
// missing, a file that changes while it is read.
absl::StatusOr<Log> ReadLog(const LogFlags& flags, const Sources& sources, const FitOptions& options,
                            const model::Schema* schema, ProgressLine* line);

}  // namespace adscore::trainer
