// A node of an ONNX graph as the operators' code reads it: its attributes with their defaults, its inputs.
//
// Thread-safe: views of constant data.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx.pb.h"
#include "trainer/import/dense_graph.h"
#include "trainer/import/onnx_value.h"

namespace adscore::trainer {

class OnnxNode {
 public:
  // `opset` is the version of the operators of its domain.
  OnnxNode(const onnx::Node& node, int64_t opset) : node_(&node), opset_(opset) {}

  const std::string& type() const { return node_->op_type(); }
  int64_t opset() const { return opset_; }
  size_t outputs() const { return static_cast<size_t>(node_->output_size()); }
  // "Gemm '/layers/0/Gemm'"; a node without a name has that of its output.
  std::string Title() const;

  bool Has(const char* name) const { return Find(name) != nullptr; }
  int64_t Int(const char* name, int64_t otherwise) const;
  float Float(const char* name, float otherwise) const;
  std::string Text(const char* name, const std::string& otherwise) const;
  std::vector<int64_t> Ints(const char* name) const;
  std::vector<float> Floats(const char* name) const;
  std::vector<std::string> Texts(const char* name) const;
  const onnx::Tensor* Tensor(const char* name) const;  // null if it has none

  // Set by the importer before the operator is applied. Null for an optional input that is left out.
  std::vector<const OnnxValue*> inputs;
  bool HasInput(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  // The i-th input, which must be there, and constant.
  absl::StatusOr<const OnnxValue*> Input(size_t i) const;
  absl::StatusOr<const OnnxConstant*> Constant(size_t i) const;
  // The whole numbers of the i-th input if it is there, else of the attribute (newer and older operator
  // sets).
  absl::StatusOr<std::vector<int64_t>> Integers(size_t i, const char* attribute) const;

 private:
  const onnx::Attribute* Find(const char* name) const;

  const onnx::Node* node_;
  int64_t opset_;
};

// What the operators work on.
struct OnnxContext {
  DenseGraph graph;
  std::string folder;               // of the model's file
  std::set<size_t> never_negative;  // columns that the graph was folded for as ids
  std::vector<std::string> notices;
};

// The operators on constants alone: all that exporters leave to be folded. The constant, or InvalidArgument.
absl::StatusOr<OnnxValue> FoldConstants(const OnnxNode& node, const OnnxContext& context);

// The operators of the two domains on anything else. One value per output that is of use. The errors, all
// InvalidArgument, do not name the node.
absl::StatusOr<std::vector<OnnxValue>> ApplyOnnxOperator(const OnnxNode& node, OnnxContext* context);
absl::StatusOr<std::vector<OnnxValue>> ApplyOnnxMlOperator(const OnnxNode& node, OnnxContext* context);

// For both: the value as sums; its columns become numbers, its probabilities a hidden layer.
absl::StatusOr<Form> SumsOf(const OnnxValue& value, OnnxContext* context);
OnnxValue SumsValue(Form form, std::vector<int64_t> shape);
// The elements of a value, in that order, under a new shape.
OnnxValue SelectElements(const OnnxValue& value, const std::vector<size_t>& elements,
                         std::vector<int64_t> shape, const DenseGraph& graph);
// Values side by side: one of columns if all are.
absl::StatusOr<OnnxValue> JoinValues(const std::vector<const OnnxValue*>& values, std::vector<int64_t> shape,
                                     OnnxContext* context);

// For messages and --help.
inline constexpr char kOnnxOperators[] =
    "Gemm, MatMul, Add, Sub, Mul, Div, Neg, Sum, Relu, LeakyRelu, PRelu, Elu, Selu, Tanh, Sigmoid, Softplus, "
    "Gelu, Erf "
    "in a Gelu, Softmax of two, BatchNormalization, Dropout, Identity, Cast, Reshape, Flatten, Squeeze, "
    "Unsqueeze, "
    "Concat, Split, Slice, Gather, ReduceSum, ReduceMean, ArgMax, and shape arithmetic";
inline constexpr char kOnnxMlOperators[] =
    "Scaler, Imputer, Normalizer of two probabilities, OneHotEncoder, LabelEncoder, FeatureVectorizer, "
    "ArrayFeatureExtractor, LinearClassifier, Binarizer of probabilities, ZipMap";

}  // namespace adscore::trainer
