// Picks the rows that travel with a snapshot, and are replayed by whoever loads it (model/snapshot.h).
//
// Thread-safe: pure function over constant data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// At most `count` of `rows`: three quarters spread evenly over them; the others so that as many features as
// possible are missing in one row and present in another, since both ways through an encoder must be
// replayed. Ascending. The errors are those of reading a cache.
absl::StatusOr<std::vector<uint32_t>> ChooseGoldenRows(const Dataset& data, std::span<const uint32_t> rows,
                                                       size_t count);

}  // namespace adscore::trainer
