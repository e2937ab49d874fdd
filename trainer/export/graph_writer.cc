#include "trainer/export/graph_writer.h"

namespace adscore::trainer {
namespace {

constexpr int kFloat = 1;  // of TensorProto.DataType
constexpr int kInt64 = 7;

onnx::Attribute* AddAttribute(onnx::Node* node, std::string_view name, onnx::Attribute::Type type) {
  onnx::Attribute* attribute = node->add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(type);
  return attribute;
}

void SetInt(onnx::Node* node, std::string_view name, int64_t value) {
  AddAttribute(node, name, onnx::Attribute::INT)->set_i(value);
}

}  // namespace

onnx::ValueInfo* GraphWriter::Tensor(onnx::ValueInfo* info, const std::string& name, int type, bool column) {
  info->set_name(name);
  onnx::TensorType* tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape()->add_dim()->set_dim_param("rows");
  if (column) tensor->mutable_shape()->add_dim()->set_dim_value(1);
  return info;
}

void GraphWriter::AddFloatInput(const std::string& name) { Tensor(graph_->add_input(), name, kFloat, true); }
void GraphWriter::AddHashInput(const std::string& name) { Tensor(graph_->add_input(), name, kInt64, true); }

void GraphWriter::AddOutput(const std::string& value, const std::string& name) {
  onnx::Node* node = graph_->add_node();
  node->set_op_type("Identity");
  node->add_input(value);
  node->add_output(name);
  Tensor(graph_->add_output(), name, kFloat, false);
}

std::string GraphWriter::Floats(std::vector<int64_t> shape, std::span<const float> values) {
  onnx::Tensor* tensor = graph_->add_initializer();
  tensor->set_name(Fresh());
  tensor->set_data_type(kFloat);
  for (const int64_t size : shape) tensor->add_dims(size);
  tensor->set_raw_data(values.data(), values.size_bytes());
  return tensor->name();
}

std::string GraphWriter::Integers(std::vector<int64_t> shape, std::span<const int64_t> values) {
  onnx::Tensor* tensor = graph_->add_initializer();
  tensor->set_name(Fresh());
  tensor->set_data_type(kInt64);
  for (const int64_t size : shape) tensor->add_dims(size);
  tensor->set_raw_data(values.data(), values.size_bytes());
  return tensor->name();
}

onnx::Node* GraphWriter::Add(std::string_view type, std::string* output) {
  onnx::Node* node = graph_->add_node();
  *output = Fresh();
  node->set_op_type(std::string(type));
  node->set_name(node->op_type() + "_" + *output);
  node->add_output(*output);
  return node;
}

std::string GraphWriter::Node(std::string_view type, const std::vector<std::string>& inputs) {
  std::string output;
  onnx::Node* node = Add(type, &output);
  for (const std::string& input : inputs) node->add_input(input);
  return output;
}

std::string GraphWriter::Node(std::string_view type, std::initializer_list<std::string> inputs) {
  return Node(type, std::vector<std::string>(inputs));
}

std::string GraphWriter::Concat(const std::vector<std::string>& inputs) {
  std::string output;
  onnx::Node* node = Add("Concat", &output);
  for (const std::string& input : inputs) node->add_input(input);
  SetInt(node, "axis", 1);
  return output;
}

std::string GraphWriter::Cast(const std::string& input, int64_t type) {
  std::string output;
  onnx::Node* node = Add("Cast", &output);
  node->add_input(input);
  SetInt(node, "to", type);
  return output;
}

std::string GraphWriter::LeakyOrElu(std::string_view type, const std::string& input, float alpha) {
  std::string output;
  onnx::Node* node = Add(type, &output);
  node->add_input(input);
  AddAttribute(node, "alpha", onnx::Attribute::FLOAT)->set_f(alpha);
  return output;
}

std::string GraphWriter::Gelu(const std::string& input, std::string_view approximate) {
  std::string output;
  onnx::Node* node = Add("Gelu", &output);
  node->add_input(input);
  AddAttribute(node, "approximate", onnx::Attribute::STRING)->set_s(std::string(approximate));
  return output;
}

std::string GraphWriter::Map(const std::string& input, std::span<const int64_t> keys,
                             std::span<const int64_t> values, int64_t otherwise) {
  std::string output;
  onnx::Node* node = Add("LabelEncoder", &output);
  node->set_domain("ai.onnx.ml");
  node->add_input(input);
  onnx::Attribute* attribute = AddAttribute(node, "keys_int64s", onnx::Attribute::INTS);
  attribute->mutable_ints()->Add(keys.begin(), keys.end());
  attribute = AddAttribute(node, "values_int64s", onnx::Attribute::INTS);
  attribute->mutable_ints()->Add(values.begin(), values.end());
  SetInt(node, "default_int64", otherwise);
  return output;
}

const onnx::Model& GraphWriter::Finish(const std::string& producer, const std::string& version) {
  model_.set_ir_version(9);
  model_.set_producer_name(producer);
  model_.set_producer_version(version);
  graph_->set_name("adscore");
  for (const auto& [domain, number] : {std::pair("", 20), std::pair("ai.onnx.ml", 2)}) {
    onnx::OperatorSet* set = model_.add_opset_import();
    set->set_domain(domain);
    set->set_version(number);
  }
  return model_;
}

}  // namespace adscore::trainer
