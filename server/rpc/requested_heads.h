// Which heads of a model an answer in tensors has.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/snapshot.h"

namespace adscore::server {

// Adds the number of the head `name`. InvalidArgument if the model has none of that name, listing those that
// it has, or if it is among them already.
absl::Status AddRequestedHead(std::string_view name, const model::Snapshot& snapshot,
                              std::vector<size_t>* heads);

void AddAllHeads(const model::Snapshot& snapshot, std::vector<size_t>* heads);

}  // namespace adscore::server
