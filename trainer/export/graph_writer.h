// Writes an ONNX graph node by node. Each method adds what its name says and returns the name of the value.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx.pb.h"

namespace adscore::trainer {

class GraphWriter {
 public:
  void AddFloatInput(const std::string& name);                        // [rows, 1]
  void AddHashInput(const std::string& name);                         // int64 [rows, 1]
  void AddOutput(const std::string& value, const std::string& name);  // float [rows]

  std::string Floats(std::vector<int64_t> shape, std::span<const float> values);
  std::string Float(float value) { return Floats({}, std::span<const float>(&value, 1)); }
  std::string Integers(std::vector<int64_t> shape, std::span<const int64_t> values);
  std::string Integer(int64_t value) { return Integers({}, std::span<const int64_t>(&value, 1)); }

  // A node with one output.
  std::string Node(std::string_view type, std::initializer_list<std::string> inputs);
  std::string Node(std::string_view type, const std::vector<std::string>& inputs);
  std::string Concat(const std::vector<std::string>& inputs);  // along axis 1
  std::string Cast(const std::string& input, int64_t type);
  std::string LeakyOrElu(std::string_view type, const std::string& input, float alpha);
  std::string Gelu(const std::string& input, std::string_view approximate);
  // Whole numbers → whole numbers, `otherwise` for those that are not among the keys.
  std::string Map(const std::string& input, std::span<const int64_t> keys, std::span<const int64_t> values,
                  int64_t otherwise);

  const onnx::Model& Finish(const std::string& producer, const std::string& version);

 private:
  onnx::ValueInfo* Tensor(onnx::ValueInfo* info, const std::string& name, int type, bool column);
  onnx::Node* Add(std::string_view type, std::string* output);
  std::string Fresh() { return "v" + std::to_string(next_++); }

  onnx::Model model_;
  onnx::Graph* graph_ = model_.mutable_graph();
  size_t next_ = 0;
};

}  // namespace adscore::trainer
