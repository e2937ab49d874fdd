// What flows along the edges of an ONNX graph as the importer sees it: a constant, or numbers per row.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/dense_graph.h"

namespace adscore::trainer {

// The size of the batch where a graph computes with shapes: whatever it is, it stays the first axis.
inline constexpr int64_t kBatch = std::numeric_limits<int64_t>::min();

// Elements that a node may make of fewer.
inline constexpr size_t kMostComputed = size_t{1} << 22;

struct OnnxConstant {
  enum class Type : uint8_t { kFloat, kInteger, kText };
  Type type = Type::kFloat;
  std::vector<int64_t> shape;
  std::vector<float> floats;      // whichever the type says: as many as the shape has elements
  std::vector<int64_t> integers;  // booleans too
  std::vector<std::string> texts;

  size_t size() const {
    return type == Type::kFloat ? floats.size() : type == Type::kInteger ? integers.size() : texts.size();
  }
  double At(size_t i) const {
    return type == Type::kFloat ? static_cast<double>(floats[i]) : static_cast<double>(integers[i]);
  }
  bool IsNumber() const { return type != Type::kText; }
};

// Tokens that a LabelEncoder has turned into numbers.
struct TokenMap {
  std::vector<std::string> tokens;
  std::vector<double> values;
  double otherwise = 0;
};

struct OnnxValue {
  enum class Kind : uint8_t {
    kConstant,
    kColumns,        // input columns, of which nothing has said yet whether they are numbers
    kSums,           // a form of the graph
    kProbabilities,  // their sigmoids: the model's answer, or a hidden layer if another one follows
    kAbove,          // whether they are above `bound`
    kErf,            // erf_scale · erf(form) + erf_shift, on the way to a Gelu
    kLabel,          // the answer as a class, which a client of ours gets from the probability
  };
  Kind kind = Kind::kConstant;
  OnnxConstant constant;
  std::vector<int64_t> shape;  // of all others, without the batch

  std::vector<size_t> columns;
  bool fractional = false;  // they come as floats
  bool truncated = false;   // and are cut to whole numbers: ids
  double shift = 0;         // added to each of the columns
  bool mapped = false;      // the columns are tokens, and mean what `map` says
  TokenMap map;

  Form form;
  double bound = 0;
  double erf_scale = 1;
  double erf_shift = 0;

  size_t Elements() const { return kind == Kind::kColumns ? columns.size() : form.width; }
};

// Elements of a shape; InvalidArgument if it is negative anywhere, or they are more than kMostWeights.
absl::StatusOr<size_t> ElementCount(const std::vector<int64_t>& shape);

// "[10, 64]"; with rows, "[rows, 10, 64]".
std::string ShapeText(const std::vector<int64_t>& shape, bool rows = false);

// The shape that two shapes spread to, and which element of each belongs to each of its elements.
struct Spread {
  std::vector<int64_t> shape;
  std::vector<size_t> a;
  std::vector<size_t> b;
};
absl::StatusOr<Spread> SpreadShapes(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

// `axis`, which may count from the end, as one of `rank`.
absl::StatusOr<size_t> AxisOf(int64_t axis, size_t rank);

}  // namespace adscore::trainer
