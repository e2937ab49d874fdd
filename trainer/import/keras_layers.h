// What each layer of Keras does to a dense graph.
//
// Not thread-safe: works on one graph.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/array.h"
#include "trainer/import/dense_graph.h"

namespace adscore::trainer {

// What flows between layers, for one row.
struct KerasValue {
  // Input columns, of which nothing has said yet whether they are numbers; sums; or the probabilities whose
  // logits the sums are, which are a hidden layer's after all if another layer follows.
  enum class Kind : uint8_t { kColumns, kSums, kProbabilities };
  Kind kind = Kind::kSums;
  std::vector<size_t> columns;
  Form form;
  bool pair = false;          // probabilities of two classes that add up to 1
  std::vector<size_t> shape;  // without the batch

  size_t Elements() const { return kind == Kind::kColumns ? columns.size() : form.width; }
};

struct KerasLayer {
  std::string name;
  std::string class_name;
  const nlohmann::json* config = nullptr;
  const std::vector<Array>* weights = nullptr;  // never null
};

// The layer's output for one call of it. The errors do not name the layer. Throws what nlohmann throws where
// the configuration lacks a key or has it in another type.
absl::StatusOr<KerasValue> ApplyKerasLayer(const KerasLayer& layer, const std::vector<KerasValue>& inputs,
                                           DenseGraph* graph);

}  // namespace adscore::trainer
