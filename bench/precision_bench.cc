// What narrow weights cost in accuracy on real rows: probabilities of each precision and kernel set beside
// those of f32. See bench/README.md.
//
//   precision_bench SNAPSHOT FILE [FORMAT]
//
// A line for each: the largest and the mean difference of a probability, and AUC less that of f32, of each
// head. FILE has the label columns that the snapshot was trained on.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/snapshot.h"
#include "trainer/dataset_reader.h"
#include "trainer/evaluation.h"
#include "trainer/metrics.h"

namespace adscore::bench {
namespace {

absl::Status Run(const std::string& snapshot, const std::string& file, const std::string& format) {
  const auto mapped = model::MappedSnapshot::Open(snapshot);
  if (!mapped.ok()) return mapped.status();
  const model::Snapshot& read = (*mapped)->snapshot();
  std::vector<model::Label> labels;
  for (const model::Head& head : read.heads) labels.push_back(head.label);
  const auto data = trainer::ReadDataset(
      file, format == "criteo" ? data::Format::kCriteo : data::Format::kAuto, read.schema, labels,
      /*labels_required=*/true, nullptr, {.memory_bytes = size_t{64} << 30, .directory = ""});
  if (!data.ok()) return data.status();

  std::vector<uint32_t> rows(data->rows);
  std::iota(rows.begin(), rows.end(), 0);

  std::vector<float> reference;
  for (const auto precision : {model::Precision::kF32, model::Precision::kBf16, model::Precision::kInt8}) {
    for (const model::KernelSet* kernels : model::AvailableKernelSets(precision)) {
      const auto scores = trainer::ScoreRows(model::Model(read, *kernels), *data, rows);
      if (!scores.ok()) return scores.status();
      if (reference.empty()) reference = *scores;
      for (size_t h = 0; h < labels.size(); ++h) {
        double largest = 0;
        double sum = 0;
        for (size_t i = h; i < scores->size(); i += labels.size()) {
          const double difference = std::fabs((*scores)[i] - reference[i]);
          largest = std::max(largest, difference);
          sum += difference;
        }
        const auto auc = [&](const std::vector<float>& probabilities) {
          const trainer::HeadRows head = trainer::RowsOfHead(*data, rows, probabilities, h);
          return trainer::ComputeFigures(head.probabilities, head.labels).auc.value_or(0);
        };
        std::printf("%-5s %-12s %-12s |dp| at most %.6f, mean %.7f; AUC %+.6f\n", ToString(precision),
                    kernels->name, read.heads[h].name.c_str(), largest, sum / static_cast<double>(data->rows),
                    auc(*scores) - auc(reference));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: precision_bench SNAPSHOT FILE [auto|criteo]\n");
    return 2;
  }
  const absl::Status status = adscore::bench::Run(argv[1], argv[2], argc == 4 ? argv[3] : "auto");
  if (!status.ok()) std::fprintf(stderr, "precision_bench: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
