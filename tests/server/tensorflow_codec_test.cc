// TensorFlow Serving's tensors as the model sees them, and what is said about bad ones.
#include "server/rpc/tensorflow_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data/cell.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/infer_requests.h"

namespace adscore::server {
namespace {

using tensorflow::TensorProto;
using tensorflow::serving::PredictRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TensorFlowCodecTest : public ::testing::Test {
 protected:
  TensorFlowCodecTest() {
    for (const char* name : {"a", "b", "c"}) dense_.schema.features.emplace_back().name = name;
    dense_.heads.emplace_back().name = "click";
  }

  TensorProto& Add(const std::string& name, tensorflow::DataType type, const std::vector<int64_t>& shape) {
    TensorProto& tensor = (*request_.mutable_inputs())[name];
    tensor.set_dtype(type);
    for (const int64_t size : shape) tensor.mutable_tensor_shape()->add_dim()->set_size(size);
    return tensor;
  }
  std::optional<Refusal> Decode(const model::Snapshot& snapshot) {
    return decoder_.Decode(request_, snapshot, &impression_);
  }
  std::string WhyInvalid(const model::Snapshot& snapshot) {
    EXPECT_EQ(Decode(snapshot), Refusal::kInvalid);
    return decoder_.message();
  }

  const model::testing::TinySnapshot tiny_;
  model::Snapshot dense_;
  PredictRequest request_;
  TensorFlowDecoder decoder_;
  model::Impression impression_;
};

TEST_F(TensorFlowCodecTest, ADenseModelTakesItsSingleInputUnderAnyName) {
  Add("dense_input", tensorflow::DT_FLOAT, {2, 3}).set_tensor_content(RawNumbers<float>({1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(Decode(dense_), std::nullopt) << decoder_.message();
  EXPECT_THAT(impression_.candidates.numeric, ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_EQ(RequestedRows(request_), 2u);
}

TEST_F(TensorFlowCodecTest, AListThatIsTooShortRepeatsItsLastValue) {
  Add("x", tensorflow::DT_DOUBLE, {2, 3}).add_double_val(1);
  (*request_.mutable_inputs())["x"].add_double_val(2);
  ASSERT_EQ(Decode(dense_), std::nullopt) << decoder_.message();
  EXPECT_THAT(impression_.candidates.numeric, ElementsAre(1, 2, 2, 2, 2, 2));
}

TEST_F(TensorFlowCodecTest, FeaturesByNameAreReadFromTheListOfTheirType) {
  for (const int bid : {3, 4}) {
    if (bid == 3) Add("bid", tensorflow::DT_INT32, {2});
    (*request_.mutable_inputs())["bid"].add_int_val(bid);
  }
  Add("ad", tensorflow::DT_STRING, {2, 1}).add_string_val("ad1");
  Add("tags", tensorflow::DT_INT64, {2, 1}).set_tensor_content(RawNumbers<int64_t>({5, 6}));
  Add("hour", tensorflow::DT_FLOAT, {}).add_float_val(13);
  ASSERT_EQ(Decode(tiny_.snapshot()), std::nullopt) << decoder_.message();
  EXPECT_THAT(impression_.candidates.numeric, ElementsAre(3, 4));
  EXPECT_THAT(impression_.candidates.categorical,
              ElementsAre(data::TokenHash("ad1"), data::TokenHash("ad1")));
  EXPECT_THAT(impression_.candidates.multi, ElementsAre(data::TokenHash("5"), data::TokenHash("6")));
  EXPECT_THAT(impression_.context.numeric, ElementsAre(13));
}

TEST_F(TensorFlowCodecTest, AValueCantStandForAnyNumberOfTokens) {
  Add("tags", tensorflow::DT_STRING, {1, 1LL << 50}).add_string_val("a");
  EXPECT_THAT(WhyInvalid(tiny_.snapshot()),
              HasSubstr("'tags': expected all of its 1125899906842624 values, got 1"));
  // Nor one string of many tokens for many rows: 2^34 of them here.
  request_.Clear();
  std::string many;
  for (int i = 0; i < 1 << 20; ++i) many += "a|";
  Add("tags", tensorflow::DT_STRING, {1 << 14}).add_string_val(many);
  EXPECT_THAT(WhyInvalid(tiny_.snapshot()), HasSubstr("'tags': expected all of its 16384 values, got 1"));
}

TEST_F(TensorFlowCodecTest, ContentsMustSuitTypeAndShape) {
  TensorProto& x = Add("x", tensorflow::DT_FLOAT, {1, 3});
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("input 'x': expected 3 values"));
  for (int i = 0; i < 4; ++i) x.add_float_val(1);
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("got 4"));
  x.set_tensor_content("abc");
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("both tensor_content and a list"));
  x.clear_float_val();
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("expected 12 bytes"));
  x.clear_tensor_content();
  x.add_int64_val(1);
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("1 values are in lists that are not those of its dtype"));
  x.set_dtype(static_cast<tensorflow::DataType>(19));
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("dtype: 19"));
  x.set_dtype(tensorflow::DT_INT64);
  x.mutable_tensor_shape()->set_unknown_rank(true);
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("unknown_rank"));
  request_.clear_inputs();
  EXPECT_THAT(WhyInvalid(dense_), HasSubstr("inputs: none"));
}

TEST_F(TensorFlowCodecTest, ModelSpecs) {
  tensorflow::serving::ModelSpec spec;
  spec.set_name("ads");
  spec.set_signature_name("serving_default");
  spec.mutable_version()->set_value(7);
  Wanted wanted;
  ASSERT_TRUE(ParseModelSpec(spec, &wanted).ok());
  EXPECT_EQ(wanted.model, "ads");
  EXPECT_EQ(wanted.version, 7);
  spec.set_version_label("canary");
  ASSERT_TRUE(ParseModelSpec(spec, &wanted).ok());
  EXPECT_EQ(wanted.version, 0);
  EXPECT_EQ(wanted.label, "canary");
  spec.mutable_version()->set_value(0);
  EXPECT_THAT(std::string(ParseModelSpec(spec, &wanted).message()), HasSubstr("model_spec.version: 0"));
  spec.clear_version();
  spec.set_signature_name("train");
  EXPECT_THAT(std::string(ParseModelSpec(spec, &wanted).message()),
              HasSubstr("'train'; there is only 'serving_default'"));
}

TEST_F(TensorFlowCodecTest, AnswersHaveOneTensorPerHead) {
  const std::vector<float> probabilities = {0.1F, 0.2F, 0.3F, 0.4F};
  const std::vector<size_t> heads = {1};
  tensorflow::serving::PredictResponse response;
  EncodeTensorFlowResponse("ads", 7, tiny_.snapshot(), probabilities, heads, &response);
  EXPECT_EQ(response.model_spec().name(), "ads");
  EXPECT_EQ(response.model_spec().version().value(), 7);
  ASSERT_EQ(response.outputs_size(), 1);
  const TensorProto& tensor = response.outputs().at("conversion");
  EXPECT_EQ(tensor.dtype(), tensorflow::DT_FLOAT);
  EXPECT_EQ(tensor.tensor_shape().dim(0).size(), 2);
  EXPECT_EQ(tensor.tensor_shape().dim(1).size(), 1);
  EXPECT_THAT(tensor.float_val(), ElementsAre(0.2F, 0.4F));
}

}  // namespace
}  // namespace adscore::server
