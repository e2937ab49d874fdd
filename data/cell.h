// How the text of one cell becomes a number or a token. The one rule that the trainer, the client and the
// server's named features share, so that the same text means the same value everywhere.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace adscore::data {

// What a missing categorical value is sent and stored as. No token hashes to it.
inline constexpr uint64_t kMissingToken = 0;

// `cell` without the blanks and tabs around it, which people type into names and numbers. Tokens are taken as
// they are.
std::string_view Trim(std::string_view cell);

// True for an empty cell and for the ways in which exports write "no number here": NA, N/A, NaN, null, None,
// ?, \N (in any case). Numeric columns only: for a categorical column only the empty cell is missing, since
// "NA" may well be a country.
bool IsMissingNumber(std::string_view cell);

// The cell as a 32-bit float: decimal or scientific notation, surrounding blanks and a leading '+' allowed.
// Nothing if it is missing, is not wholly a number, or is not finite.
std::optional<float> ParseNumber(std::string_view cell);

// The same with NaN for nothing: what reads a file calls it for each cell, and an optional takes longer to
// come back than the number to be read.
float NumberOrNan(std::string_view cell);

// XXH3, 64 bits, seed 0, of the token's bytes; kMissingToken for the empty token; 1 where the hash would be
// kMissingToken. Part of the wire contract (proto/adscore/v1) and of the snapshot format.
uint64_t TokenHash(std::string_view token);

// A multi-valued cell: appends the hash of each token between delimiters, in order. Empty tokens are left
// out, so that "a||b" and "a|b|" hold two values and "" none.
void AppendTokenHashes(std::string_view cell, char delimiter, std::vector<uint64_t>* hashes);

}  // namespace adscore::data
