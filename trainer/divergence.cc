#include "trainer/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "model/cross.h"

namespace adscore::trainer {
namespace {

// The largest distance from 0; infinite as soon as one of them is not finite.
float Largest(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) return std::numeric_limits<float>::infinity();
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

std::string Size(float largest) {
  return std::isfinite(largest) ? absl::StrFormat("up to %.3g", largest) : std::string("not finite");
}

// What a field puts into the network in one batch, by where it comes from.
struct FieldSizes {
  float number = 0;
  float embedding = 0;
  float statistics = 0;
};

FieldSizes SizesOf(const InputField& field, std::span<const float> table, const EncodedRows& rows,
                   std::span<const uint32_t> batch, const InputLayout& layout) {
  FieldSizes sizes;
  const auto look_up = [&](uint32_t id) {
    sizes.embedding =
        std::max(sizes.embedding, Largest(table.subspan(id * field.RowFloats(), field.RowFloats())));
  };
  for (const uint32_t row : batch) {
    sizes.statistics =
        std::max(sizes.statistics,
                 Largest(std::span<const float>(rows.statistics)
                             .subspan(row * layout.statistics + field.statistics_column, field.statistics)));
    switch (field.kind) {
      case model::FeatureKind::kNumeric: {
        const model::EncodedNumber& number = rows.numbers[row * layout.numeric + field.column];
        sizes.number = std::max(sizes.number, Largest({&number.value, 1}));
        look_up(number.bin);
        break;
      }
      case model::FeatureKind::kCategorical:
        look_up(rows.ids[row * layout.categorical + field.column]);
        break;
      case model::FeatureKind::kMultiCategorical: {
        const uint64_t* list = rows.multi_begin.data() + row * layout.multi + field.column;
        for (uint64_t i = list[0]; i < list[1]; ++i) look_up(rows.multi_ids[i]);
        break;
      }
    }
  }
  return sizes;
}

}  // namespace

std::string DescribeDivergence(const EncodedRows& rows, std::span<const uint32_t> batch,
                               const InputLayout& layout, const model::Schema& schema,
                               const Parameters& parameters) {
  const std::vector<model::Feature> features = model::EncodedFeatures(schema);
  float largest = -1;
  std::string input;
  for (size_t f = 0; f < layout.fields.size(); ++f) {
    const InputField& field = layout.fields[f];
    const FieldSizes sizes = SizesOf(field, parameters.tables[f], rows, batch, layout);
    const std::string& name = features[field.feature].name;
    const auto consider = [&](float size, const char* what) {
      if (size <= largest) return;
      largest = size;
      input = absl::StrFormat("%s of feature '%s' (%s)", what, name, Size(size));
    };
    consider(sizes.number, "the standardised numbers");
    consider(sizes.embedding, "the embeddings");
    consider(sizes.statistics, "the target statistics");
  }
  float heaviest = -1;
  std::string layer;
  for (size_t l = 0; l < parameters.layers.size(); ++l) {
    const float size = std::max(Largest(parameters.layers[l].weights), Largest(parameters.layers[l].bias));
    if (size <= heaviest) continue;
    heaviest = size;
    layer = absl::StrFormat("of layer %d of %d (%s)", l + 1, parameters.layers.size(), Size(size));
  }
  return absl::StrFormat("the largest inputs are %s, the largest weights those %s", input, layer);
}

}  // namespace adscore::trainer
