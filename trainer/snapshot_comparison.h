// Two snapshots on the same rows: which one is better, head by head.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/model.h"
#include "trainer/comparison.h"
#include "trainer/dataset_reader.h"

namespace adscore::trainer {

struct HeadComparison {
  std::string head;
  Comparison comparison;
  std::string sentence;  // for people
};

struct SnapshotComparison {
  std::string first;  // what the snapshots are called
  std::string second;
  std::vector<HeadComparison> heads;  // those that both have
};

// `data` are all rows of the file `path`, and `probabilities` those of `first_model` for them. The other
// snapshot may have other features, which are read anew from the file, and other heads. InvalidArgument if
// the snapshots share no head, or one that is called the same has another idea of what is positive.
absl::StatusOr<SnapshotComparison> CompareSnapshots(
    const model::Model& first_model, const std::string& first_name, const model::Model& second_model,
    const std::string& second_name, const std::string& path, data::Format format, const Dataset& data,
    std::span<const float> probabilities, const ReadProgress& progress, size_t threads);

// {"with": "…", "heads": {"click": {…, "verdict": "…"}}}.
nlohmann::ordered_json ComparisonToJson(const SnapshotComparison& comparison);

}  // namespace adscore::trainer
