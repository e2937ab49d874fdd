// What model_test does not reach: starting in the middle, going on where the last call ended, and rows with
// more values than are looked up together.
#include "model/row_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

using testing::RandomColumns;
using testing::TinySnapshot;

TEST(RowEncoderTest, RowsAreTheSameInPiecesFromAnyRowOn) {
  const TinySnapshot tiny({.crosses = true});
  constexpr size_t kRows = 50;
  const RandomColumns context(tiny.snapshot().schema, FeatureRole::kContext, 1, 6);
  for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
    const RandomColumns random(tiny.snapshot().schema, role, kRows, 5);
    const RowEncoder encoder(tiny.snapshot(), role);
    const size_t width = encoder.width();
    EncodeScratch scratch;
    std::vector<float> whole(kRows * width);
    encoder.Seek(random.columns, 0, &scratch);
    encoder.Encode(random.columns, context.columns, 0, kRows, &scratch, {whole.data(), width, 0});
    for (const size_t begin : {0, 1, 17, 49}) {
      std::vector<float> pieces(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(begin * width));
      encoder.Seek(random.columns, begin, &scratch);
      for (size_t first = begin, count = 1; first < kRows; first += count, ++count) {
        count = std::min(count, kRows - first);
        pieces.resize((first + count) * width);
        encoder.Encode(random.columns, context.columns, first, count, &scratch,
                       {pieces.data() + first * width, width, 0});
      }
      EXPECT_EQ(pieces, whole) << "from row " << begin;
    }
  }
}

TEST(RowEncoderTest, AThousandValuesHaveTheirMean) {
  Snapshot snapshot;
  snapshot.schema.features.resize(1);
  snapshot.schema.features[0].kind = FeatureKind::kMultiCategorical;
  const std::vector<uint64_t> tokens = {77};
  const VocabularySlots slots = BuildVocabulary(tokens);
  const std::vector<float> table = {9, 9, 1, 2, 5, 6};  // missing, unknown, token 77; two floats each
  snapshot.encodings.resize(1);
  snapshot.encodings[0].vocabulary = Vocabulary(slots.keys, slots.ids);
  snapshot.encodings[0].embedding = {.rows = 3, .dim = 2, .values = table};

  std::vector<uint64_t> values(1000, 77);
  for (size_t i = 0; i < 250; ++i) values[4 * i] = 5;  // a quarter is unknown
  const std::vector<uint32_t> counts = {0, 1000};
  const RawColumns columns = {
      .rows = 2, .numeric = {}, .categorical = {}, .multi_count = counts, .multi = values};
  const RowEncoder encoder(snapshot, FeatureRole::kCandidate);
  ASSERT_EQ(encoder.width(), 2u);
  EncodeScratch scratch;
  std::vector<float> input(4);
  encoder.Seek(columns, 0, &scratch);
  encoder.Encode(columns, {}, 0, 2, &scratch, {input.data(), 2, 0});
  EXPECT_EQ(input, (std::vector<float>{9, 9, 4, 5}));
}

}  // namespace
}  // namespace adscore::model
