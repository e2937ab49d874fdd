// Everything that training found, held together as one snapshot (model/snapshot.h) over its own memory.
//
// Not thread-safe while AddGoldenRows runs, which the fit calls before anyone else has it; constant
// afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/snapshot.h"
#include "trainer/dataset.h"
#include "trainer/encoder_fitting.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

class TrainedModel {
 public:
  // `members`: the networks whose logits are averaged, at least one, all over the same encoders.
  TrainedModel(const model::Schema& schema, const InputLayout& layout, FittedEncoders encoders,
               std::vector<Parameters> members, std::vector<model::Head> heads, model::Provenance provenance);

  // The snapshot views this object's memory, which must stay where it is.
  TrainedModel(const TrainedModel&) = delete;
  TrainedModel& operator=(const TrainedModel&) = delete;

  const model::Snapshot& snapshot() const { return snapshot_; }
  size_t parameters() const;  // of all members

  // Puts the rows of `data`, which is in memory, into the snapshot as golden rows, with the probabilities of
  // the reference forward pass.
  void AddGoldenRows(const Dataset& data);

 private:
  FittedEncoders encoders_;
  std::vector<Parameters> members_;
  std::vector<std::vector<float>> tables_;  // [fields]: [ids][members][dim]
  RawStorage golden_context_;
  RawStorage golden_candidates_;
  std::vector<float> golden_probabilities_;
  model::Snapshot snapshot_;
};

}  // namespace adscore::trainer
