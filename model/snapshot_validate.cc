// Validate: what must hold of a snapshot before anything computes with it. Called by reader and writer alike.
#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "model/snapshot.h"

namespace adscore::model {
namespace {

absl::Status Bad(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// Infinity and NaN are the floats whose bits, without the sign, are the largest numbers. Sixteen at a time
// and without a branch, so that the compiler makes vectors of it and it runs at memory speed.
bool AllFinite(std::span<const float> values) {
  constexpr uint32_t kInfinity = 0x7f800000;
  constexpr size_t kLanes = 16;
  const auto magnitude = [](float value) { return std::bit_cast<uint32_t>(value) & 0x7fffffff; };
  uint32_t largest[kLanes] = {};
  const size_t whole = values.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    const float* block = values.data() + i;
    for (size_t lane = 0; lane < kLanes; ++lane) {
      largest[lane] = std::max(largest[lane], magnitude(block[lane]));
    }
  }
  for (size_t i = whole; i < values.size(); ++i) largest[0] = std::max(largest[0], magnitude(values[i]));
  return *std::max_element(largest, largest + kLanes) < kInfinity;
}

// count == rows × columns, without overflow.
bool HasShape(size_t count, size_t rows, size_t columns) {
  if (rows == 0 || columns == 0) return count == 0;
  return count / columns == rows && count % columns == 0;
}

absl::Status CheckTable(const std::string& where, const std::string& what, const EmbeddingTable& table) {
  if (!HasShape(table.values.size(), table.rows, table.dim)) {
    return Bad(where, absl::StrCat(what, " of ", table.rows, " x ", table.dim, " has ", table.values.size(),
                                   " values"));
  }
  if (!AllFinite(table.values)) return Bad(where, what + " holds a number that is not finite");
  return absl::OkStatus();
}

absl::Status CheckNumeric(const std::string& where, const FeatureEncoding& encoding) {
  const NumericEncoding& n = encoding.numeric;
  for (const float value : {n.mean, n.scale, n.low, n.high}) {
    if (!std::isfinite(value)) return Bad(where, "mean, scale, low or high is not finite");
  }
  if (n.scale <= 0 || n.low > n.high) return Bad(where, "scale must be positive and low not above high");
  for (size_t i = 0; i < n.edges.size(); ++i) {
    if (!std::isfinite(n.edges[i]) || (i > 0 && n.edges[i] <= n.edges[i - 1])) {
      return Bad(where, "bin edges must be finite and ascending");
    }
  }
  if (encoding.statistics.dim != 0) return Bad(where, "statistics of tokens for numbers");
  if (encoding.embedding.dim == 0) {
    if (!n.edges.empty() || encoding.embedding.rows != 0) return Bad(where, "bins without an embedding");
    return absl::OkStatus();
  }
  // A bin below the first edge, one from each edge on, and the row for a missing number.
  if (encoding.embedding.rows != n.edges.size() + 2) {
    return Bad(where, absl::StrCat(n.edges.size(), " bin edges need ", n.edges.size() + 2,
                                   " embedding rows, not ", encoding.embedding.rows));
  }
  return absl::OkStatus();
}

absl::Status CheckVocabulary(const std::string& where, const FeatureEncoding& encoding) {
  const std::span<const uint64_t> keys = encoding.vocabulary.keys();
  const std::span<const uint32_t> ids = encoding.vocabulary.ids();
  if (encoding.embedding.dim == 0 || encoding.embedding.rows < kFirstTokenId) {
    return Bad(where, "a vocabulary needs an embedding with rows for missing and unknown tokens");
  }
  if (keys.size() != ids.size() || (!keys.empty() && !std::has_single_bit(keys.size()))) {
    return Bad(where, absl::StrCat("vocabulary of ", keys.size(), " keys and ", ids.size(),
                                   " ids; both must be the same power of two"));
  }
  const bool counted = encoding.statistics.dim > 0;
  if (counted && encoding.statistics.rows < encoding.embedding.rows) {
    return Bad(where, "fewer statistics than embedding rows");
  }
  const size_t rows = counted ? encoding.statistics.rows : encoding.embedding.rows;
  size_t taken = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == 0) continue;
    ++taken;
    if (ids[i] < kFirstTokenId || ids[i] >= rows) {
      return Bad(where, absl::StrCat("vocabulary id ", ids[i],
                                     " is outside of the embedding's or statistics' ", rows, " rows"));
    }
  }
  if (taken > keys.size() / 2) return Bad(where, "vocabulary is more than half full");
  return absl::OkStatus();
}

absl::Status CheckFeatures(const Snapshot& snapshot) {
  if (snapshot.schema.features.empty()) return Bad("schema", "no features");
  if (absl::Status status = CheckCrosses(snapshot.schema); !status.ok()) {
    return Bad("schema", std::string(status.message()));
  }
  const std::vector<Feature> features = EncodedFeatures(snapshot.schema);
  if (snapshot.encodings.size() != features.size()) return Bad("encodings", "not one per feature and cross");
  std::set<std::string_view> names;
  for (size_t i = 0; i < features.size(); ++i) {
    const std::string where = absl::StrCat("feature '", features[i].name, "'");
    const bool cross = i >= snapshot.schema.features.size();
    if (!cross && (features[i].name.empty() || !names.insert(features[i].name).second))
      return Bad(where, "empty or repeated name");
    if (snapshot.encodings[i].embedding.dim % snapshot.members != 0) {
      return Bad(where, absl::StrCat("an embedding of width ", snapshot.encodings[i].embedding.dim,
                                     " can't be shared out among ", snapshot.members, " members"));
    }
    absl::Status status = CheckTable(where, "embedding", snapshot.encodings[i].embedding);
    status.Update(CheckTable(where, "statistics", snapshot.encodings[i].statistics));
    status.Update(features[i].kind == FeatureKind::kNumeric ? CheckNumeric(where, snapshot.encodings[i])
                                                            : CheckVocabulary(where, snapshot.encodings[i]));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckLayers(const Snapshot& snapshot) {
  if (snapshot.layers.empty()) return Bad("layers", "there are none");
  const size_t per_member = snapshot.layers.size() / snapshot.members;
  if (snapshot.layers.size() % snapshot.members != 0) {
    return Bad("layers", absl::StrCat(snapshot.layers.size(), " of them can't be shared out among ",
                                      snapshot.members, " members"));
  }
  const size_t width = snapshot.ContextWidth() + snapshot.CandidateWidth();
  size_t inputs = width;
  for (size_t i = 0; i < snapshot.layers.size(); ++i) {
    const Layer& layer = snapshot.layers[i];
    if (i % per_member == 0) inputs = width;
    const std::string where = absl::StrCat("layer ", i);
    if (layer.inputs != inputs) {
      return Bad(where, absl::StrCat("takes ", layer.inputs, " inputs, but gets ", inputs));
    }
    if (layer.outputs == 0) return Bad(where, "no outputs");
    if (!HasShape(layer.weights.size(), layer.inputs, layer.outputs) || layer.bias.size() != layer.outputs) {
      return Bad(where, absl::StrCat(layer.inputs, " x ", layer.outputs, " has ", layer.weights.size(),
                                     " weights and ", layer.bias.size(), " biases"));
    }
    if (!AllFinite(layer.weights) || !AllFinite(layer.bias))
      return Bad(where, "holds a number that is not finite");
    const bool output = (i + 1) % per_member == 0;
    if (!std::isfinite(layer.activation.alpha)) return Bad(where, "the activation's alpha is not finite");
    if (output && layer.activation != Activation{}) return Bad(where, "an output layer with an activation");
    inputs = layer.outputs;
    if (output && inputs != snapshot.heads.size()) {
      return Bad("heads", absl::StrCat("the output layer has ", inputs, " logits for ", snapshot.heads.size(),
                                       " heads"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCalibrator(const std::string& where, const Calibrator& calibrator) {
  if (!std::isfinite(calibrator.slope) || !std::isfinite(calibrator.offset)) {
    return Bad(where, "calibrator is not finite");
  }
  const std::vector<CalibratorKnot>& knots = calibrator.knots;
  if (knots.size() == 1 || knots.size() > kMostKnots) {
    return Bad(where, absl::StrCat("calibrator has ", knots.size(), " knots, not none or 2 to ", kMostKnots));
  }
  for (size_t i = 0; i < knots.size(); ++i) {
    if (!std::isfinite(knots[i].from) || !std::isfinite(knots[i].to) ||
        (i > 0 && !(knots[i].from > knots[i - 1].from && knots[i].to > knots[i - 1].to))) {
      return Bad(where, "calibrator's knots must be finite and ascending, as many 'from' as 'to'");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHeads(const Snapshot& snapshot) {
  std::set<std::string_view> names;
  for (size_t h = 0; h < snapshot.heads.size(); ++h) {
    const Head& head = snapshot.heads[h];
    const std::string where = absl::StrCat("head '", head.name, "'");
    if (head.name.empty() || !names.insert(head.name).second) return Bad(where, "empty or repeated name");
    if (!(head.base_rate >= 0 && head.base_rate <= 1)) return Bad(where, "base rate outside of [0, 1]");
    if (absl::Status status = CheckCalibrator(where, head.calibrator); !status.ok()) return status;
    if (head.after && *head.after >= h) {
      return Bad(where,
                 absl::StrCat("follows head ", *head.after, ", which is none of the ", h, " before it"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckGolden(const Snapshot& snapshot) {
  const GoldenRows& golden = snapshot.golden;
  if (golden.context.rows != golden.rows || golden.candidates.rows != golden.rows) {
    return Bad("golden rows", "parts of different length");
  }
  // First, since it bounds the number of rows by the size of the file.
  if (!HasShape(golden.probabilities.size(), golden.rows, snapshot.heads.size())) {
    return Bad("golden rows", "not one probability per row and head");
  }
  absl::Status status = CheckColumns(snapshot.schema, FeatureRole::kContext, golden.context);
  status.Update(CheckColumns(snapshot.schema, FeatureRole::kCandidate, golden.candidates));
  if (!status.ok()) return Bad("golden rows", std::string(status.message()));
  const auto is_probability = [](float p) { return p >= 0 && p <= 1; };
  if (!std::all_of(golden.probabilities.begin(), golden.probabilities.end(), is_probability)) {
    return Bad("golden rows", "a probability outside of [0, 1]");
  }
  return absl::OkStatus();
}

absl::Status CheckProvenance(const Provenance& provenance) {
  if (provenance.parent_version < 0) return Bad("provenance", "the parent version is negative");
  if (provenance.training_from < 0 || provenance.training_to < 0 ||
      (provenance.training_to != 0 && provenance.training_from > provenance.training_to)) {
    return Bad("provenance", "the training window ends before it begins, or before 1970");
  }
  return absl::OkStatus();
}

size_t Width(const Snapshot& snapshot, FeatureRole role) {
  size_t width = 0;
  const std::vector<Feature> features = EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < features.size(); ++i) {
    const Feature& feature = features[i];
    if (feature.role == role) width += InputWidth(feature, snapshot.encodings[i], snapshot.members);
  }
  return width;
}

}  // namespace

size_t Snapshot::ContextWidth() const { return Width(*this, FeatureRole::kContext); }
size_t Snapshot::CandidateWidth() const { return Width(*this, FeatureRole::kCandidate); }

absl::Status Validate(const Snapshot& snapshot) {
  if (snapshot.members == 0) return Bad("members", "there are none");
  absl::Status status = CheckFeatures(snapshot);
  if (status.ok()) status = CheckLayers(snapshot);
  if (status.ok()) status = CheckHeads(snapshot);
  if (status.ok()) status = CheckGolden(snapshot);
  if (status.ok()) status = CheckProvenance(snapshot.provenance);
  return status;
}

}  // namespace adscore::model
