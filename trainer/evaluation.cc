#include "trainer/evaluation.h"

#include <algorithm>

#include "model/single_rows.h"

namespace adscore::trainer {
namespace {

constexpr size_t kChunkRows = 1024;

}  // namespace

absl::StatusOr<std::vector<float>> ScoreRows(const model::Model& model, const Dataset& data,
                                             std::span<const uint32_t> rows) {
  std::vector<float> probabilities(rows.size() * model.heads());
  float* next = probabilities.data();
  RawStorage context;
  RawStorage candidates;
  model::SingleRows single_rows;
  model::ScoreScratch scratch;
  const absl::Status read =
      ForEachBlock(data, rows, [&](const Dataset& block, std::span<const uint32_t> ids, size_t) {
        for (size_t first = 0; first < ids.size(); first += kChunkRows) {
          const std::span<const uint32_t> chunk =
              ids.subspan(first, std::min(kChunkRows, ids.size() - first));
          const std::span<const model::Impression> impressions =
              single_rows.Split(block.schema, block.Gather(model::FeatureRole::kContext, chunk, &context),
                                block.Gather(model::FeatureRole::kCandidate, chunk, &candidates));
          model.Score(impressions, &scratch, next);
          next += chunk.size() * model.heads();
        }
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  return probabilities;
}

std::vector<HeadFigures> FiguresByHead(const Dataset& data, std::span<const uint32_t> rows,
                                       std::span<const float> probabilities) {
  const size_t heads = data.labels.size();
  std::vector<HeadFigures> figures;
  std::vector<float> head_probabilities(rows.size());
  std::vector<uint8_t> head_labels(rows.size());
  for (size_t head = 0; head < heads; ++head) {
    for (size_t i = 0; i < rows.size(); ++i) {
      head_probabilities[i] = probabilities[i * heads + head];
      head_labels[i] = data.labels[head][rows[i]];
    }
    figures.push_back(ComputeFigures(head_probabilities, head_labels));
  }
  return figures;
}

}  // namespace adscore::trainer
