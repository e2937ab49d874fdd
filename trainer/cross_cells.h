// The cells of a cross (model/cross.h), made of those of its two features: columns that are in no file and in
// no cache.
//
// Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "model/cross.h"
#include "model/encoding.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// Replaces `to` by a row for each of `rows` of `first` and `second`, the columns of the cross's features.
// `encodings` has theirs: the bins of numbers are crossed.
void CrossCells(const model::Schema& schema, std::span<const model::FeatureEncoding> encodings,
                const model::Cross& cross, const Column& first, const Column& second,
                std::span<const uint32_t> rows, Column* to);

// ForEachCell for all that is encoded, in the order of the encodings, of which those of the features must be
// there.
template <typename Visit>
absl::Status ForEachEncodedCell(const Dataset& data, size_t encoded, std::span<const uint32_t> rows,
                                std::span<const model::FeatureEncoding> encodings, const Visit& visit) {
  const size_t features = data.schema.features.size();
  if (encoded < features) return ForEachCell(data, encoded, rows, visit);
  constexpr size_t kRowsAtOnce = 65536;  // made and forgotten again
  const model::Cross& cross = data.schema.crosses[encoded - features];
  Column buffers[2];
  Column crossed;
  std::vector<uint32_t> local;
  for (size_t block = 0, at = 0; block < data.blocks() && at < rows.size(); ++block) {
    const size_t begin = data.BlockBegin(block);
    const size_t end = data.BlockEnd(block);
    if (rows[at] >= end) continue;
    const absl::StatusOr<const Column*> first = data.Cells(cross.first, block, &buffers[0]);
    if (!first.ok()) return first.status();
    const absl::StatusOr<const Column*> second = data.Cells(cross.second, block, &buffers[1]);
    if (!second.ok()) return second.status();
    while (at < rows.size() && rows[at] < end) {
      local.clear();
      for (; at < rows.size() && rows[at] < end && local.size() < kRowsAtOnce; ++at) {
        local.push_back(static_cast<uint32_t>(rows[at] - begin));
      }
      CrossCells(data.schema, encodings, cross, **first, **second, local, &crossed);
      for (size_t i = 0; i < local.size(); ++i) {
        visit(crossed, i, static_cast<uint32_t>(begin + local[i]));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace adscore::trainer
