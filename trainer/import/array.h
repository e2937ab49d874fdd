// Numbers of a file as they come: a shape and the values, row after row.
//
// Thread-safe: a plain value.
#pragma once

#include <cstddef>
#include <vector>

namespace adscore::trainer {

struct Array {
  std::vector<size_t> shape;
  std::vector<float> values;
};

}  // namespace adscore::trainer
