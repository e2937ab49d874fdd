// The flags that say what is in a log: shared by the commands that read one without a snapshot.
//
// Not thread-safe: filled while the command line is parsed, constant afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "data/table_reader.h"
#include "model/snapshot.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {

struct SchemaFlags {
  std::string label;
  std::string format = "auto";
  std::vector<std::string> ignore;
  std::vector<std::string> context;
  std::vector<std::string> cross;
  std::vector<std::string> match;

  // What the flags mean; the checks of AddSchemaFlags have passed.
  data::Format Format() const;
  std::vector<model::Label> Labels() const;
  InferenceOptions Inference() const;
};

// Adds --label, --format, --ignore, --context, --cross and --match to `command`, with their checks.
void AddSchemaFlags(CLI::App* command, SchemaFlags* flags);

// Adds --format alone.
CLI::Option* AddFormatFlag(CLI::App* command, std::string* format);

}  // namespace adscore::trainer
