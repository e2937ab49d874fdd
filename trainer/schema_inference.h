// Infers a schema from the first rows of a log: what a careful person would write down on looking at it.
//
// Thread-safe: pure function over files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/sources.h"

namespace adscore::trainer {

// A cross that is asked for by name: "site:category".
struct NamedCross {
  model::CrossKind kind = model::CrossKind::kProduct;
  std::string features;
};

struct InferenceOptions {
  std::vector<model::Label> labels;  // left out of the features
  std::vector<std::string> ignore;   // left out too; InvalidArgument if a name is not in the file
  std::vector<std::string> context;  // get the role context; InvalidArgument if a name is not in the file
  // Ids of rows that are not looked at, ascending: those that the figures are measured on later.
  std::vector<uint32_t> held_out;
  bool in_time_order = true;     // the rows to come are after these
  size_t sample_rows = 100'000;  // looked at, at most
  // The same of rows that say which columns to cross, which takes more of them; fewer if there are many
  // columns.
  size_t crossed_rows = 500'000;

  size_t MostRows() const { return sample_rows > crossed_rows ? sample_rows : crossed_rows; }

  // InvalidArgument if a cross is of something that is no feature, or can't be.
  std::vector<NamedCross> crosses{};
};

struct InferredSchema {
  model::Schema schema;
  // One line per decision that a person would want to know: columns left out and why (constant, all missing,
  // an id that is different in every row, a true probability written by `generate`), transforms chosen,
  // columns that are matched because they share values, or crossed because they say more together.
  std::vector<std::string> notices;
};

absl::StatusOr<InferredSchema> InferSchema(const Sources& sources, data::Format format,
                                           const InferenceOptions& options);

}  // namespace adscore::trainer
