// From a dense graph to a snapshot over its own memory: features, encoders, layers, heads and golden rows.
//
// Not thread-safe: made once, constant afterwards.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/import/dense_graph.h"

namespace adscore::trainer {

// What an importer has found.
struct ImportedGraph {
  DenseGraph graph;
  struct Head {
    std::string name;
    Form logits;  // of width 1, or more: then the heads are NAME_0, NAME_1, …
  };
  std::vector<Head> heads;
  std::vector<std::string> notices;  // what was left out, and what the user should know
};

struct ImportOptions {
  std::optional<model::Schema> schema;  // names, roles, columns and missing rules of the features, in order
  std::vector<std::string> context;     // without a schema: the features that an impression has once
  std::vector<std::string> heads;       // other names for the heads, in order; empty: the file's own
  std::string trainer;                  // for the provenance
  int64_t created_at = 0;
};

class ImportedModel {
 public:
  // InvalidArgument if the graph uses no input, or the options do not fit it; the message names the flag.
  static absl::StatusOr<std::unique_ptr<const ImportedModel>> Make(ImportedGraph imported,
                                                                   const ImportOptions& options);

  ImportedModel(const ImportedModel&) = delete;
  ImportedModel& operator=(const ImportedModel&) = delete;

  // Views this object's memory.
  const model::Snapshot& snapshot() const { return snapshot_; }
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  ImportedModel() = default;

  absl::Status SetFeatures(const DenseGraph& graph, const ImportOptions& options);
  absl::Status SetHeads(const ImportedGraph& imported, const ImportOptions& options);
  void AddHidden(const DenseGraph& graph);
  void AddOutput(const ImportedGraph& imported, const Form& logits);
  // The layer whose inputs are the graph's input units, as the encoders give them out.
  void AddFirst(const DenseGraph& graph, const std::vector<std::vector<double>>& weights,
                std::vector<double> offset, const model::Activation& activation);
  void AddLayer(size_t inputs, const std::vector<double>& weights, const std::vector<double>& offset,
                const model::Activation& activation);
  void AddGoldenRows();
  std::span<const float> Keep(std::vector<float> values);

  std::vector<size_t> columns_;            // of the graph, one per feature of the schema
  std::deque<std::vector<float>> floats_;  // a deque never moves its elements
  std::deque<model::VocabularySlots> vocabularies_;
  std::vector<std::vector<uint64_t>> tokens_;  // per feature: known ones, for the golden rows
  model::RawStorage golden_[2];
  model::Snapshot snapshot_;
  std::vector<std::string> notices_;
};

}  // namespace adscore::trainer
