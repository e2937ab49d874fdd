#include "trainer/dataset_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "trainer/block_reader.h"
#include "trainer/cell_cache.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kMaxRows = std::numeric_limits<uint32_t>::max();  // row ids have 32 bits

// Bytes of a row in memory, in Dataset and once more in EncodedRows, without the values of lists.
size_t BytesPerRow(const model::Schema& schema, size_t heads) {
  const size_t statistics = sizeof(float) * (heads + 1);
  size_t bytes = 2 * heads;
  for (const model::Feature& feature : model::EncodedFeatures(schema)) {
    switch (feature.kind) {
      case model::FeatureKind::kNumeric:
        bytes += sizeof(float) + sizeof(model::EncodedNumber);
        break;
      case model::FeatureKind::kCategorical:
        bytes += sizeof(uint64_t) + sizeof(uint32_t) + statistics;
        break;
      case model::FeatureKind::kMultiCategorical:
        bytes += sizeof(uint32_t) + 2 * sizeof(uint64_t) + statistics;
        break;
    }
  }
  return bytes;
}
constexpr size_t kBytesPerListValue = sizeof(uint64_t) + sizeof(uint32_t);

// Collects blocks in memory until they are too many, and from then on in a cache.
class Collector {
 public:
  explicit Collector(CacheOptions options) : options_(std::move(options)) {}

  // `share`: of the file that has been read so far.
  absl::Status Add(const Dataset& block, double share) {
    const size_t bytes_per_row = BytesPerRow(block.schema, block.labels.size());
    for (const Column& column : block.columns) list_values_ += column.multi.size();
    const size_t bytes_per_value = kBytesPerListValue + block.schema.crosses.size() * sizeof(uint32_t);
    const size_t bytes = (dataset_.rows + block.rows) * bytes_per_row + list_values_ * bytes_per_value;
    if (cache_ == nullptr && bytes > options_.memory_bytes) {
      if (absl::Status moved = MoveToCache(); !moved.ok()) return moved;
    }
    const bool first = dataset_.rows == 0;
    dataset_.AppendLabelsAndCounts(block);
    if (cache_ != nullptr) return cache_->Append(block.columns, 0, block.rows);
    if (first) {
      const auto rows = static_cast<size_t>(static_cast<double>(block.rows) / share * 1.05);
      for (size_t f = 0; f < dataset_.columns.size(); ++f) {
        dataset_.columns[f].Reserve(block.schema.features[f].kind,
                                    std::min(rows, options_.memory_bytes / bytes_per_row));
      }
    }
    for (size_t f = 0; f < dataset_.columns.size(); ++f) dataset_.columns[f].AppendCells(block.columns[f]);
    return absl::OkStatus();
  }

  size_t rows() const { return dataset_.rows; }

  Dataset Take() {
    dataset_.cache = std::move(cache_);
    return std::move(dataset_);
  }

 private:
  absl::Status MoveToCache() {
    std::error_code none;
    const std::string directory =
        options_.directory.empty() ? std::filesystem::temp_directory_path(none).string() : options_.directory;
    absl::StatusOr<std::unique_ptr<CellCache>> cache = CellCache::Create(directory);
    if (!cache.ok()) return cache.status();
    cache_ = *std::move(cache);
    for (size_t first = 0; first < dataset_.rows; first += kBlockRows) {
      absl::Status written =
          cache_->Append(dataset_.columns, first, std::min(kBlockRows, dataset_.rows - first));
      if (!written.ok()) return written;
    }
    for (Column& column : dataset_.columns) {
      Column counts;
      counts.AppendCounts(column);
      column = std::move(counts);  // and with it the memory goes
    }
    return absl::OkStatus();
  }

  const CacheOptions options_;
  Dataset dataset_;
  std::unique_ptr<CellCache> cache_;
  uint64_t list_values_ = 0;
};

}  // namespace

absl::StatusOr<Dataset> ReadDataset(const Sources& sources, data::Format format, const model::Schema& schema,
                                    const std::vector<model::Label>& labels, bool labels_required,
                                    const ReadProgress& progress, const CacheOptions& cache,
                                    const std::string& time_column) {
  absl::StatusOr<std::unique_ptr<BlockReader>> opened =
      BlockReader::Open(sources, format, schema, labels, labels_required, time_column);
  if (!opened.ok()) return opened.status();
  BlockReader& reader = **opened;
  Dataset block;
  Collector collector(cache);
  while (true) {
    absl::StatusOr<bool> more = reader.Next(kBlockRows, &block);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (collector.rows() + block.rows > kMaxRows) {
      return absl::InvalidArgumentError(
          absl::StrCat(sources.ToString(), " has more than ", kMaxRows, " rows; split it"));
    }
    const double share = static_cast<double>(reader.bytes_read()) / static_cast<double>(reader.bytes_total());
    if (absl::Status added = collector.Add(block, share); !added.ok()) return added;
    if (progress) progress(collector.rows(), reader.bytes_read(), reader.bytes_total());
  }
  if (collector.rows() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(sources.ToString(), " has a header but no rows"));
  }
  return collector.Take();
}

absl::StatusOr<uint64_t> CountRows(const Sources& sources, data::Format format, uint64_t at_most,
                                   const ReadProgress& progress) {
  absl::StatusOr<std::unique_ptr<SourceReader>> reader = SourceReader::Open(sources, format);
  if (!reader.ok()) return reader.status();
  std::vector<std::string_view> cells;
  for (uint64_t rows = 0;; ++rows) {
    if (rows == at_most) return rows;
    absl::StatusOr<bool> more = (*reader)->Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    if (rows % kBlockRows == 0) progress(rows, (*reader)->bytes_read(), (*reader)->bytes_total());
  }
}

}  // namespace adscore::trainer
