// Opens what Keras has saved: a .keras archive (Keras 3), or an .h5 file of a whole model (Keras 2 and 3).
//
// Thread-safe: pure function; the HDF5 library behind it is not, so one call at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/array.h"

namespace adscore::trainer {

struct KerasFile {
  std::string config;  // the model's, as JSON
  std::map<std::string, std::vector<Array>>
      weights;  // by layer, in Keras's order; layers without are left out
};

// InvalidArgument if it is neither, or damaged, or has no model in it (weights alone); NotFound and so on for
// a file that can't be read. The message says what to save instead.
absl::StatusOr<KerasFile> OpenKerasFile(const std::string& path);

}  // namespace adscore::trainer
