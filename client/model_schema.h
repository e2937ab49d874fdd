// What a caller must know about a model to pack impressions for it: its features in schema order, with their
// places in the packed columns, and its heads.
//
// Thread-safe: constant once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "adscore/v1/prediction_service.pb.h"
#include "data/date_time.h"

namespace adscore::client {

struct Feature {
  std::string name;
  v1::Feature::Kind kind;
  v1::Feature::Role role;
  char delimiter = 0;                  // multi-valued only: separates the values within one cell
  std::string column;                  // where files have it
  std::optional<data::DatePart> part;  // which part of that column's date or time it is
  size_t slot = 0;  // how many features of the same kind and role come before it: its place in PackedColumns
};

// How many features of each kind one role has.
struct RoleCounts {
  size_t numeric = 0;
  size_t categorical = 0;
  size_t multi = 0;

  bool empty() const { return numeric + categorical + multi == 0; }
};

class ModelSchema {
 public:
  // Unimplemented, naming the feature, if it has a kind or role that this client is too old for; Internal if
  // the answer contradicts itself.
  static absl::StatusOr<ModelSchema> FromModel(const v1::GetModelResponse& model);

  const std::string& model() const { return model_; }
  int64_t version() const { return version_; }  // the one that was asked when the schema was fetched
  uint64_t fingerprint() const { return fingerprint_; }
  const std::vector<Feature>& features() const { return features_; }  // schema order
  const std::vector<std::string>& heads() const { return heads_; }    // of `version`, in the order of answers
  const RoleCounts& counts(v1::Feature::Role role) const {
    return role == v1::Feature::ROLE_CONTEXT ? context_ : candidate_;
  }

  // The feature of that name, or nullptr.
  const Feature* Find(std::string_view name) const;

 private:
  ModelSchema() = default;

  std::string model_;
  int64_t version_ = 0;
  uint64_t fingerprint_ = 0;
  std::vector<Feature> features_;
  std::vector<std::string> heads_;
  RoleCounts context_;
  RoleCounts candidate_;
  std::unordered_map<std::string, size_t> position_;  // name → index in features_
};

}  // namespace adscore::client
