#include "server/rest/infer_json.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace adscore::server {
namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;
using nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr int kDeepest = 8;  // dimensions of nested data

absl::Status Error(const std::string& where, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": expected ", expected));
}

const json* Find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

// A whole number within [low, high].
template <typename T>
bool ReadWhole(const json& value, T low, T high, T* number) {
  if (value.is_number_unsigned()) {
    const auto whole = value.get<uint64_t>();
    if (whole > static_cast<uint64_t>(high)) return false;
    *number = static_cast<T>(whole);
    return *number >= low;
  }
  if (!value.is_number_integer() || std::is_unsigned_v<T>) return false;
  const auto whole = value.get<int64_t>();
  if (whole < static_cast<int64_t>(low)) return false;
  *number = static_cast<T>(whole);
  return true;
}

// Appends one element in the field that `datatype` has; false if it is not of that type.
bool AppendElement(const std::string& datatype, const json& value, InferTensorContents* contents) {
  if (datatype == "FP32" || datatype == "FP64") {
    if (!value.is_number() && !value.is_null()) return false;
    const double number = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
    if (datatype == "FP32") {
      contents->add_fp32_contents(static_cast<float>(number));
    } else {
      contents->add_fp64_contents(number);
    }
    return true;
  }
  if (datatype == "BYTES") {
    if (!value.is_string() && !value.is_null()) return false;
    contents->add_bytes_contents(value.is_null() ? std::string() : value.get<std::string>());
    return true;
  }
  if (datatype == "BOOL") {
    if (!value.is_boolean()) return false;
    contents->add_bool_contents(value.get<bool>());
    return true;
  }
  if (datatype == "INT64") {
    int64_t number = 0;
    if (!ReadWhole<int64_t>(value, INT64_MIN, INT64_MAX, &number)) return false;
    contents->add_int64_contents(number);
    return true;
  }
  if (datatype == "UINT64") {
    uint64_t number = 0;
    if (!ReadWhole<uint64_t>(value, 0, UINT64_MAX, &number)) return false;
    contents->add_uint64_contents(number);
    return true;
  }
  if (datatype == "UINT8" || datatype == "UINT16" || datatype == "UINT32") {
    uint32_t number = 0;
    if (!ReadWhole<uint32_t>(value, 0, UINT32_MAX, &number)) return false;
    contents->add_uint_contents(number);
    return true;
  }
  int32_t number = 0;
  if (!ReadWhole<int32_t>(value, INT32_MIN, INT32_MAX, &number)) return false;
  contents->add_int_contents(number);
  return true;
}

absl::Status AppendData(const std::string& where, const std::string& datatype, const json& data, int depth,
                        InferTensorContents* contents) {
  for (const json& element : data) {
    if (element.is_array()) {
      if (depth == kDeepest) return Error(where, absl::StrCat("at most ", kDeepest, " nested lists"));
      absl::Status status = AppendData(where, datatype, element, depth + 1, contents);
      if (!status.ok()) return status;
    } else if (!AppendElement(datatype, element, contents)) {
      return Error(where,
                   absl::StrCat("values of datatype ", datatype, ", got ",
                                element.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 100)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadParameters(const json& object,
                            google::protobuf::Map<std::string, inference::InferParameter>* to) {
  const json* parameters = Find(object, "parameters");
  if (parameters == nullptr) return absl::OkStatus();
  if (!parameters->is_object()) return Error("parameters", "an object");
  for (const auto& [name, value] : parameters->items()) {
    inference::InferParameter& parameter = (*to)[name];
    if (value.is_boolean()) {
      parameter.set_bool_param(value.get<bool>());
    } else if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) {
      parameter.set_uint64_param(value.get<uint64_t>());
    } else if (value.is_number_integer()) {
      parameter.set_int64_param(value.get<int64_t>());
    } else if (value.is_number()) {
      parameter.set_double_param(value.get<double>());
    } else if (value.is_string()) {
      parameter.set_string_param(value.get<std::string>());
    } else {
      return Error(absl::StrCat("parameters['", name, "']"), "a string, a number, true or false");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadText(const json& object, const std::string& where, const char* key, std::string* text) {
  const json* value = Find(object, key);
  if (value == nullptr || !value->is_string()) return Error(absl::StrCat(where, ".", key), "a string");
  *text = value->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadInput(const json& object, const std::string& where,
                       ModelInferRequest::InferInputTensor* input) {
  if (!object.is_object()) return Error(where, "an object");
  absl::Status status = ReadText(object, where, "name", input->mutable_name());
  status.Update(ReadText(object, where, "datatype", input->mutable_datatype()));
  if (!status.ok()) return status;
  const json* shape = Find(object, "shape");
  if (shape == nullptr || !shape->is_array()) return Error(where + ".shape", "a list of whole numbers");
  for (const json& dimension : *shape) {
    int64_t size = 0;
    if (!ReadWhole<int64_t>(dimension, INT64_MIN, INT64_MAX, &size)) {
      return Error(where + ".shape", "a list of whole numbers");
    }
    input->add_shape(size);
  }
  status = ReadParameters(object, input->mutable_parameters());
  if (!status.ok()) return status;
  const json* data = Find(object, "data");
  if (data == nullptr || !data->is_array()) {
    return Error(where + ".data",
                 "a list of values (tensors in binary are not supported over REST; use gRPC)");
  }
  return AppendData(where + ".data", input->datatype(), *data, 1, input->mutable_contents());
}

template <typename Shape>
Ordered ShapeToJson(const Shape& shape) {
  Ordered list = Ordered::array();
  for (const int64_t size : shape) list.push_back(size);
  return list;
}

// Names come from snapshots and requests, and may be no UTF-8.
std::string Dump(const Ordered& value) {
  return value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace

absl::Status InferRequestFromJson(const std::string& text, ModelInferRequest* request) {
  const json body = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object())
    return Error("body", "one JSON object (tensors in binary are not supported over REST; use gRPC)");
  if (const json* id = Find(body, "id")) {
    if (!id->is_string()) return Error("id", "a string");
    request->set_id(id->get<std::string>());
  }
  absl::Status status = ReadParameters(body, request->mutable_parameters());
  if (!status.ok()) return status;
  const json* inputs = Find(body, "inputs");
  if (inputs == nullptr || !inputs->is_array()) return Error("inputs", "a list of tensors");
  for (size_t i = 0; i < inputs->size(); ++i) {
    status = ReadInput((*inputs)[i], absl::StrCat("inputs[", i, "]"), request->add_inputs());
    if (!status.ok()) return status;
  }
  const json* outputs = Find(body, "outputs");
  if (outputs == nullptr) return absl::OkStatus();
  if (!outputs->is_array()) return Error("outputs", "a list of objects with a name");
  for (size_t i = 0; i < outputs->size(); ++i) {
    const std::string where = absl::StrCat("outputs[", i, "]");
    if (!(*outputs)[i].is_object()) return Error(where, "an object");
    auto* output = request->add_outputs();
    status = ReadText((*outputs)[i], where, "name", output->mutable_name());
    if (status.ok()) status = ReadParameters((*outputs)[i], output->mutable_parameters());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string InferResponseToJson(const inference::ModelInferResponse& response) {
  Ordered body = {{"model_name", response.model_name()}, {"model_version", response.model_version()}};
  if (!response.id().empty()) body["id"] = response.id();
  body["outputs"] = Ordered::array();
  for (const auto& output : response.outputs()) {
    Ordered data = Ordered::array();
    for (const float value : output.contents().fp32_contents()) data.push_back(value);
    body["outputs"].push_back({{"name", output.name()},
                               {"datatype", output.datatype()},
                               {"shape", ShapeToJson(output.shape())},
                               {"data", std::move(data)}});
  }
  return Dump(body);
}

std::string ServerMetadataToJson(const inference::ServerMetadataResponse& response) {
  Ordered extensions = Ordered::array();
  for (const std::string& extension : response.extensions()) extensions.push_back(extension);
  return Dump({{"name", response.name()}, {"version", response.version()}, {"extensions", extensions}});
}

std::string ModelMetadataToJson(const inference::ModelMetadataResponse& response) {
  const auto tensors = [](const auto& from) {
    Ordered list = Ordered::array();
    for (const auto& tensor : from) {
      list.push_back(
          {{"name", tensor.name()}, {"datatype", tensor.datatype()}, {"shape", ShapeToJson(tensor.shape())}});
    }
    return list;
  };
  Ordered versions = Ordered::array();
  for (const std::string& version : response.versions()) versions.push_back(version);
  return Dump({{"name", response.name()},
               {"versions", versions},
               {"platform", response.platform()},
               {"inputs", tensors(response.inputs())},
               {"outputs", tensors(response.outputs())}});
}

}  // namespace adscore::server
