// Packs the features of one impression, given by name, into the columns that travel: the context once, the
// candidates column by column.
//
// Not thread-safe: one thread per builder. A builder keeps its memory from one impression to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "adscore/v1/prediction_service.pb.h"
#include "client/model_schema.h"

namespace adscore::client {

class ImpressionBuilder {
 public:
  // `schema` must outlive the builder. Starts with an impression of one candidate.
  explicit ImpressionBuilder(const ModelSchema& schema);

  // A new impression with N candidates, all of whose features are missing until they are set.
  void Reset(size_t candidates);

  // The text of a value, by the rules of data/cell.h: a number for numeric features (what is not one is
  // missing), a token for categorical ones, tokens between delimiters for multi-valued ones. Empty = missing.
  // What is wrong (no such feature, the other role, no such candidate) is remembered; see status().
  void SetContext(std::string_view feature, std::string_view cell);
  void SetCandidate(std::string_view feature, size_t candidate, std::string_view cell);

  // The same for a number that is one already. Numeric features only; NaN and infinity are missing.
  void SetContext(std::string_view feature, double number);
  void SetCandidate(std::string_view feature, size_t candidate, double number);

  // Without looking up the name: `feature` is one of the schema's, `row` a candidate, or 0 for a context
  // feature.
  void Set(const Feature& feature, size_t row, std::string_view cell);

  // What a canary's share of the traffic goes by: the user, as a rule. Empty: the stable version answers.
  void SetKey(std::string_view key) { key_ = key; }

  size_t candidates() const { return candidates_; }

  // The first thing that was wrong since Reset: InvalidArgument, naming the feature and what there is.
  const absl::Status& status() const { return status_; }

  // Writes the impression into `request`: features, candidate_count and key, nothing else. status() if that
  // is not OK.
  absl::Status Build(v1::PredictRequest* request) const;

 private:
  struct Columns {
    std::vector<float> numeric;                // [numeric features][rows]
    std::vector<uint64_t> categorical;         // [categorical features][rows]
    std::vector<std::vector<uint64_t>> multi;  // [multi-valued features][rows], the values' hashes
  };

  const Feature* Find(std::string_view name, v1::Feature::Role role, size_t row);
  void SetNumber(const Feature* feature, size_t row, double number);
  Columns& columns(v1::Feature::Role role) {
    return role == v1::Feature::ROLE_CONTEXT ? context_ : per_candidate_;
  }
  size_t rows(v1::Feature::Role role) const { return role == v1::Feature::ROLE_CONTEXT ? 1 : candidates_; }

  const ModelSchema& schema_;
  size_t candidates_ = 0;
  std::string key_;
  Columns context_;
  Columns per_candidate_;
  absl::Status status_;
};

}  // namespace adscore::client
