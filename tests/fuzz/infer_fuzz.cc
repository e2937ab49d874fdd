// Any request in tensors, of the Open Inference Protocol or of TensorFlow Serving: the decoder must end,
// touch no memory but the request's, and let through only what suits the schema. Bytes off the wire rarely
// name a feature, so the input is either such bytes or choices from what clients send.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/rpc/infer_codec.h"
#include "server/rpc/tensorflow_codec.h"

namespace {

using namespace adscore;          // NOLINT(google-build-using-namespace): a program of its own
using namespace adscore::server;  // NOLINT(google-build-using-namespace)

constexpr size_t kMostRows = 16384;  // what admission lets through by default
constexpr size_t kMostMessage = 4096;

void Require(bool promise) {
  if (!promise) std::abort();
}

model::Snapshot SnapshotOf(std::vector<model::Feature> features) {
  model::Snapshot snapshot;
  snapshot.schema.features = std::move(features);
  for (const char* head : {"click", "conversion"}) snapshot.heads.emplace_back().name = head;
  return snapshot;
}

// Every kind of feature in each role.
const model::Snapshot& Mixed() {
  using enum model::FeatureKind;
  using enum model::FeatureRole;
  static const model::Snapshot snapshot =
      SnapshotOf({{.name = "hour", .role = kContext},
                  {.name = "site", .kind = kCategorical, .role = kContext},
                  {.name = "tags", .kind = kMultiCategorical},
                  {.name = "bid"},
                  {.name = "ad", .kind = kCategorical},
                  {.name = "likes", .kind = kMultiCategorical, .role = kContext}});
  return snapshot;
}

const model::Snapshot& Dense() {
  static const model::Snapshot snapshot =
      SnapshotOf({{.name = "a"}, {.name = "b", .role = model::FeatureRole::kContext}, {.name = "c"}});
  return snapshot;
}

// `probabilities` of what was decoded, if it was: it must be a request for `rows` candidates.
std::vector<float> CheckDecoded(const std::optional<Refusal>& refusal, const std::string& message,
                                const model::Impression& impression, const model::Snapshot& snapshot,
                                size_t rows, std::span<const size_t> heads) {
  if (refusal.has_value()) {
    Require(*refusal == Refusal::kInvalid && !message.empty() && message.size() < kMostMessage);
    return {};
  }
  Require(impression.context.rows == 1 && impression.candidates.rows == rows);
  Require(CheckColumns(snapshot.schema, model::FeatureRole::kContext, impression.context).ok());
  Require(CheckColumns(snapshot.schema, model::FeatureRole::kCandidate, impression.candidates).ok());
  Require(!heads.empty() && heads.size() <= snapshot.heads.size());
  return std::vector<float>(rows * snapshot.heads.size(), 0.5F);
}

// That what was read off the bytes is what protobuf reads off them.
void CheckSame(const InferRequest& read, const inference::ModelInferRequest& request) {
  Require(read.model_name() == request.model_name() && read.model_version() == request.model_version());
  Require(read.id() == request.id());
  Require(read.inputs().size() == static_cast<size_t>(request.inputs_size()));
  for (int i = 0; i < request.inputs_size(); ++i) {
    const InferRequest::Input& input = read.inputs()[static_cast<size_t>(i)];
    const auto& expected = request.inputs(i);
    Require(input.name == expected.name() && input.datatype == expected.datatype());
    Require(std::ranges::equal(read.Shape(input), expected.shape()));
    Require(expected.has_contents() ? input.message != nullptr && input.message->has_contents()
                                    : input.message == nullptr || !input.message->has_contents());
  }
  Require(std::ranges::equal(read.raw_input_contents(), request.raw_input_contents()));
  Require(read.outputs().size() == static_cast<size_t>(request.outputs_size()));
  for (int i = 0; i < request.outputs_size(); ++i) {
    Require(read.outputs()[static_cast<size_t>(i)].name == request.outputs(i).name());
  }
  Require((read.parameters() == nullptr ? 0 : read.parameters()->parameters_size()) ==
          request.parameters_size());
}

void Check(const InferRequest& request, const model::Snapshot& snapshot) {
  InferOptions options;
  const absl::Status status = ParseInferOptions(request, &options);
  Require(options.version >= 0 && options.timeout.count() >= 0 && status.message().size() < kMostMessage);
  const size_t rows = RequestedRows(request);
  if (rows > kMostRows) return;
  InferDecoder decoder;
  model::Impression impression;
  const std::optional<Refusal> refusal = decoder.Decode(request, snapshot, &impression);
  const std::vector<float> probabilities =
      CheckDecoded(refusal, decoder.message(), impression, snapshot, rows, decoder.heads());
  if (probabilities.empty()) return;
  inference::ModelInferResponse response;
  EncodeInferResponse(request, "m", 1, snapshot, probabilities, decoder.heads(), &response);
  Require(static_cast<size_t>(response.outputs_size()) == decoder.heads().size());
}

void Check(const tensorflow::serving::PredictRequest& request, const model::Snapshot& snapshot) {
  Wanted wanted;
  const absl::Status status = ParseModelSpec(request.model_spec(), &wanted);
  Require(wanted.version >= 0 && status.message().size() < kMostMessage);
  const size_t rows = RequestedRows(request);
  if (rows > kMostRows) return;
  TensorFlowDecoder decoder;
  model::Impression impression;
  const std::optional<Refusal> refusal = decoder.Decode(request, snapshot, &impression);
  const std::vector<float> probabilities =
      CheckDecoded(refusal, decoder.message(), impression, snapshot, rows, decoder.heads());
  if (probabilities.empty()) return;
  tensorflow::serving::PredictResponse response;
  EncodeTensorFlowResponse("m", 1, snapshot, probabilities, decoder.heads(), &response);
  Require(static_cast<size_t>(response.outputs_size()) == decoder.heads().size());
}

// What clients send, and some that they should not.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data, size) {}

  bool More() { return data_.remaining_bytes() > 0; }
  bool Maybe() { return data_.ConsumeBool(); }
  const model::Snapshot& Snapshot() { return Maybe() ? Mixed() : Dense(); }

  std::string Name(const model::Snapshot& snapshot) {
    const auto& features = snapshot.schema.features;
    const auto f = data_.ConsumeIntegralInRange<size_t>(0, features.size() + 1);
    if (f < features.size()) return features[f].name;
    return f == features.size() ? std::string(kAllFeatures) : Text();
  }
  std::string Text() { return data_.ConsumeRandomLengthString(24); }
  // A dimension: small as a rule.
  int64_t Dimension() {
    return data_.ConsumeIntegralInRange<uint8_t>(0, 15) > 0 ? data_.ConsumeIntegralInRange<int64_t>(0, 4)
                                                            : data_.ConsumeIntegral<int64_t>();
  }
  std::vector<int64_t> Shape() {
    std::vector<int64_t> shape(data_.ConsumeIntegralInRange<size_t>(0, 3));
    for (int64_t& size : shape) size = Dimension();
    return shape;
  }
  size_t Index(size_t size) { return data_.ConsumeIntegralInRange<size_t>(0, size - 1); }
  int64_t Number() { return data_.ConsumeIntegral<int64_t>(); }
  double Real() { return data_.ConsumeFloatingPoint<double>(); }

 private:
  FuzzedDataProvider data_;
};

// As many values as the shape says, as a rule.
size_t CountFor(const std::vector<int64_t>& shape, Choices* choices) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size < 0 || size > 64 ? 1 : size;
  return static_cast<size_t>(count) + (choices->Index(8) == 0 ? choices->Index(3) : 0);
}

void AppendRaw(const std::string& datatype, size_t count, Choices* choices, std::string* bytes) {
  for (size_t i = 0; i < count; ++i) {
    if (datatype == "BYTES") {
      const std::string text = choices->Text();
      const auto length = static_cast<uint32_t>(text.size() + (choices->Index(16) == 0 ? 1 : 0));
      bytes->append(reinterpret_cast<const char*>(&length), sizeof(length)).append(text);
    } else {
      const auto bits = static_cast<uint64_t>(choices->Number());
      const bool is_wide = datatype.ends_with("64");
      const size_t size = is_wide ? 8 : datatype.ends_with("32") ? 4 : datatype.ends_with("16") ? 2 : 1;
      bytes->append(reinterpret_cast<const char*>(&bits), size);
    }
  }
}

inference::ModelInferRequest MakeInfer(const model::Snapshot& snapshot, Choices* choices) {
  static constexpr const char* kTypes[] = {"FP32",  "FP64",   "BYTES",  "INT8",   "INT16", "INT32", "INT64",
                                           "UINT8", "UINT16", "UINT32", "UINT64", "BOOL",  "FP16"};
  inference::ModelInferRequest request;
  const bool raw = choices->Maybe();
  while (choices->More() && request.inputs_size() < 8) {
    auto* input = request.add_inputs();
    input->set_name(choices->Name(snapshot));
    input->set_datatype(kTypes[choices->Index(std::size(kTypes))]);
    const std::vector<int64_t> shape = choices->Shape();
    input->mutable_shape()->Add(shape.begin(), shape.end());
    const size_t count = CountFor(shape, choices);
    if (raw) {
      AppendRaw(input->datatype(), count, choices, request.add_raw_input_contents());
      continue;
    }
    auto* contents = input->mutable_contents();
    const size_t field = choices->Index(8);
    for (size_t i = 0; i < count; ++i) {
      if (field == 0) contents->add_bool_contents(choices->Maybe());
      if (field == 1) contents->add_int_contents(static_cast<int32_t>(choices->Number()));
      if (field == 2) contents->add_int64_contents(choices->Number());
      if (field == 3) contents->add_uint_contents(static_cast<uint32_t>(choices->Number()));
      if (field == 4) contents->add_uint64_contents(static_cast<uint64_t>(choices->Number()));
      if (field == 5) contents->add_fp32_contents(static_cast<float>(choices->Real()));
      if (field == 6) contents->add_fp64_contents(choices->Real());
      if (field == 7) contents->add_bytes_contents(choices->Text());
    }
  }
  return request;
}

tensorflow::serving::PredictRequest MakeTensorFlow(const model::Snapshot& snapshot, Choices* choices) {
  tensorflow::serving::PredictRequest request;
  while (choices->More() && request.inputs_size() < 8) {
    tensorflow::TensorProto& tensor = (*request.mutable_inputs())[choices->Name(snapshot)];
    tensor.set_dtype(static_cast<tensorflow::DataType>(choices->Index(24)));
    const std::vector<int64_t> shape = choices->Shape();
    for (const int64_t size : shape) tensor.mutable_tensor_shape()->add_dim()->set_size(size);
    const size_t count = choices->Maybe() ? CountFor(shape, choices) : 1;
    const size_t field = choices->Index(9);
    if (field == 8)
      AppendRaw(choices->Maybe() ? "FP32" : "INT64", count, choices, tensor.mutable_tensor_content());
    for (size_t i = 0; i < count; ++i) {
      if (field == 0) tensor.add_bool_val(choices->Maybe());
      if (field == 1) tensor.add_int_val(static_cast<int32_t>(choices->Number()));
      if (field == 2) tensor.add_int64_val(choices->Number());
      if (field == 3) tensor.add_uint32_val(static_cast<uint32_t>(choices->Number()));
      if (field == 4) tensor.add_uint64_val(static_cast<uint64_t>(choices->Number()));
      if (field == 5) tensor.add_float_val(static_cast<float>(choices->Real()));
      if (field == 6) tensor.add_double_val(choices->Real());
      if (field == 7) tensor.add_string_val(choices->Text());
    }
  }
  return request;
}

}  // namespace

// The first byte chooses: which protocol, and whether the rest is a message or choices.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t mode = data[0] % 4;
  Choices choices(data + 1, size - 1);
  if (mode == 0) {
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    InferRequest request;
    if (request.Read(bytes).ok()) {
      inference::ModelInferRequest expected;
      Require(expected.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
      CheckSame(request, expected);
      for (const model::Snapshot* snapshot : {&Mixed(), &Dense()}) Check(request, *snapshot);
    }
  } else if (mode == 1) {
    tensorflow::serving::PredictRequest request;
    if (request.ParseFromArray(data + 1, static_cast<int>(size - 1))) {
      for (const model::Snapshot* snapshot : {&Mixed(), &Dense()}) Check(request, *snapshot);
    }
  } else {
    const model::Snapshot& snapshot = choices.Snapshot();
    if (mode == 2) {
      const std::string bytes = MakeInfer(snapshot, &choices).SerializeAsString();
      InferRequest request;
      // Names are any bytes here, and text on the wire.
      if (request.Read(bytes).ok()) Check(request, snapshot);
    } else {
      Check(MakeTensorFlow(snapshot, &choices), snapshot);
    }
  }
  return 0;
}
