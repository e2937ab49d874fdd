// Builds ONNX models node by node, also such as no exporter would write.
//
// Not thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "onnx.pb.h"

namespace adscore::trainer::testing {

class OnnxBuilder {
 public:
  OnnxBuilder() {
    for (const auto& [domain, version] : {std::pair("", 17), std::pair("ai.onnx.ml", 3)}) {
      onnx::OperatorSet* set = model_.add_opset_import();
      set->set_domain(domain);
      set->set_version(version);
    }
  }

  OnnxBuilder& Input(const std::string& name, std::vector<int64_t> columns, int type = 1) {
    onnx::ValueInfo* input = model_.mutable_graph()->add_input();
    input->set_name(name);
    onnx::TensorType* tensor = input->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape()->add_dim()->set_dim_param("rows");
    for (const int64_t size : columns) tensor->mutable_shape()->add_dim()->set_dim_value(size);
    return *this;
  }

  OnnxBuilder& Output(const std::string& name) {
    model_.mutable_graph()->add_output()->set_name(name);
    return *this;
  }

  // Values 0.1, -0.2, 0.3, … unless they are given.
  OnnxBuilder& Floats(const std::string& name, std::vector<int64_t> shape, std::vector<float> values = {}) {
    onnx::Tensor* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(1);
    int64_t count = 1;
    for (const int64_t size : shape) {
      tensor->add_dims(size);
      count *= size;
    }
    for (int64_t i = 0; i < count && values.size() < static_cast<size_t>(count); ++i) {
      values.push_back(static_cast<float>(i % 7 + 1) * (i % 2 == 0 ? 0.1F : -0.1F));
    }
    for (const float value : values) tensor->add_float_data(value);
    return *this;
  }

  OnnxBuilder& Integers(const std::string& name, std::vector<int64_t> shape, std::vector<int64_t> values) {
    onnx::Tensor* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(7);
    for (const int64_t size : shape) tensor->add_dims(size);
    for (const int64_t value : values) tensor->add_int64_data(value);
    return *this;
  }

  // The node, for attributes.
  onnx::Node* Add(const std::string& type, std::initializer_list<const char*> inputs,
                  std::initializer_list<const char*> outputs, const std::string& domain = "") {
    onnx::Node* node = model_.mutable_graph()->add_node();
    node->set_op_type(type);
    node->set_name("the_" + type);
    node->set_domain(domain);
    for (const char* input : inputs) node->add_input(input);
    for (const char* output : outputs) node->add_output(output);
    return node;
  }
  OnnxBuilder& Node(const std::string& type, std::initializer_list<const char*> inputs, const char* output) {
    Add(type, inputs, {output});
    return *this;
  }

  onnx::Model& model() { return model_; }
  std::string Bytes() const { return model_.SerializeAsString(); }

 private:
  onnx::Model model_;
};

inline void SetInt(onnx::Node* node, const char* name, int64_t value) {
  onnx::Attribute* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_i(value);
}
inline void SetText(onnx::Node* node, const char* name, const std::string& value) {
  onnx::Attribute* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_s(value);
}
inline void SetTexts(onnx::Node* node, const char* name, std::initializer_list<const char*> values) {
  onnx::Attribute* attribute = node->add_attribute();
  attribute->set_name(name);
  for (const char* value : values) attribute->add_strings(value);
}
inline void SetInts(onnx::Node* node, const char* name, std::initializer_list<int64_t> values) {
  onnx::Attribute* attribute = node->add_attribute();
  attribute->set_name(name);
  for (const int64_t value : values) attribute->add_ints(value);
}

}  // namespace adscore::trainer::testing
