#include "trainer/snapshot_comparison.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "trainer/dataset_reader.h"
#include "trainer/evaluation.h"

namespace adscore::trainer {
namespace {

// Positions of a head in both snapshots.
struct SharedHead {
  size_t first = 0;
  size_t second = 0;
};

absl::StatusOr<std::vector<SharedHead>> SharedHeads(const std::vector<model::Head>& first,
                                                    const std::vector<model::Head>& second,
                                                    const std::string& second_name) {
  std::vector<SharedHead> shared;
  for (size_t i = 0; i < first.size(); ++i) {
    for (size_t j = 0; j < second.size(); ++j) {
      if (first[i].name != second[j].name) continue;
      if (first[i].label != second[j].label) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--compare: the head '", first[i].name, "' of ", second_name,
            " was fitted to another label (column '", second[j].label.column, "', positive '",
            second[j].label.positive, "' instead of column '", first[i].label.column, "', positive '",
            first[i].label.positive, "'), so that the two don't predict the same thing"));
      }
      shared.push_back({i, j});
    }
  }
  if (!shared.empty()) return shared;
  return absl::InvalidArgumentError(absl::StrCat("--compare: ", second_name, " predicts '", second[0].name,
                                                 "' and not '", first[0].name,
                                                 "': compare snapshots that share a label"));
}

}  // namespace

absl::StatusOr<SnapshotComparison> CompareSnapshots(
    const model::Model& first_model, const std::string& first_name, const model::Model& second_model,
    const std::string& second_name, const std::string& path, data::Format format, const Dataset& data,
    std::span<const float> probabilities, const ReadProgress& progress, size_t threads) {
  const std::vector<model::Head>& heads = first_model.snapshot().heads;
  const absl::StatusOr<std::vector<SharedHead>> shared =
      SharedHeads(heads, second_model.snapshot().heads, second_name);
  if (!shared.ok()) return shared.status();

  const model::Schema& schema = second_model.snapshot().schema;
  std::optional<Dataset> own;  // of other features
  if (schema != data.schema) {
    absl::StatusOr<Dataset> read = ReadDataset(path, format, schema, {}, /*labels_required=*/false, progress);
    if (!read.ok()) {
      return absl::Status(read.status().code(),
                          absl::StrCat("--compare: ", second_name, ": ", read.status().message()));
    }
    if (read->rows != data.rows) {
      return absl::DataLossError(absl::StrCat(path, " has changed since it was read for the first snapshot"));
    }
    own = *std::move(read);
  }
  std::vector<uint32_t> rows(data.rows);
  for (size_t row = 0; row < rows.size(); ++row) rows[row] = static_cast<uint32_t>(row);
  const absl::StatusOr<std::vector<float>> scored = ScoreRows(second_model, own ? *own : data, rows, threads);
  if (!scored.ok()) return scored.status();
  const std::vector<float>& others = *scored;

  SnapshotComparison result;
  result.first = first_name;
  result.second = second_name;
  for (const SharedHead& head : *shared) {
    const HeadRows first = RowsOfHead(data, rows, probabilities, head.first);
    std::vector<float> second;
    for (size_t row = 0; row < data.rows; ++row) {
      if (data.labels[head.first][row] == kUnknownLabel) continue;
      second.push_back(others[row * second_model.heads() + head.second]);
    }
    HeadComparison compared;
    compared.head = heads[head.first].name;
    compared.comparison = Compare(first.probabilities, second, first.labels, threads);
    compared.sentence = Describe(compared.comparison, first_name, second_name);
    result.heads.push_back(std::move(compared));
  }
  return result;
}

nlohmann::ordered_json ComparisonToJson(const SnapshotComparison& comparison) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::object();
  for (const HeadComparison& head : comparison.heads) {
    heads[head.head] = ComparisonToJson(head.comparison);
    heads[head.head]["verdict"] = head.sentence;
  }
  return {{"first", comparison.first}, {"second", comparison.second}, {"heads", heads}};
}

}  // namespace adscore::trainer
