#include "trainer/divergence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/trainer/test_data.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;

class DivergenceTest : public testing::Test {
 protected:
  DivergenceTest() : data_(SmallDataset(300, 1)), encoders_(FitEncoders(data_, AllRows(data_), {}).value()) {
    layout_ = LayOutInput(data_.schema, encoders_.encodings);
    AppendEncoded(data_, AllRows(data_), 0, data_.labels, layout_, encoders_, &rows_);
    parameters_ = InitialParameters(layout_, std::vector<size_t>{8}, std::vector<double>{0.3, 0.1}, 1);
  }
  std::string Describe() const {
    return DescribeDivergence(rows_, AllRows(data_), layout_, data_.schema, parameters_);
  }
  std::vector<float>& TableOf(const std::string& name) {
    for (size_t f = 0; f < layout_.fields.size(); ++f) {
      if (data_.schema.features[layout_.fields[f].feature].name == name) return parameters_.tables[f];
    }
    return parameters_.tables[0];
  }

  const Dataset data_;
  const FittedEncoders encoders_;
  InputLayout layout_;
  EncodedRows rows_;
  Parameters parameters_;
};

TEST_F(DivergenceTest, NamesTheFeatureWithTheLargestInputs) {
  for (const std::string name : {"amount", "ad", "tags"}) {
    std::vector<float>& table = TableOf(name);
    const std::vector<float> before = table;
    table[table.size() - 1] = 5e6F;
    EXPECT_THAT(Describe(), HasSubstr("the embeddings of feature '" + name + "' (up to 5e+06)"));
    table = before;
  }
}

TEST_F(DivergenceTest, WhatIsNotFiniteIsTheLargest) {
  TableOf("ad").back() = 1e30F;
  TableOf("tags").back() = std::nanf("");
  EXPECT_THAT(Describe(), HasSubstr("'tags' (not finite)"));
  parameters_.layers[0].weights[3] = 1e30F;
  parameters_.layers[1].bias[0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(Describe(), HasSubstr("layer 2 of 2 (not finite)"));
}

TEST_F(DivergenceTest, NumbersCountToo) {
  rows_.numbers[1].value = -777;
  EXPECT_THAT(Describe(), HasSubstr("the standardised numbers of feature"));
  EXPECT_THAT(Describe(), HasSubstr("(up to 777)"));
}

}  // namespace
}  // namespace adscore::trainer
