#include "model/single_rows.h"

#include <algorithm>

namespace adscore::model {
namespace {

// [columns][rows] → [rows][columns].
template <typename T>
void Transpose(std::span<const T> from, size_t columns, size_t rows, std::vector<T>* to) {
  to->resize(from.size());
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = 0; r < rows; ++r) (*to)[r * columns + c] = from[c * rows + r];
  }
}

}  // namespace

std::span<const Impression> SingleRows::Split(const Schema& schema, const RawColumns& context,
                                              const RawColumns& candidates) {
  const size_t rows = candidates.rows;
  impressions_.assign(rows, Impression{});

  const auto split = [&](FeatureRole role, const RawColumns& columns, Part* part,
                         RawColumns Impression::*member) {
    const RoleCounts counts = schema.Count(role);
    Transpose(columns.numeric, counts.numeric, rows, &part->numeric);
    Transpose(columns.categorical, counts.categorical, rows, &part->categorical);
    Transpose(columns.multi_count, counts.multi, rows, &part->multi_count);

    std::vector<size_t> begin(columns.multi_count.size());  // where the values of [feature][row] start
    size_t at = 0;
    for (size_t i = 0; i < begin.size(); ++i) {
      begin[i] = at;
      at += columns.multi_count[i];
    }
    part->multi.clear();
    part->multi.reserve(columns.multi.size());
    for (size_t r = 0; r < rows; ++r) {
      const size_t first = part->multi.size();
      for (size_t f = 0; f < counts.multi; ++f) {
        const size_t cell = f * rows + r;
        // Never beyond the values, even if the mapped file that they lie in was written over.
        const size_t first_value = std::min(begin[cell], columns.multi.size());
        const size_t most = columns.multi.size() - first_value;
        const auto values =
            columns.multi.subspan(first_value, std::min<size_t>(columns.multi_count[cell], most));
        part->multi.insert(part->multi.end(), values.begin(), values.end());
        part->multi_count[r * counts.multi + f] = static_cast<uint32_t>(values.size());
      }
      RawColumns& row = impressions_[r].*member;
      row.rows = 1;
      row.numeric = std::span(part->numeric).subspan(r * counts.numeric, counts.numeric);
      row.categorical = std::span(part->categorical).subspan(r * counts.categorical, counts.categorical);
      row.multi_count = std::span(part->multi_count).subspan(r * counts.multi, counts.multi);
      row.multi = {part->multi.data() + first, part->multi.size() - first};
    }
  };
  split(FeatureRole::kContext, context, &context_, &Impression::context);
  split(FeatureRole::kCandidate, candidates, &candidates_, &Impression::candidates);
  return impressions_;
}

}  // namespace adscore::model
