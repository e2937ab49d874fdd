// A snapshot: everything that is needed to score, as one value. The trainer fills one in over its own memory
// and writes it; the reader gives one over a mapped file. docs/snapshot_format.md has the bytes.
//
// Thread-safe: constant once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/activation.h"
#include "model/calibrator.h"
#include "model/encoding.h"
#include "model/raw_columns.h"
#include "model/schema.h"
#include "model/system_calls.h"

namespace adscore::model {

// A dense layer: y = activation(x · W + b); the output layer has no activation.
struct Layer {
  size_t inputs = 0;
  size_t outputs = 0;
  std::span<const float> weights;  // [inputs][outputs]
  std::span<const float> bias;     // [outputs]
  Activation activation{};
};

// Where a head's truth came from, so that later data can be evaluated without saying it again.
struct Label {
  std::string column;
  std::string positive;  // the cell that counts as positive; empty: 1, true, yes, y or t (any case) against
                         // 0, false, no, n or f

  bool operator==(const Label&) const = default;
};

struct Head {
  std::string name;
  Label label;
  double base_rate = 0;  // positives ÷ rows, in the rows trained on
  Calibrator calibrator;
  // The head before this one in `heads` without which it can't be positive: a conversion's click. The logit
  // and its calibrator are then those of p(this | that), and what is served is p(that) · p(this | that),
  // which is never above p(that): the entire-space form (X. Ma et al., 2018).
  std::optional<size_t> after{};
};

// Raw rows that travel with the snapshot, and what the trainer's reference forward pass made of them.
// Replayed through the kernels that will serve before the snapshot may.
struct GoldenRows {
  size_t rows = 0;
  RawColumns context;     // `rows` rows: each golden row is an impression of its own with one candidate
  RawColumns candidates;  // `rows` rows
  std::span<const float> probabilities;  // [rows][heads]
};

// Who made it and from what. Nothing here changes a probability.
struct Provenance {
  std::string trainer;     // "adscore-trainer 0.1.0"
  int64_t created_at = 0;  // Unix seconds
  uint64_t training_rows = 0;
  uint64_t seed = 0;
  int64_t parent_version = 0;  // the version that this one follows; 0: none
  int64_t training_from = 0;   // the time that the log covers, in Unix seconds, both ends included;
  int64_t training_to = 0;     // 0: not known

  bool operator==(const Provenance&) const = default;
};

struct Snapshot {
  Schema schema;
  std::vector<FeatureEncoding> encodings;  // one per feature, in schema order; then one per cross
  // Networks whose logits are averaged: 1, or the members of an ensemble.
  size_t members = 1;
  // Each member's hidden layers, then its output layer: one logit per head. Member after member, as many
  // layers each.
  std::vector<Layer> layers;
  std::vector<Head> heads;  // in the output layer's order
  GoldenRows golden;
  Provenance provenance;

  std::span<const Layer> LayersOf(size_t member) const {
    const size_t count = layers.size() / members;
    return std::span<const Layer>(layers).subspan(member * count, count);
  }

  // Floats of each part of a member's input vector. The first layer's inputs are the context's part, then the
  // candidate's.
  size_t ContextWidth() const;
  size_t CandidateWidth() const;
};

// InvalidArgument, naming the part, unless all sizes agree with each other, ids fit their tables, every
// number is finite and the vocabularies' probes end. Reader and writer both call it.
absl::Status Validate(const Snapshot& snapshot);

// Writes `snapshot` to a new file at `path` and syncs it. AlreadyExists if there is one; on failure nothing
// is left.
absl::Status WriteSnapshot(const Snapshot& snapshot, const std::string& path,
                           const SystemCalls& calls = SystemCalls::Default());

// A snapshot over a read-only private mapping of a file, unmapped on destruction. A file that is cut short,
// or whose disk fails, while it is mapped reads as zeros from there on, and damaged() says so.
class MappedSnapshot {
 public:
  virtual ~MappedSnapshot() = default;
  virtual const Snapshot& snapshot() const = 0;
  virtual size_t file_bytes() const = 0;

  // True once a page of the file could not be read, or MarkDamaged was called: what has been computed since
  // is worth nothing. It is set before a reader sees the first zero, so a computation that ends with false
  // here was right. A file that is changed in place with every page kept is not noticed: who watches the file
  // says so by MarkDamaged. Any thread, one load.
  virtual bool damaged() const = 0;
  virtual void MarkDamaged() const = 0;

  // Maps `path` and verifies everything: magic, format version, every offset and length, every section's
  // checksum, then Validate(). NotFound, PermissionDenied, ResourceExhausted (memory, descriptors);
  // Unavailable if the disk or mount fails; DataLoss if it is damaged or truncated, or changed while it was
  // read; Unimplemented if its format is newer than this build reads; InvalidArgument if it is whole but
  // contradicts itself. The message says what to do. `calls` must outlive the object.
  static absl::StatusOr<std::unique_ptr<const MappedSnapshot>> Open(
      const std::string& path, const SystemCalls& calls = SystemCalls::Default());
};

// The file's sections as they lie there, for people: name, offset, size in bytes, checksum.
struct SectionInfo {
  std::string name;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t checksum = 0;
};
absl::StatusOr<std::vector<SectionInfo>> ListSections(const std::string& path);

}  // namespace adscore::model
