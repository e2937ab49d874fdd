#include "trainer/import/lookup_table.h"

namespace adscore::trainer {

LookupTable EmbeddingOfIds(std::span<const float> values, size_t rows, size_t dim) {
  LookupTable table;
  table.dim = dim;
  table.values.assign(values.begin(), values.end());
  std::vector<double> sum(dim, 0.0);
  for (size_t row = 0; row < rows; ++row) {
    table.tokens.push_back(std::to_string(row));
    for (size_t d = 0; d < dim; ++d) sum[d] += static_cast<double>(values[row * dim + d]);
  }
  for (const double s : sum) table.unknown.push_back(static_cast<float>(s / static_cast<double>(rows)));
  return table;
}

}  // namespace adscore::trainer
