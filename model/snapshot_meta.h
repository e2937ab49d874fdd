// The "meta" section of a snapshot: everything small, as JSON. The arrays are in sections of their own, named
// here.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "model/snapshot.h"

namespace adscore::model {

inline constexpr char kMetaSection[] = "meta";
inline std::string FeatureSection(size_t feature, const char* part) {
  return absl::StrCat("feature/", feature, "/", part);  // part: keys, ids, embedding, statistics
}
inline std::string LayerSection(size_t layer, const char* part) {
  return absl::StrCat("layer/", layer, "/", part);  // part: weights, bias
}
inline std::string GoldenSection(FeatureRole role, const char* part) {
  return absl::StrCat("golden/", ToString(role), "/",
                      part);  // part: numeric, categorical, multi_count, multi
}
inline constexpr char kGoldenProbabilities[] = "golden/probabilities";

std::string MetaToJson(const Snapshot& snapshot);

// A snapshot whose spans are still empty, with their counts (rows, dim, inputs, outputs) filled in.
// InvalidArgument saying which key is missing or of the wrong type.
absl::StatusOr<Snapshot> MetaFromJson(std::string_view json);

}  // namespace adscore::model
