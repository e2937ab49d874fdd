// The Open Inference Protocol's tensors as the model sees them, and what is said about bad ones.
#include "server/rpc/infer_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "data/cell.h"
#include "server/rpc/codec.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/infer_requests.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using inference::ModelInferRequest;
using model::testing::TinySnapshot;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Bit by bit, so that missing numbers compare.
std::vector<uint32_t> Bits(std::span<const float> values) {
  std::vector<uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size_bytes());
  return bits;
}

void ExpectSame(const model::RawColumns& a, const model::RawColumns& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(Bits(a.numeric), Bits(b.numeric));
  EXPECT_TRUE(std::ranges::equal(a.categorical, b.categorical));
  EXPECT_TRUE(std::ranges::equal(a.multi_count, b.multi_count));
  EXPECT_TRUE(std::ranges::equal(a.multi, b.multi));
}

class InferCodecTest : public ::testing::Test {
 protected:
  InferCodecTest() {
    for (const char* name : {"a", "b", "c"}) dense_.schema.features.emplace_back().name = name;
    dense_.heads.emplace_back().name = "click";
  }

  // `request` as it comes off the wire; valid until the next one.
  const InferRequest& Read(const ModelInferRequest& request) {
    bytes_ = request.SerializeAsString();
    EXPECT_TRUE(request_.Read(bytes_).ok());
    return request_;
  }
  std::optional<Refusal> Decode(const ModelInferRequest& request) {
    return decoder_.Decode(Read(request), tiny_.snapshot(), &impression_);
  }
  std::string WhyInvalid(const ModelInferRequest& request) {
    EXPECT_EQ(Decode(request), Refusal::kInvalid);
    return decoder_.message();
  }
  std::string WhyInvalidDense(const ModelInferRequest& request) {
    EXPECT_EQ(decoder_.Decode(Read(request), dense_, &impression_), Refusal::kInvalid);
    return decoder_.message();
  }
  // The i-th input's contents replaced.
  static ModelInferRequest RawWith(int i, const std::string& datatype, const std::vector<int64_t>& shape,
                                   const std::string& bytes) {
    ModelInferRequest request = RawInferRequest();
    request.mutable_inputs(i)->set_datatype(datatype);
    request.mutable_inputs(i)->mutable_shape()->Clear();
    request.mutable_inputs(i)->mutable_shape()->Add(shape.begin(), shape.end());
    request.set_raw_input_contents(i, bytes);
    return request;
  }

  const TinySnapshot tiny_;
  model::Snapshot dense_;  // its schema and heads only
  std::string bytes_;
  InferRequest request_;
  InferDecoder decoder_;
  model::Impression impression_;
};

TEST_F(InferCodecTest, RawAndTypedTensorsBecomeTheColumnsThatNamedFeaturesBecome) {
  RequestDecoder named;
  model::Impression expected;
  const v1::PredictRequest request = NamedRequest();
  ASSERT_EQ(named.Decode(request, tiny_.snapshot().schema, 0, &expected), std::nullopt);
  for (const ModelInferRequest& infer : {RawInferRequest(), TypedInferRequest()}) {
    ASSERT_EQ(Decode(infer), std::nullopt) << decoder_.message();
    EXPECT_EQ(RequestedRows(request_), 3u);
    ExpectSame(impression_.context, expected.context);
    ExpectSame(impression_.candidates, expected.candidates);
    EXPECT_THAT(decoder_.heads(), ElementsAre(0, 1));
  }
}

TEST_F(InferCodecTest, FeaturesThatAreLeftOutAreMissing) {
  ModelInferRequest request;
  AddInput("ad", "BYTES", {2}, &request);
  request.add_raw_input_contents(RawStrings({"ad1", ""}));
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_TRUE(std::isnan(impression_.context.numeric[0]));
  EXPECT_TRUE(std::isnan(impression_.candidates.numeric[1]));
  EXPECT_THAT(impression_.candidates.categorical, ElementsAre(data::TokenHash("ad1"), data::kMissingToken));
  EXPECT_THAT(impression_.candidates.multi_count, ElementsAre(0, 0));
}

TEST_F(InferCodecTest, WholeNumbersAreTheTokensOfTheirDigits) {
  ModelInferRequest request;
  AddInput("ad", "INT64", {2}, &request);
  request.add_raw_input_contents(RawNumbers<int64_t>({-7, std::numeric_limits<int64_t>::max()}));
  AddInput("tags", "UINT8", {2, 2}, &request);
  request.add_raw_input_contents(RawNumbers<uint8_t>({1, 2, 255, 0}));
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_THAT(impression_.candidates.categorical,
              ElementsAre(data::TokenHash("-7"), data::TokenHash("9223372036854775807")));
  EXPECT_THAT(impression_.candidates.multi_count, ElementsAre(2, 2));
  EXPECT_THAT(impression_.candidates.multi, ElementsAre(data::TokenHash("1"), data::TokenHash("2"),
                                                        data::TokenHash("255"), data::TokenHash("0")));
}

TEST_F(InferCodecTest, EveryTypeOfNumberIsANumber) {
  const auto bid = [&](const std::string& datatype, const std::string& bytes) {
    ModelInferRequest request;
    AddInput("bid", datatype, {1}, &request);
    request.add_raw_input_contents(bytes);
    EXPECT_EQ(Decode(request), std::nullopt) << decoder_.message();
    return impression_.candidates.numeric[0];
  };
  EXPECT_EQ(bid("FP32", RawNumbers<float>({-2.5})), -2.5F);
  EXPECT_EQ(bid("FP64", RawNumbers<double>({-2.5})), -2.5F);
  EXPECT_EQ(bid("INT8", RawNumbers<int8_t>({-3})), -3.0F);
  EXPECT_EQ(bid("INT16", RawNumbers<int16_t>({-300})), -300.0F);
  EXPECT_EQ(bid("INT32", RawNumbers<int32_t>({-70000})), -70000.0F);
  EXPECT_EQ(bid("INT64", RawNumbers<int64_t>({1LL << 40})), std::ldexp(1.0F, 40));
  EXPECT_EQ(bid("UINT8", RawNumbers<uint8_t>({200})), 200.0F);
  EXPECT_EQ(bid("UINT16", RawNumbers<uint16_t>({60000})), 60000.0F);
  EXPECT_EQ(bid("UINT32", RawNumbers<uint32_t>({4000000000})), 4000000000.0F);
  EXPECT_EQ(bid("UINT64", RawNumbers<uint64_t>({1ULL << 63})), std::ldexp(1.0F, 63));
  EXPECT_EQ(bid("BOOL", RawNumbers<uint8_t>({1})), 1.0F);
}

TEST_F(InferCodecTest, ADenseModelTakesAllFeaturesInOneTensorOrEachByName) {
  ModelInferRequest all;
  AddInput("features", "FP32", {2, 3}, &all);
  all.add_raw_input_contents(RawNumbers<float>({1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(decoder_.Decode(Read(all), dense_, &impression_), std::nullopt) << decoder_.message();
  EXPECT_THAT(impression_.candidates.numeric, ElementsAre(1, 4, 2, 5, 3, 6));

  ModelInferRequest named;
  AddInput("c", "FP32", {1}, &named);
  named.add_raw_input_contents(RawNumbers<float>({9}));
  ASSERT_EQ(decoder_.Decode(Read(named), dense_, &impression_), std::nullopt) << decoder_.message();
  EXPECT_EQ(impression_.candidates.numeric[2], 9);

  all.mutable_inputs(0)->set_shape(1, 2);
  all.set_raw_input_contents(0, RawNumbers<float>({1, 2, 3, 4}));
  EXPECT_EQ(WhyInvalidDense(all),
            "input 'features': shape: expected [2, 3], one column per feature, got 2 elements per row");
  all.mutable_inputs(0)->set_name("fatures");
  EXPECT_THAT(WhyInvalidDense(all),
              HasSubstr("'fatures': the model has no such feature; it has a, b, c; or"));
  all.mutable_inputs(0)->set_name("features");
  EXPECT_THAT(WhyInvalid(all), HasSubstr("'features': the model has no such feature"));
}

TEST_F(InferCodecTest, RawAndTypedAreNotMixed) {
  ModelInferRequest request = RawInferRequest();
  request.mutable_inputs(3)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(WhyInvalid(request), "input 'bid': both contents and raw_input_contents; leave one of them out");
  request = RawInferRequest();
  request.mutable_raw_input_contents()->RemoveLast();
  EXPECT_EQ(WhyInvalid(request), "raw_input_contents: expected one entry for each of the 6 inputs, got 5");
}

TEST_F(InferCodecTest, BytesMustBeThoseThatShapeAndDatatypeNeed) {
  EXPECT_EQ(WhyInvalid(RawWith(3, "FP32", {3}, "12345678901")),
            "input 'bid': expected 12 bytes (3 elements of FP32), got 11");
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3, 1LL << 58}, "")),
              HasSubstr("expected 3458764513820540928 bytes"))
      << "no overflow";
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3, 1LL << 62}, "")),
              HasSubstr("more elements than any message holds"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3, 1LL << 40, 1LL << 40}, "")),
              HasSubstr("more elements than any message holds"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {-1}, "")), HasSubstr("dimension 0 is -1"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3, 0}, "")), HasSubstr("dimension 1 is 0"));
  EXPECT_THAT(WhyInvalid(RawWith(4, "BYTES", {3}, RawStrings({"a", "b"}))),
              HasSubstr("the bytes end after 2"));
  EXPECT_THAT(WhyInvalid(RawWith(4, "BYTES", {3}, RawStrings({"a", "b", "c", "d"}))),
              HasSubstr("5 bytes are left after the 3 strings"));
  EXPECT_THAT(WhyInvalid(RawWith(4, "BYTES", {3},
                                 std::string("\xff\xff\xff\xff"
                                             "abc"))),
              HasSubstr("string 0 of 3 says that it has 4294967295 bytes, but only 3 follow"));
}

TEST_F(InferCodecTest, TypedContentsMustBeInTheirFieldAndAsManyAsTheShapeSays) {
  ModelInferRequest request;
  auto* bid = AddInput("bid", "FP32", {2}, &request);
  bid->mutable_contents()->add_fp64_contents(1);
  EXPECT_EQ(WhyInvalid(request), "input 'bid': contents: 1 values are in fields that are not those of FP32");
  bid->mutable_contents()->clear_fp64_contents();
  EXPECT_EQ(WhyInvalid(request), "input 'bid': contents: expected 2 values, as its shape says, got 0");
  for (int i = 0; i < 3; ++i) bid->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(WhyInvalid(request), "input 'bid': contents: expected 2 values, as its shape says, got 3");
  bid->set_datatype("FP16");
  EXPECT_THAT(WhyInvalid(request), HasSubstr("datatype: 'FP16'; expected FP32"));
}

TEST_F(InferCodecTest, TensorsMustSuitTheirFeatures) {
  EXPECT_THAT(WhyInvalid(RawWith(3, "BYTES", {3}, RawStrings({"1", "2", "3"}))),
              HasSubstr("'bid': a numeric feature; expected numbers"));
  EXPECT_THAT(WhyInvalid(RawWith(4, "FP32", {3}, RawNumbers<float>({1, 2, 3}))),
              HasSubstr("'ad': a categorical feature; expected BYTES or whole numbers, got FP32"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3, 2}, RawNumbers<float>({1, 2, 3, 4, 5, 6}))),
              HasSubstr("'bid': shape: expected [3] or [3, 1], got 2 elements per row"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {2}, RawNumbers<float>({1, 2}))),
              HasSubstr("'bid': shape: expected 3 rows"));
  EXPECT_THAT(WhyInvalid(RawWith(0, "FP32", {2}, RawNumbers<float>({1, 1}))),
              HasSubstr("'hour': shape: expected 1 row, or 3"));
  EXPECT_THAT(
      WhyInvalid(RawWith(0, "FP32", {3}, RawNumbers<float>({1, 1, 2}))),
      HasSubstr(
          "'hour' is a context feature, the same for all candidates of a request, but rows 0 and 2 differ"));
  EXPECT_THAT(WhyInvalid(RawWith(2, "BYTES", {3}, RawStrings({"a|b", "a|b", "a"}))),
              HasSubstr("rows 0 and 2 differ"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP32", {3}, RawNumbers<float>({1, 2, INFINITY}))),
              HasSubstr("'bid', row 2: infinity"));
  EXPECT_THAT(WhyInvalid(RawWith(3, "FP64", {3}, RawNumbers<double>({1, 1e300, 2}))),
              HasSubstr("'bid', row 1: infinity"));
}

TEST_F(InferCodecTest, InputsAreNamedOnceAndTheModelHasThem) {
  ModelInferRequest request = RawInferRequest();
  request.mutable_inputs(4)->set_name("bid");
  request.mutable_inputs(3)->set_datatype("FP32");
  EXPECT_EQ(WhyInvalid(request), "input 'bid': is there twice");
  request.mutable_inputs(4)->set_name("add");
  EXPECT_EQ(WhyInvalid(request),
            "input 'add': the model has no such feature; it has hour, site, interests, bid, ad, tags");
  EXPECT_THAT(WhyInvalid(ModelInferRequest()), HasSubstr("inputs: none"));
  request = RawInferRequest();
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("x");
  EXPECT_THAT(WhyInvalid(request), HasSubstr("shared memory is not supported"));
}

TEST_F(InferCodecTest, OutputsAreHeads) {
  ModelInferRequest request = RawInferRequest();
  request.add_outputs()->set_name("conversion");
  ASSERT_EQ(Decode(request), std::nullopt);
  EXPECT_THAT(decoder_.heads(), ElementsAre(1));
  request.add_outputs()->set_name("conversion");
  EXPECT_EQ(WhyInvalid(request), "outputs: 'conversion' is there twice");
  request.mutable_outputs(1)->set_name("sale");
  EXPECT_EQ(WhyInvalid(request), "outputs: the model has no head 'sale'; it has click, conversion");
}

TEST_F(InferCodecTest, VersionsAndParametersAreRead) {
  ModelInferRequest request;
  request.set_model_version("12");
  (*request.mutable_parameters())["timeout"].set_int64_param(5000);
  (*request.mutable_parameters())["priority"].set_uint64_param(1);
  (*request.mutable_parameters())["key"].set_string_param("user1");
  (*request.mutable_parameters())["mine"].set_bool_param(true);
  InferOptions options;
  ASSERT_TRUE(ParseInferOptions(Read(request), &options).ok());
  EXPECT_EQ(options.version, 12);
  EXPECT_EQ(options.timeout, std::chrono::microseconds(5000));
  EXPECT_EQ(options.key, "user1");
  (*request.mutable_parameters())["timeout"].set_int64_param(-1);
  EXPECT_THAT(std::string(ParseInferOptions(Read(request), &options).message()),
              HasSubstr("parameters['timeout']: expected a whole number"));
  (*request.mutable_parameters())["timeout"].set_uint64_param(UINT64_MAX);
  ASSERT_TRUE(ParseInferOptions(Read(request), &options).ok());
  EXPECT_GT(options.timeout.count(), 0);
  (*request.mutable_parameters())["key"].set_int64_param(1);
  EXPECT_THAT(std::string(ParseInferOptions(Read(request), &options).message()),
              HasSubstr("parameters['key']: expected a string"));
  for (const char* version : {"x", "-1", "0", "1.5", "99999999999999999999", "1 "}) {
    request.set_model_version(version);
    EXPECT_THAT(std::string(ParseInferOptions(Read(request), &options).message()),
                HasSubstr("model_version"));
    EXPECT_EQ(options.version, 0);
  }
}

TEST_F(InferCodecTest, AnswersHaveOneColumnPerHeadInTheFormOfTheRequest) {
  const std::vector<float> probabilities = {0.1F, 0.2F, 0.3F, 0.4F};
  const std::vector<size_t> heads = {1, 0};
  inference::ModelInferResponse response;
  ModelInferRequest request = TypedInferRequest();
  request.set_id("42");
  EncodeInferResponse(Read(request), "ads", 7, tiny_.snapshot(), probabilities, heads, &response);
  EXPECT_EQ(response.model_name(), "ads");
  EXPECT_EQ(response.model_version(), "7");
  EXPECT_EQ(response.id(), "42");
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "conversion");
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 1));
  EXPECT_THAT(response.outputs(0).contents().fp32_contents(), ElementsAre(0.2F, 0.4F));
  EXPECT_EQ(response.raw_output_contents_size(), 0);
  response.Clear();
  EncodeInferResponse(Read(RawInferRequest()), "ads", 7, tiny_.snapshot(), probabilities, heads, &response);
  ASSERT_EQ(response.raw_output_contents_size(), 2);
  EXPECT_EQ(response.raw_output_contents(1), RawNumbers<float>({0.1F, 0.3F}));
  EXPECT_FALSE(response.outputs(0).has_contents());
}

}  // namespace
}  // namespace adscore::server
