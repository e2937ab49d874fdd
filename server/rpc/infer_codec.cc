#include "server/rpc/infer_codec.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/rpc/requested_heads.h"

namespace adscore::server {
namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferResponse;

constexpr size_t kMaxTimeoutUs = 24ULL * 3600 * 1'000'000;

struct NamedElement {
  std::string_view name;
  Element element;
};
constexpr NamedElement kElements[] = {
    {"FP32", Element::kFp32},     {"BYTES", Element::kBytes},   {"INT64", Element::kInt64},
    {"FP64", Element::kFp64},     {"INT32", Element::kInt32},   {"INT16", Element::kInt16},
    {"INT8", Element::kInt8},     {"UINT8", Element::kUint8},   {"UINT16", Element::kUint16},
    {"UINT32", Element::kUint32}, {"UINT64", Element::kUint64}, {"BOOL", Element::kBool},
};

absl::Status ReadElement(std::string_view datatype, Element* element) {
  for (const NamedElement& known : kElements) {
    if (known.name != datatype) continue;
    *element = known.element;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("datatype: '", std::string(datatype.substr(0, 20)),
                   "'; expected FP32, FP64, INT8 to INT64, UINT8 to UINT64, BOOL or BYTES"));
}

template <typename T>
void SetNumbers(const google::protobuf::RepeatedField<T>& field, Element element, TensorView* tensor) {
  tensor->element = element;
  tensor->values = static_cast<size_t>(field.size());
  tensor->bytes = {reinterpret_cast<const char*>(field.data()), tensor->values * sizeof(T)};
}

int AllValues(const InferTensorContents& contents) {
  return contents.bool_contents_size() + contents.int_contents_size() + contents.int64_contents_size() +
         contents.uint_contents_size() + contents.uint64_contents_size() + contents.fp32_contents_size() +
         contents.fp64_contents_size() + contents.bytes_contents_size();
}

// The elements of a tensor from the field that its type has. In memory they have the field's type.
absl::Status SetContents(const InferTensorContents& contents, TensorView* tensor) {
  const Element declared = tensor->element;
  switch (declared) {
    case Element::kBool:
      SetNumbers(contents.bool_contents(), Element::kBool, tensor);
      break;
    case Element::kInt8:
    case Element::kInt16:
    case Element::kInt32:
      SetNumbers(contents.int_contents(), Element::kInt32, tensor);
      break;
    case Element::kInt64:
      SetNumbers(contents.int64_contents(), Element::kInt64, tensor);
      break;
    case Element::kUint8:
    case Element::kUint16:
    case Element::kUint32:
      SetNumbers(contents.uint_contents(), Element::kUint32, tensor);
      break;
    case Element::kUint64:
      SetNumbers(contents.uint64_contents(), Element::kUint64, tensor);
      break;
    case Element::kFp32:
      SetNumbers(contents.fp32_contents(), Element::kFp32, tensor);
      break;
    case Element::kFp64:
      SetNumbers(contents.fp64_contents(), Element::kFp64, tensor);
      break;
    case Element::kBytes:
      tensor->values = static_cast<size_t>(contents.bytes_contents_size());
      tensor->strings = {contents.bytes_contents().data(), tensor->values};
      break;
  }
  const auto all = static_cast<size_t>(AllValues(contents));
  if (tensor->values == tensor->rows * tensor->width && all == tensor->values) return absl::OkStatus();
  if (all != tensor->values) {
    return absl::InvalidArgumentError(absl::StrCat("contents: ", all - tensor->values,
                                                   " values are in fields that are not those of ",
                                                   ToString(declared)));
  }
  return absl::InvalidArgumentError(absl::StrCat("contents: expected ", tensor->rows * tensor->width,
                                                 " values, as its shape says, got ", all));
}

absl::Status ParameterError(const std::string& name, const char* expected) {
  return absl::InvalidArgumentError(absl::StrCat("parameters['", name, "']: expected ", expected));
}

absl::Status ReadWholeNumber(const std::string& name, const InferParameter& parameter, uint64_t* number) {
  switch (parameter.parameter_choice_case()) {
    case InferParameter::kInt64Param:
      if (parameter.int64_param() < 0) break;
      *number = static_cast<uint64_t>(parameter.int64_param());
      return absl::OkStatus();
    case InferParameter::kUint64Param:
      *number = parameter.uint64_param();
      return absl::OkStatus();
    default:
      break;
  }
  return ParameterError(name, "a whole number, 0 or more");
}

absl::Status ReadText(const std::string& name, const InferParameter& parameter, std::string_view* text) {
  if (parameter.parameter_choice_case() != InferParameter::kStringParam) {
    return ParameterError(name, "a string");
  }
  *text = parameter.string_param();
  return absl::OkStatus();
}

// Parameters that are not ours are the client's own affair, but for those that would change the answer.
absl::Status ReadParameter(const std::string& name, const InferParameter& parameter, InferOptions* options) {
  if (name == "key") return ReadText(name, parameter, &options->key);
  if (name == "label") return ReadText(name, parameter, &options->label);
  uint64_t number = 0;
  if (name == "timeout") {
    absl::Status status = ReadWholeNumber(name, parameter, &number);
    options->timeout = std::chrono::microseconds(std::min(number, kMaxTimeoutUs));
    return status;
  }
  if (name == "priority") return ReadWholeNumber(name, parameter, &number);
  return absl::OkStatus();
}

absl::Status InInput(std::string_view name, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat("input '", std::string(name.substr(0, 100)), "': ", status.message()));
}

// That the elements of `input` are in one place, and in the request.
absl::Status CheckForm(const InferRequest::Input& input, bool raw) {
  if (input.message == nullptr) return absl::OkStatus();
  if (input.message->parameters().contains("shared_memory_region")) {
    return absl::InvalidArgumentError("shared memory is not supported; send the contents in the request");
  }
  if (!raw || !input.message->has_contents()) return absl::OkStatus();
  return absl::InvalidArgumentError("both contents and raw_input_contents; leave one of them out");
}

}  // namespace

absl::Status ParseModelVersion(std::string_view text, int64_t* version) {
  *version = 0;
  if (text.empty()) return absl::OkStatus();
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, *version);
  if (error == std::errc() && stopped == end && *version > 0) return absl::OkStatus();
  *version = 0;
  return absl::InvalidArgumentError(absl::StrCat("model_version: '", std::string(text.substr(0, 30)),
                                                 "'; expected a number from 1, or nothing for the version "
                                                 "that serves"));
}

absl::Status ParseInferOptions(const InferRequest& request, InferOptions* options) {
  *options = {};
  absl::Status status = ParseModelVersion(request.model_version(), &options->version);
  if (request.parameters() == nullptr) return status;
  for (const auto& [name, parameter] : request.parameters()->parameters()) {
    status.Update(ReadParameter(name, parameter, options));
  }
  return status;
}

size_t RequestedRows(const InferRequest& request) {
  int64_t rows = 1;
  for (const InferRequest::Input& input : request.inputs()) {
    if (input.dimensions > 0) rows = std::max(rows, request.Shape(input)[0]);
  }
  return static_cast<size_t>(rows);
}

std::optional<Refusal> InferDecoder::Decode(const InferRequest& request, const model::Snapshot& snapshot,
                                            model::Impression* impression) {
  absl::Status status = ReadTensors(request);
  if (status.ok()) status = ReadHeads(request, snapshot);
  if (status.ok()) {
    status = decoder_.Decode(tensors_, snapshot.schema, RequestedRows(request), false, impression);
  }
  if (status.ok()) return std::nullopt;
  message_ = std::string(status.message());
  return Refusal::kInvalid;
}

absl::Status InferDecoder::ReadTensors(const InferRequest& request) {
  const std::span<const std::string_view> raw = request.raw_input_contents();
  const std::span<const InferRequest::Input> inputs = request.inputs();
  if (!raw.empty() && raw.size() != inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("raw_input_contents: expected one entry for each of the ",
                                                   inputs.size(), " inputs, got ", raw.size()));
  }
  tensors_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InferRequest::Input& input = inputs[i];
    TensorView& tensor = tensors_.emplace_back();
    tensor.name = input.name;
    absl::Status status = ReadElement(input.datatype, &tensor.element);
    if (status.ok()) status = SetShape(request.Shape(input), &tensor);
    if (status.ok()) status = CheckForm(input, !raw.empty());
    if (status.ok() && !raw.empty()) {
      tensor.bytes = raw[i];
      status = CheckBytes(&tensor);
    } else if (status.ok()) {
      status = SetContents(
          input.message == nullptr ? InferTensorContents::default_instance() : input.message->contents(),
          &tensor);
    }
    if (!status.ok()) return InInput(input.name, status);
  }
  return absl::OkStatus();
}

absl::Status InferDecoder::ReadHeads(const InferRequest& request, const model::Snapshot& snapshot) {
  heads_.clear();
  for (const InferRequest::Output& output : request.outputs()) {
    absl::Status status = AddRequestedHead(std::string(output.name), snapshot, &heads_);
    if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat("outputs: ", status.message()));
    for (const char* unsupported : {"classification", "shared_memory_region"}) {
      if (output.message == nullptr || !output.message->parameters().contains(unsupported)) continue;
      return absl::InvalidArgumentError(absl::StrCat("outputs: '", std::string(output.name),
                                                     "': ", unsupported, " is not supported; leave it out"));
    }
  }
  if (heads_.empty()) AddAllHeads(snapshot, &heads_);
  return absl::OkStatus();
}

void EncodeInferResponse(const InferRequest& request, const std::string& model, int64_t version,
                         const model::Snapshot& snapshot, std::span<const float> probabilities,
                         std::span<const size_t> heads, ModelInferResponse* response) {
  const size_t all = snapshot.heads.size();
  const size_t rows = probabilities.size() / all;
  const bool raw = !request.raw_input_contents().empty();
  response->set_model_name(model);
  char digits[24];
  response->set_model_version(
      digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), version).ptr - digits));
  response->set_id(request.id().data(), request.id().size());
  for (const size_t head : heads) {
    ModelInferResponse::InferOutputTensor* output = response->add_outputs();
    output->set_name(snapshot.heads[head].name);
    output->set_datatype("FP32");
    output->add_shape(static_cast<int64_t>(rows));
    output->add_shape(1);
    if (raw) {
      std::string* bytes = response->add_raw_output_contents();
      bytes->resize(rows * sizeof(float));
      for (size_t r = 0; r < rows; ++r) {
        std::memcpy(bytes->data() + r * sizeof(float), &probabilities[r * all + head], sizeof(float));
      }
    } else {
      auto* values = output->mutable_contents()->mutable_fp32_contents();
      values->Resize(static_cast<int>(rows), 0);
      for (size_t r = 0; r < rows; ++r) (*values)[static_cast<int>(r)] = probabilities[r * all + head];
    }
  }
}

}  // namespace adscore::server
