#include "server/rpc/tensorflow_codec.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/rpc/requested_heads.h"

namespace adscore::server {
namespace {

using tensorflow::TensorProto;
using tensorflow::serving::ModelSpec;
using tensorflow::serving::PredictRequest;
using tensorflow::serving::PredictResponse;

constexpr const char* kSignature = "serving_default";

absl::Status ReadElement(tensorflow::DataType type, Element* element) {
  switch (type) {
    case tensorflow::DT_FLOAT:
      *element = Element::kFp32;
      break;
    case tensorflow::DT_DOUBLE:
      *element = Element::kFp64;
      break;
    case tensorflow::DT_INT8:
      *element = Element::kInt8;
      break;
    case tensorflow::DT_INT16:
      *element = Element::kInt16;
      break;
    case tensorflow::DT_INT32:
      *element = Element::kInt32;
      break;
    case tensorflow::DT_INT64:
      *element = Element::kInt64;
      break;
    case tensorflow::DT_UINT8:
      *element = Element::kUint8;
      break;
    case tensorflow::DT_UINT16:
      *element = Element::kUint16;
      break;
    case tensorflow::DT_UINT32:
      *element = Element::kUint32;
      break;
    case tensorflow::DT_UINT64:
      *element = Element::kUint64;
      break;
    case tensorflow::DT_BOOL:
      *element = Element::kBool;
      break;
    case tensorflow::DT_STRING:
      *element = Element::kBytes;
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("dtype: ", static_cast<int>(type),
                       "; expected DT_FLOAT, DT_DOUBLE, an integer type, DT_BOOL or DT_STRING"));
  }
  return absl::OkStatus();
}

template <typename T>
void SetNumbers(const google::protobuf::RepeatedField<T>& field, Element element, TensorView* tensor) {
  tensor->element = element;
  tensor->values = static_cast<size_t>(field.size());
  tensor->bytes = {reinterpret_cast<const char*>(field.data()), tensor->values * sizeof(T)};
}

int AllValues(const TensorProto& proto) {
  return proto.float_val_size() + proto.double_val_size() + proto.int_val_size() + proto.string_val_size() +
         proto.int64_val_size() + proto.bool_val_size() + proto.uint32_val_size() + proto.uint64_val_size();
}

// The elements from the list that the tensor's type has. In memory they have the list's type.
void SetList(const TensorProto& proto, TensorView* tensor) {
  switch (tensor->element) {
    case Element::kFp32:
      return SetNumbers(proto.float_val(), Element::kFp32, tensor);
    case Element::kFp64:
      return SetNumbers(proto.double_val(), Element::kFp64, tensor);
    case Element::kInt8:
    case Element::kInt16:
    case Element::kInt32:
    case Element::kUint8:
    case Element::kUint16:
      return SetNumbers(proto.int_val(), Element::kInt32, tensor);
    case Element::kInt64:
      return SetNumbers(proto.int64_val(), Element::kInt64, tensor);
    case Element::kUint32:
      return SetNumbers(proto.uint32_val(), Element::kUint32, tensor);
    case Element::kUint64:
      return SetNumbers(proto.uint64_val(), Element::kUint64, tensor);
    case Element::kBool:
      return SetNumbers(proto.bool_val(), Element::kBool, tensor);
    case Element::kBytes:
      tensor->values = static_cast<size_t>(proto.string_val_size());
      tensor->strings = {proto.string_val().data(), tensor->values};
      return;
  }
}

absl::Status SetContents(const TensorProto& proto, TensorView* tensor) {
  const auto lists = static_cast<size_t>(AllValues(proto));
  if (!proto.tensor_content().empty()) {
    if (lists > 0) {
      return absl::InvalidArgumentError("both tensor_content and a list of values; leave one of them out");
    }
    if (tensor->IsText()) {
      return absl::InvalidArgumentError("tensor_content is not understood for DT_STRING; use string_val");
    }
    tensor->bytes = proto.tensor_content();
    return CheckBytes(tensor);
  }
  SetList(proto, tensor);
  if (lists != tensor->values) {
    return absl::InvalidArgumentError(
        absl::StrCat(lists - tensor->values, " values are in lists that are not those of its dtype"));
  }
  const size_t expected = tensor->rows * tensor->width;
  if (lists > 0 && lists <= expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected,
                                                 " values, as its shape says, or fewer of which the last is "
                                                 "repeated, but one at least; got ",
                                                 lists));
}

}  // namespace

absl::Status ParseModelSpec(const ModelSpec& spec, Wanted* wanted) {
  *wanted = {.model = spec.name(), .label = spec.version_label()};
  if (spec.has_version()) {
    if (spec.version().value() < 1) {
      return absl::InvalidArgumentError(absl::StrCat("model_spec.version: ", spec.version().value(),
                                                     "; expected a number from 1, or none for the version "
                                                     "that serves"));
    }
    wanted->version = spec.version().value();
  }
  if (spec.signature_name().empty() || spec.signature_name() == kSignature) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("model_spec.signature_name: '",
                                                 spec.signature_name().substr(0, 100), "'; there is only '",
                                                 kSignature, "'"));
}

size_t RequestedRows(const PredictRequest& request) {
  int64_t rows = 1;
  for (const auto& [name, tensor] : request.inputs()) {
    if (tensor.tensor_shape().dim_size() > 0) rows = std::max(rows, tensor.tensor_shape().dim(0).size());
  }
  return static_cast<size_t>(rows);
}

std::optional<Refusal> TensorFlowDecoder::Decode(const PredictRequest& request,
                                                 const model::Snapshot& snapshot,
                                                 model::Impression* impression) {
  absl::Status status = ReadTensors(request);
  heads_.clear();
  for (const std::string& name : request.output_filter()) {
    if (!status.ok()) break;
    status = AddRequestedHead(name, snapshot, &heads_);
    if (!status.ok()) {
      status = absl::InvalidArgumentError(absl::StrCat("output_filter: ", status.message()));
    }
  }
  if (heads_.empty()) AddAllHeads(snapshot, &heads_);
  if (status.ok()) {
    status = decoder_.Decode(tensors_, snapshot.schema, RequestedRows(request), true, impression);
  }
  if (status.ok()) return std::nullopt;
  message_ = std::string(status.message());
  return Refusal::kInvalid;
}

absl::Status TensorFlowDecoder::ReadTensors(const PredictRequest& request) {
  tensors_.clear();
  for (const auto& [name, proto] : request.inputs()) {
    TensorView& tensor = tensors_.emplace_back();
    tensor.name = name;
    shape_.clear();
    for (const auto& dim : proto.tensor_shape().dim()) shape_.push_back(dim.size());
    absl::Status status = ReadElement(proto.dtype(), &tensor.element);
    if (status.ok() && proto.tensor_shape().unknown_rank()) {
      status = absl::InvalidArgumentError("tensor_shape: unknown_rank; expected the dimensions");
    }
    if (status.ok()) status = SetShape(shape_, &tensor);
    if (status.ok()) status = SetContents(proto, &tensor);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("input '", name.substr(0, 100), "': ", status.message()));
    }
  }
  return absl::OkStatus();
}

void EncodeTensorFlowResponse(const std::string& model, int64_t version, const model::Snapshot& snapshot,
                              std::span<const float> probabilities, std::span<const size_t> heads,
                              PredictResponse* response) {
  const size_t all = snapshot.heads.size();
  const size_t rows = probabilities.size() / all;
  ModelSpec* spec = response->mutable_model_spec();
  spec->set_name(model);
  spec->mutable_version()->set_value(version);
  spec->set_signature_name(kSignature);
  for (const size_t head : heads) {
    TensorProto& tensor = (*response->mutable_outputs())[snapshot.heads[head].name];
    tensor.set_dtype(tensorflow::DT_FLOAT);
    tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<int64_t>(rows));
    tensor.mutable_tensor_shape()->add_dim()->set_size(1);
    tensor.mutable_float_val()->Resize(static_cast<int>(rows), 0);
    float* values = tensor.mutable_float_val()->mutable_data();
    for (size_t r = 0; r < rows; ++r) values[r] = probabilities[r * all + head];
  }
}

}  // namespace adscore::server
