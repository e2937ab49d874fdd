// Requests as the model sees them: packed and named features, and what is said about bad ones.
#include "server/rpc/codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "data/cell.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::server {
namespace {

using model::testing::TinySnapshot;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CodecTest : public ::testing::Test {
 protected:
  static v1::PredictRequest Parse(const std::string& json) {
    v1::PredictRequest request;
    const auto status = google::protobuf::util::JsonStringToMessage(json, &request);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return request;
  }

  // A packed request of two candidates that is right.
  v1::PredictRequest Packed() const {
    v1::PredictRequest request;
    request.set_candidate_count(2);
    v1::PackedFeatures& packed = *request.mutable_packed();
    packed.set_schema_fingerprint(fingerprint_);
    packed.mutable_context()->add_numeric(13);
    packed.mutable_context()->add_categorical(data::TokenHash("site1"));
    packed.mutable_context()->add_multi_count(1);
    packed.mutable_context()->add_multi(data::TokenHash("tag1"));
    for (const float bid : {0.5F, 1.5F}) packed.mutable_candidates()->add_numeric(bid);
    for (const char* ad : {"ad1", "ad2"}) packed.mutable_candidates()->add_categorical(data::TokenHash(ad));
    for (const uint32_t count : {2, 0}) packed.mutable_candidates()->add_multi_count(count);
    for (const char* tag : {"tag2", "tag3"}) packed.mutable_candidates()->add_multi(data::TokenHash(tag));
    return request;
  }

  std::optional<Refusal> Decode(const v1::PredictRequest& request) {
    return decoder_.Decode(request, snapshot_.snapshot().schema, fingerprint_, &impression_);
  }
  // The message with which `request` is refused as invalid.
  std::string WhyInvalid(const v1::PredictRequest& request) {
    EXPECT_EQ(Decode(request), Refusal::kInvalid);
    return decoder_.message();
  }
  std::string WhyInvalid(const std::string& json) { return WhyInvalid(Parse(json)); }

  const TinySnapshot snapshot_;
  const uint64_t fingerprint_ = model::Fingerprint(snapshot_.snapshot().schema);
  RequestDecoder decoder_;
  model::Impression impression_;
};

TEST_F(CodecTest, PackedFeaturesAreReadWhereTheyLie) {
  const v1::PredictRequest request = Packed();
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_EQ(impression_.candidates.rows, 2u);
  EXPECT_EQ(impression_.candidates.numeric.data(), request.packed().candidates().numeric().data());
  EXPECT_EQ(impression_.context.rows, 1u);
  EXPECT_EQ(impression_.context.categorical.data(), request.packed().context().categorical().data());
}

TEST_F(CodecTest, NamedFeaturesPackToTheSameColumns) {
  const v1::PredictRequest packed = Packed();
  ASSERT_EQ(Decode(packed), std::nullopt);
  const model::Impression expected = impression_;
  RequestDecoder named_decoder;
  model::Impression named;
  const v1::PredictRequest request = Parse(R"({"named": {
      "context": {"hour": 13, "site": "site1", "interests": "tag1"},
      "candidates": {"bid": ["0.5", 1.5], "ad": ["ad1", "ad2"], "tags": [["tag2", "tag3"], []]}}})");
  ASSERT_EQ(named_decoder.Decode(request, snapshot_.snapshot().schema, fingerprint_, &named), std::nullopt)
      << named_decoder.message();
  const auto expect_equal = [](const model::RawColumns& a, const model::RawColumns& b) {
    EXPECT_EQ(a.rows, b.rows);
    EXPECT_TRUE(std::ranges::equal(a.numeric, b.numeric));
    EXPECT_TRUE(std::ranges::equal(a.categorical, b.categorical));
    EXPECT_TRUE(std::ranges::equal(a.multi_count, b.multi_count));
    EXPECT_TRUE(std::ranges::equal(a.multi, b.multi));
  };
  expect_equal(expected.context, named.context);
  expect_equal(expected.candidates, named.candidates);
}

TEST_F(CodecTest, NamedFeaturesThatAreLeftOutOrNullAreMissing) {
  const auto request =
      Parse(R"({"named": {"context": {"hour": null}, "candidates": {"ad": [null, "ad1"]}}})");
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_TRUE(std::isnan(impression_.context.numeric[0]));
  EXPECT_THAT(impression_.context.categorical, ElementsAre(data::kMissingToken));
  EXPECT_THAT(impression_.context.multi_count, ElementsAre(0));
  EXPECT_TRUE(std::isnan(impression_.candidates.numeric[0]) && std::isnan(impression_.candidates.numeric[1]));
  EXPECT_THAT(impression_.candidates.categorical, ElementsAre(data::kMissingToken, data::TokenHash("ad1")));
}

TEST_F(CodecTest, NamedValuesFollowTheRulesOfALogsCells) {
  const auto request = Parse(R"({"named": {"context": {"hour": "NA", "site": 42, "interests": "a||b"},
                                           "candidates": {"ad": [7], "tags": [[1, "x", ""]]}}})");
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_TRUE(std::isnan(impression_.context.numeric[0]));
  EXPECT_THAT(impression_.context.categorical, ElementsAre(data::TokenHash("42")));
  EXPECT_THAT(impression_.context.multi, ElementsAre(data::TokenHash("a"), data::TokenHash("b")));
  EXPECT_THAT(impression_.candidates.categorical, ElementsAre(data::TokenHash("7")));
  EXPECT_THAT(impression_.candidates.multi, ElementsAre(data::TokenHash("1"), data::TokenHash("x")));
}

TEST_F(CodecTest, ACountIsEnoughWhereNoCandidateFeatureIsGiven) {
  const auto request = Parse(R"({"candidate_count": 3, "named": {"context": {"hour": 3}}})");
  EXPECT_EQ(RequestedRows(request), 3u);
  ASSERT_EQ(Decode(request), std::nullopt) << decoder_.message();
  EXPECT_EQ(impression_.candidates.rows, 3u);
  EXPECT_EQ(impression_.candidates.numeric.size(), 3u);
}

TEST_F(CodecTest, TheNumberOfCandidatesFollowsFromNamedLists) {
  EXPECT_EQ(RequestedRows(Parse(R"({"named": {"candidates": {"ad": ["a", "b", "c"]}}})")), 3u);
  EXPECT_EQ(RequestedRows(Parse(R"({"candidate_count": 9, "packed": {}})")), 9u);
  EXPECT_EQ(RequestedRows(v1::PredictRequest()), 1u);
}

TEST_F(CodecTest, AnotherSchemasFingerprintIsASchemaMismatch) {
  v1::PredictRequest request = Packed();
  request.mutable_packed()->set_schema_fingerprint(fingerprint_ + 1);
  EXPECT_EQ(Decode(request), Refusal::kSchemaMismatch);
  EXPECT_THAT(decoder_.message(), HasSubstr("GetModel"));
}

TEST_F(CodecTest, FingerprintsAreWrittenInHexadecimalAsEverywhere) {
  v1::PredictRequest request = Packed();
  request.mutable_packed()->set_schema_fingerprint(0xabc);
  EXPECT_EQ(Decode(request), Refusal::kSchemaMismatch);
  char own[17];
  std::snprintf(own, sizeof(own), "%016llx", static_cast<unsigned long long>(fingerprint_));
  EXPECT_THAT(decoder_.message(), HasSubstr("0000000000000abc is of another schema"));
  EXPECT_THAT(decoder_.message(), HasSubstr(own));
}

TEST_F(CodecTest, PackedFeaturesOfAWrongNumberSayHowManyWereExpected) {
  v1::PredictRequest request = Packed();
  request.mutable_packed()->mutable_candidates()->add_numeric(1);
  EXPECT_THAT(WhyInvalid(request),
              HasSubstr("candidate: expected 2 numeric values (1 features x 2 rows), got 3"));
  request = Packed();
  request.mutable_packed()->clear_context();
  EXPECT_THAT(WhyInvalid(request), HasSubstr("context: expected 1 numeric values"));
  request = Packed();
  request.set_candidate_count(3);
  EXPECT_THAT(WhyInvalid(request), HasSubstr("expected 3 numeric values"));
  request = Packed();
  request.set_candidate_count(0);
  EXPECT_THAT(WhyInvalid(request), HasSubstr("candidate_count"));
  request = Packed();
  request.mutable_packed()->mutable_candidates()->set_multi_count(0, std::numeric_limits<uint32_t>::max());
  EXPECT_THAT(WhyInvalid(request), HasSubstr("multi_count"));
}

TEST_F(CodecTest, PackedInfinityIsRefused) {
  v1::PredictRequest request = Packed();
  request.mutable_packed()->mutable_candidates()->set_numeric(1, std::numeric_limits<float>::infinity());
  EXPECT_THAT(WhyInvalid(request), HasSubstr("'bid', row 1"));
}

TEST_F(CodecTest, ARequestWithoutFeaturesSaysWhatToSend) {
  EXPECT_THAT(WhyInvalid(v1::PredictRequest()), HasSubstr("'packed' nor 'named'"));
  EXPECT_THAT(WhyInvalid(R"({"named": {"context": {"hour": 1}}})"), HasSubstr("candidate_count"));
}

TEST_F(CodecTest, NamedErrorsSayWhichFeatureWhichCandidateAndWhatWasExpected) {
  EXPECT_EQ(WhyInvalid(R"({"named": {"candidates": {"bid": [1, "cheap"]}}})"),
            "named.candidates: feature 'bid', candidate 1: expected a number that fits 32 bits, or null, got "
            "'cheap'");
  EXPECT_EQ(WhyInvalid(R"({"named": {"candidates": {"bid": [1e300]}}})"),
            "named.candidates: feature 'bid', candidate 0: expected a number that fits 32 bits, or null, got "
            "1e+300");
  EXPECT_EQ(WhyInvalid(R"({"named": {"context": {"site": 1.5}, "candidates": {"ad": ["a"]}}})"),
            "named.context: feature 'site': expected a string, a whole number, or null, got 1.5");
  EXPECT_EQ(WhyInvalid(R"({"named": {"context": {"site": true}, "candidates": {"ad": ["a"]}}})"),
            "named.context: feature 'site': expected a string, a whole number, or null, got true");
  EXPECT_EQ(WhyInvalid(R"({"named": {"candidates": {"ad": "a"}}})"),
            "named.candidates: feature 'ad': expected a list with one value per candidate, got 'a'");
  EXPECT_EQ(WhyInvalid(R"({"candidate_count": 3, "named": {"candidates": {"ad": ["a", "b"]}}})"),
            "named.candidates: feature 'ad': expected a list of 3 values, one per candidate, got 2");
  EXPECT_THAT(WhyInvalid(R"({"named": {"candidates": {"ad": ["a", "b"], "bid": [1]}}})"),
              HasSubstr("feature 'bid': expected a list of 2 values"));
  EXPECT_THAT(WhyInvalid(R"({"named": {"candidates": {"ad": []}}})"),
              HasSubstr("expected a list of 1 values"));
  EXPECT_THAT(
      WhyInvalid(R"({"named": {"context": {"interests": {"a": 1}}, "candidates": {"ad": ["a"]}}})"),
      HasSubstr("feature 'interests': expected a list of tokens, one string of tokens between '|', or null"));
}

TEST_F(CodecTest, NamesThatTheSchemaDoesNotHaveAreRefusedSoThatATypoIsNotAMissingValue) {
  EXPECT_EQ(WhyInvalid(R"({"named": {"context": {"huor": 1}, "candidates": {"ad": ["a"]}}})"),
            "named.context: the model has no feature 'huor'; it has here: hour, site, interests");
  EXPECT_EQ(WhyInvalid(R"({"named": {"context": {"bid": 1}, "candidates": {"ad": ["a"]}}})"),
            "named.context: feature 'bid' belongs in 'candidates'");
}

TEST_F(CodecTest, AnswersHaveOneColumnPerHead) {
  v1::PredictResponse response;
  const std::vector<float> probabilities = {0.1F, 0.2F, 0.3F, 0.4F};
  EncodeResponse(7, probabilities, 2, {}, &response);
  EXPECT_EQ(response.version(), 7);
  ASSERT_EQ(response.heads_size(), 2);
  EXPECT_THAT(response.heads(0).probability(), ElementsAre(0.1F, 0.3F));
  EXPECT_THAT(response.heads(1).probability(), ElementsAre(0.2F, 0.4F));
  EXPECT_THAT(response.heads(0).head(), IsEmpty());
}

}  // namespace
}  // namespace adscore::server
