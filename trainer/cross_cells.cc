#include "trainer/cross_cells.h"

#include <vector>

namespace adscore::trainer {
namespace {

// The values of one row, as model::CrossTokens takes them; `one` is where a single one is put.
std::span<const uint64_t> ValuesOf(const model::Feature& feature, const model::FeatureEncoding& encoding,
                                   const Column& column, size_t row, uint64_t* one) {
  switch (feature.kind) {
    case model::FeatureKind::kNumeric:
      *one = model::EncodeNumber(feature, encoding.numeric, column.numeric[row]).bin;
      break;
    case model::FeatureKind::kCategorical:
      *one = column.tokens[row];
      break;
    case model::FeatureKind::kMultiCategorical:
      return std::span<const uint64_t>(column.multi)
          .subspan(column.multi_begin[row], column.multi_count[row]);
  }
  return {one, 1};
}

}  // namespace

void CrossCells(const model::Schema& schema, std::span<const model::FeatureEncoding> encodings,
                const model::Cross& cross, const Column& first, const Column& second,
                std::span<const uint32_t> rows, Column* to) {
  const bool list = model::FeatureOf(schema, cross).kind == model::FeatureKind::kMultiCategorical;
  to->Clear();
  std::vector<uint64_t> tokens;
  for (const uint32_t row : rows) {
    uint64_t one[2];
    const auto values = [&](size_t feature, const Column& column, uint64_t* at) {
      return ValuesOf(schema.features[feature], encodings[feature], column, row, at);
    };
    model::CrossTokens(cross.kind, list, values(cross.first, first, &one[0]),
                       values(cross.second, second, &one[1]), &tokens);
    if (!list) {
      to->tokens.push_back(tokens[0]);
      continue;
    }
    to->multi_begin.push_back(to->multi.size());
    to->multi_count.push_back(static_cast<uint32_t>(tokens.size()));
    to->multi.insert(to->multi.end(), tokens.begin(), tokens.end());
  }
}

}  // namespace adscore::trainer
