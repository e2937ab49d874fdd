// Copies the elements of tensors into raw columns, by the rules that the text of a log's cells follows
// (data/cell.h): a number becomes a float, a string or a whole number the hash of its text.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/rpc/tensor_view.h"

namespace adscore::server {

// The tensors must have been checked. All of these append one entry per row.

// Elements [row, column] of a tensor of numbers. What a float can't hold becomes infinite.
void AppendNumbers(const TensorView& tensor, size_t column, std::vector<float>* numeric);

// Tokens of a tensor of strings or whole numbers with one element per row; the empty string is missing.
void AppendTokens(const TensorView& tensor, std::vector<uint64_t>* categorical);

// All tokens of each row: every string is split at `delimiter`, empty tokens are left out. The number of
// tokens goes to `counts`.
void AppendTokenLists(const TensorView& tensor, char delimiter, std::vector<uint32_t>* counts,
                      std::vector<uint64_t>* tokens);

}  // namespace adscore::server
