#include "trainer/evaluation.h"

#include <algorithm>

#include "model/single_rows.h"
#include "trainer/bootstrap.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

constexpr size_t kChunkRows = 1024;

}  // namespace

absl::StatusOr<std::vector<float>> ScoreRows(const model::Model& model, const Dataset& data,
                                             std::span<const uint32_t> rows, size_t threads) {
  std::vector<float> probabilities(rows.size() * model.heads());
  float* next = probabilities.data();
  Workers workers(std::min(threads, rows.size() / kChunkRows));
  const absl::Status read =
      ForEachBlock(data, rows, [&](const Dataset& block, std::span<const uint32_t> ids, size_t) {
        workers.Run([&](size_t worker) {
          RawStorage context;
          RawStorage candidates;
          model::SingleRows single_rows;
          model::ScoreScratch scratch;
          const auto [begin, end] = workers.Share(worker, ids.size(), kChunkRows);
          for (size_t first = begin; first < end; first += kChunkRows) {
            const std::span<const uint32_t> chunk = ids.subspan(first, std::min(kChunkRows, end - first));
            const std::span<const model::Impression> impressions =
                single_rows.Split(block.schema, block.Gather(model::FeatureRole::kContext, chunk, &context),
                                  block.Gather(model::FeatureRole::kCandidate, chunk, &candidates));
            model.Score(impressions, &scratch, next + first * model.heads());
          }
        });
        next += ids.size() * model.heads();
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  return probabilities;
}

HeadRows RowsOfHead(const Dataset& data, std::span<const uint32_t> rows, std::span<const float> probabilities,
                    size_t head) {
  const size_t heads = data.labels.size();
  HeadRows of_head;
  of_head.probabilities.reserve(rows.size());
  of_head.labels.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (data.labels[head][rows[i]] == kUnknownLabel) continue;
    of_head.probabilities.push_back(probabilities[i * heads + head]);
    of_head.labels.push_back(data.labels[head][rows[i]]);
  }
  return of_head;
}

std::vector<HeadFigures> FiguresByHead(const Dataset& data, std::span<const uint32_t> rows,
                                       std::span<const float> probabilities, size_t threads) {
  std::vector<HeadFigures> figures;
  for (size_t head = 0; head < data.labels.size(); ++head) {
    const HeadRows of_head = RowsOfHead(data, rows, probabilities, head);
    figures.push_back(ComputeFigures(of_head.probabilities, of_head.labels));
    figures.back().intervals =
        ComputeIntervals(of_head.probabilities, of_head.labels, figures.back(), threads);
  }
  return figures;
}

}  // namespace adscore::trainer
