// Whether text is UTF-8 (RFC 3629). Names go into JSON, into protobuf and onto screens, which all expect it;
// tokens are only hashed, and may be any bytes.
//
// Thread-safe: pure function.
#pragma once

#include <string_view>

namespace adscore::data {

// False for stray or missing continuation bytes, encodings longer than need be, surrogates, and code points
// beyond U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace adscore::data
