#include "server/rpc/infer_request.h"

namespace adscore::server {
namespace {

using inference::ModelInferRequest;
using Field = WireReader::Field;
using Type = WireReader::Type;

// Far more than any model has features; many more fit into the largest message, and each takes a hundred
// times its bytes.
constexpr size_t kMostInputs = 16384;
constexpr size_t kKeptInputs = 1024;
constexpr size_t kKeptBytes = 64 << 10;

// Text that protobuf takes for a `string`.
bool ReadText(std::string_view bytes, std::string_view* text) {
  *text = bytes;
  return google::protobuf::internal::IsStructurallyValidUTF8(bytes.data(), static_cast<int>(bytes.size()));
}

template <typename Message>
const Message* Parse(std::string_view bytes, MessageArena* arena) {
  auto* message = arena->Create<Message>();
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? message : nullptr;
}

template <typename T>
void TrimVector(std::vector<T>* vector) {
  if (vector->capacity() > kKeptInputs) std::vector<T>().swap(*vector);
}

}  // namespace

absl::Status InferRequest::Read(std::string_view bytes) {
  Clear();
  WireReader reader(bytes);
  Field field;
  bool good = true;
  while (good && reader.Next(&field)) good = ReadField(field);
  if (good && reader.ok() && ReadParameters()) return absl::OkStatus();
  const bool many =
      inputs_.size() > kMostInputs || outputs_.size() > kMostInputs || raw_.size() > kMostInputs;
  Clear();
  return absl::InvalidArgumentError(many ? "request: more inputs or outputs than any model has features"
                                         : "request: its bytes are no inference.ModelInferRequest; make it "
                                           "with the protocol's own definition");
}

void InferRequest::Trim() {
  TrimVector(&inputs_);
  TrimVector(&shapes_);
  TrimVector(&outputs_);
  TrimVector(&raw_);
  if (parameter_fields_.capacity() > kKeptBytes) std::string().swap(parameter_fields_);
}

void InferRequest::Clear() {
  model_name_ = model_version_ = id_ = {};
  inputs_.clear();
  shapes_.clear();
  outputs_.clear();
  raw_.clear();
  parameter_fields_.clear();
  parameters_ = nullptr;
  arena_.Reset();
}

// Field numbers are those of proto/inference/grpc_inference_service.proto. A field of another type than its
// own is skipped, as protobuf does with what it does not know.
bool InferRequest::ReadField(const Field& field) {
  if (field.type != Type::kBytes) return true;
  switch (field.number) {
    case ModelInferRequest::kModelNameFieldNumber:
      return ReadText(field.bytes, &model_name_);
    case ModelInferRequest::kModelVersionFieldNumber:
      return ReadText(field.bytes, &model_version_);
    case ModelInferRequest::kIdFieldNumber:
      return ReadText(field.bytes, &id_);
    case ModelInferRequest::kParametersFieldNumber:
      parameter_fields_.append(field.whole);
      return true;
    case ModelInferRequest::kInputsFieldNumber:
      return ReadInput(field.bytes);
    case ModelInferRequest::kOutputsFieldNumber:
      return ReadOutput(field.bytes);
    case ModelInferRequest::kRawInputContentsFieldNumber:
      raw_.push_back(field.bytes);
      return raw_.size() <= kMostInputs;
    default:
      return true;
  }
}

bool InferRequest::ReadInput(std::string_view bytes) {
  using Message = ModelInferRequest::InferInputTensor;
  Input& input = inputs_.emplace_back();
  if (inputs_.size() > kMostInputs) return false;
  input.first_dimension = shapes_.size();
  WireReader reader(bytes);
  Field field;
  bool is_plain = true;
  while (reader.Next(&field)) {
    if (field.number == Message::kShapeFieldNumber) {
      if (!ReadDimensions(field, &input)) return false;
    } else if (field.type == Type::kBytes) {
      if (field.number == Message::kNameFieldNumber && !ReadText(field.bytes, &input.name)) return false;
      if (field.number == Message::kDatatypeFieldNumber && !ReadText(field.bytes, &input.datatype)) {
        return false;
      }
      is_plain &=
          field.number != Message::kContentsFieldNumber && field.number != Message::kParametersFieldNumber;
    }
  }
  if (!reader.ok() || is_plain) return reader.ok();
  input.message = Parse<Message>(bytes, &arena_);
  return input.message != nullptr;
}

// Packed or one by one: a reader must take both.
bool InferRequest::ReadDimensions(const Field& field, Input* input) {
  if (field.type == Type::kVarint) {
    shapes_.push_back(static_cast<int64_t>(field.varint));
  } else if (field.type == Type::kBytes) {
    WireReader numbers(field.bytes);
    uint64_t number = 0;
    while (numbers.NextVarint(&number)) shapes_.push_back(static_cast<int64_t>(number));
    if (!numbers.ok()) return false;
  }
  input->dimensions = shapes_.size() - input->first_dimension;
  return true;
}

bool InferRequest::ReadOutput(std::string_view bytes) {
  using Message = ModelInferRequest::InferRequestedOutputTensor;
  Output& output = outputs_.emplace_back();
  if (outputs_.size() > kMostInputs) return false;
  WireReader reader(bytes);
  Field field;
  bool is_plain = true;
  while (reader.Next(&field)) {
    if (field.type != Type::kBytes) continue;
    if (field.number == Message::kNameFieldNumber && !ReadText(field.bytes, &output.name)) return false;
    is_plain &= field.number != Message::kParametersFieldNumber;
  }
  if (!reader.ok() || is_plain) return reader.ok();
  output.message = Parse<Message>(bytes, &arena_);
  return output.message != nullptr;
}

bool InferRequest::ReadParameters() {
  if (parameter_fields_.empty()) return true;
  parameters_ = Parse<ModelInferRequest>(parameter_fields_, &arena_);
  return parameters_ != nullptr;
}

}  // namespace adscore::server
