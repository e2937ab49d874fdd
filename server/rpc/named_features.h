// Packs named features, by the rules that the text of a log's cells follows (data/cell.h), so that a value
// typed by a person scores like the same value in a log.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/struct.pb.h"
#include "model/raw_columns.h"
#include "model/schema.h"

namespace adscore::server {

// A value is a number or its text for numeric features; a string or a whole number for categorical ones; a
// list of those, or one string with delimiters, for multi-valued ones. null, or a feature that is not there,
// is missing. InvalidArgument, naming the feature and what was expected, for anything else and for names that
// the schema does not have in this role.
absl::Status PackContext(const model::Schema& schema, const google::protobuf::Struct& features,
                         model::RawStorage* packed);

// The same for `rows` candidates: every feature is a list of that many values. The message names the
// candidate too.
absl::Status PackCandidates(const model::Schema& schema, const google::protobuf::Struct& features,
                            size_t rows, model::RawStorage* packed);

}  // namespace adscore::server
