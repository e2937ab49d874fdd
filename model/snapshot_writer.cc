// WriteSnapshot: from a snapshot to the sections of its file.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "model/section_file.h"
#include "model/snapshot.h"
#include "model/snapshot_meta.h"

namespace adscore::model {
namespace {

void AddGolden(FeatureRole role, const RawColumns& columns, SectionWriter* writer) {
  writer->Add(GoldenSection(role, "numeric"), columns.numeric);
  writer->Add(GoldenSection(role, "categorical"), columns.categorical);
  writer->Add(GoldenSection(role, "multi_count"), columns.multi_count);
  writer->Add(GoldenSection(role, "multi"), columns.multi);
}

}  // namespace

absl::Status WriteSnapshot(const Snapshot& snapshot, const std::string& path, const SystemCalls& calls) {
  if (absl::Status status = Validate(snapshot); !status.ok()) return status;
  const std::string meta = MetaToJson(snapshot);
  const bool chains = std::any_of(snapshot.heads.begin(), snapshot.heads.end(),
                                  [](const Head& head) { return head.after.has_value(); });
  SectionWriter writer(chains ? kChainsFormatVersion : kFirstFormatVersion);
  writer.Add(kMetaSection, std::span<const char>(meta));
  const std::vector<Feature> features = EncodedFeatures(snapshot.schema);
  for (size_t i = 0; i < snapshot.encodings.size(); ++i) {
    const FeatureEncoding& encoding = snapshot.encodings[i];
    if (features[i].kind != FeatureKind::kNumeric) {
      writer.Add(FeatureSection(i, "keys"), encoding.vocabulary.keys());
      writer.Add(FeatureSection(i, "ids"), encoding.vocabulary.ids());
      writer.Add(FeatureSection(i, "statistics"), encoding.statistics.values);
    }
    writer.Add(FeatureSection(i, "embedding"), encoding.embedding.values);
  }
  for (size_t i = 0; i < snapshot.layers.size(); ++i) {
    writer.Add(LayerSection(i, "weights"), snapshot.layers[i].weights);
    writer.Add(LayerSection(i, "bias"), snapshot.layers[i].bias);
  }
  AddGolden(FeatureRole::kContext, snapshot.golden.context, &writer);
  AddGolden(FeatureRole::kCandidate, snapshot.golden.candidates, &writer);
  writer.Add(kGoldenProbabilities, snapshot.golden.probabilities);
  return writer.Write(path, calls);
}

}  // namespace adscore::model
