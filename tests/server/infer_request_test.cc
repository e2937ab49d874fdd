// Requests of the Open Inference Protocol off their bytes: what protobuf writes is read as protobuf reads it,
// and what is no message is refused.
#include "server/rpc/infer_request.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/server/infer_requests.h"

namespace adscore::server {
namespace {

using inference::ModelInferRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

ModelInferRequest FullRequest() {
  ModelInferRequest request = RawInferRequest();
  request.set_model_version("12");
  request.set_id("caf\xc3\xa9");
  (*request.mutable_parameters())["timeout"].set_int64_param(5000);
  request.add_outputs()->set_name("click");
  (*request.add_outputs()->mutable_parameters())["classification"].set_int64_param(2);
  return request;
}

TEST(InferRequestTest, ReadsWhatProtobufWrites) {
  const ModelInferRequest request = FullRequest();
  const std::string bytes = request.SerializeAsString();
  InferRequest read;
  ASSERT_TRUE(read.Read(bytes).ok());
  EXPECT_EQ(read.model_name(), "ads");
  EXPECT_EQ(read.model_version(), "12");
  EXPECT_EQ(read.id(), request.id());
  ASSERT_THAT(read.inputs(), SizeIs(6));
  for (size_t i = 0; i < 6; ++i) {
    const auto& expected = request.inputs(static_cast<int>(i));
    EXPECT_EQ(read.inputs()[i].name, expected.name());
    EXPECT_EQ(read.inputs()[i].datatype, expected.datatype());
    EXPECT_TRUE(std::ranges::equal(read.Shape(read.inputs()[i]), expected.shape()));
    EXPECT_EQ(read.inputs()[i].message, nullptr);
    EXPECT_EQ(read.raw_input_contents()[i], request.raw_input_contents(static_cast<int>(i)));
  }
  ASSERT_THAT(read.outputs(), SizeIs(2));
  EXPECT_EQ(read.outputs()[0].name, "click");
  EXPECT_EQ(read.outputs()[0].message, nullptr);
  ASSERT_NE(read.outputs()[1].message, nullptr);
  EXPECT_TRUE(read.outputs()[1].message->parameters().contains("classification"));
  ASSERT_NE(read.parameters(), nullptr);
  EXPECT_EQ(read.parameters()->parameters().at("timeout").int64_param(), 5000);
}

TEST(InferRequestTest, TypedContentsAreProtobufsAndARequestLeavesNothingForTheNext) {
  InferRequest read;
  const std::string first = FullRequest().SerializeAsString();
  ASSERT_TRUE(read.Read(first).ok());
  const std::string typed = TypedInferRequest().SerializeAsString();
  ASSERT_TRUE(read.Read(typed).ok());
  ASSERT_THAT(read.inputs(), SizeIs(6));
  ASSERT_NE(read.inputs()[0].message, nullptr);
  EXPECT_THAT(read.inputs()[0].message->contents().bytes_contents(), ElementsAre("ad1", "ad2", "ad3"));
  EXPECT_TRUE(read.raw_input_contents().empty());
  EXPECT_TRUE(read.outputs().empty());
  EXPECT_EQ(read.parameters(), nullptr);
  EXPECT_EQ(read.id(), "");
  ASSERT_TRUE(read.Read("").ok());
  EXPECT_TRUE(read.inputs().empty());
}

// Fields by hand, as other writers may order and spell them.
TEST(InferRequestTest, TakesWhatOtherWritersWrite) {
  InferRequest read;
  const std::string input = std::string("\x18\x03", 2)  // shape: 3, on its own
                            + std::string(
                                  "\x0a\x01"
                                  "a",
                                  3)                              // name: a
                            + std::string("\x1a\x02\x02\x01", 4)  // shape: 2, 1 together
                            + std::string(
                                  "\x0a\x01"
                                  "b",
                                  3)                                  // name again: the last one counts
                            + std::string("\x79\0\0\0\0\0\0\0\0", 9)  // unknown fixed64
                            + std::string("\x7d\0\0\0\0", 5)          // unknown fixed32
                            + std::string("\x0a", 1) +
                            std::string(
                                "\x01"
                                "c",
                                2);
  const std::string bytes = std::string("\x2a", 1) + static_cast<char>(input.size()) + input +
                            std::string("\x08\x07", 2)         // model_name's number with another type
                            + std::string("\x98\x06\x05", 3);  // unknown varint
  ModelInferRequest expected;
  ASSERT_TRUE(expected.ParseFromString(bytes));
  ASSERT_TRUE(read.Read(bytes).ok());
  ASSERT_THAT(read.inputs(), SizeIs(1));
  EXPECT_EQ(read.inputs()[0].name, expected.inputs(0).name());
  EXPECT_THAT(read.Shape(read.inputs()[0]), ElementsAre(3, 2, 1));
  EXPECT_EQ(read.model_name(), "");
}

TEST(InferRequestTest, RefusesWhatIsNoMessage) {
  const std::string whole = FullRequest().SerializeAsString();
  InferRequest read;
  for (const std::string& bytes : {
           std::string("\x0a\x05"
                       "ads",
                       5),                                 // cut off
           std::string("\x0a"),                            // no length
           std::string("\x02\x00", 2),                     // field 0
           std::string("\x0b\x0c", 2),                     // a group
           std::string("\x08" + std::string(11, '\x80')),  // an endless number
           std::string("\x0a\x02\xc3\x28", 4),             // a name that is no UTF-8
           std::string("\x2a\x02\x0a\x05", 4),             // an input that is cut off
           std::string("\x22\x02\x0a\x05", 4),             // a parameter that is cut off
       }) {
    ModelInferRequest message;
    const absl::Status status = read.Read(bytes);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no inference.ModelInferRequest"));
    EXPECT_TRUE(read.inputs().empty());
  }
  std::string many;
  for (int i = 0; i < 20000; ++i) many.append("\x2a\x00", 2);
  EXPECT_THAT(std::string(read.Read(many).message()), HasSubstr("more inputs"));
}

// Bytes changed at random: never more is taken than protobuf takes, and what is taken is the same.
TEST(InferRequestTest, AgreesWithProtobufOnDamagedRequests) {
  const google::protobuf::LogSilencer silence;  // of what protobuf refuses
  std::mt19937 random(1);
  size_t taken = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = (round % 2 == 0 ? FullRequest() : TypedInferRequest()).SerializeAsString();
    const size_t changes = 1 + random() % 3;
    for (size_t c = 0; c < changes; ++c) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    InferRequest read;
    if (!read.Read(bytes).ok()) continue;
    ++taken;
    ModelInferRequest expected;
    ASSERT_TRUE(expected.ParseFromString(bytes));
    ASSERT_EQ(read.model_name(), expected.model_name());
    ASSERT_EQ(read.id(), expected.id());
    ASSERT_THAT(read.inputs(), SizeIs(static_cast<size_t>(expected.inputs_size())));
    for (size_t i = 0; i < read.inputs().size(); ++i) {
      const auto& input = expected.inputs(static_cast<int>(i));
      ASSERT_EQ(read.inputs()[i].name, input.name());
      ASSERT_EQ(read.inputs()[i].datatype, input.datatype());
      ASSERT_TRUE(std::ranges::equal(read.Shape(read.inputs()[i]), input.shape()));
    }
    ASSERT_TRUE(std::ranges::equal(read.raw_input_contents(), expected.raw_input_contents()));
  }
  EXPECT_GT(taken, 1000u);
}

}  // namespace
}  // namespace adscore::server
