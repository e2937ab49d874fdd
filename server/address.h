// HOST:PORT as flags give it.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace adscore::server {

struct Address {
  std::string host;  // a name, an IPv4 address, or an IPv6 address in brackets
  int port = 0;      // 0: any free one
};

// InvalidArgument unless `text` is HOST:PORT with a port of 0 to 65535.
absl::StatusOr<Address> ParseAddress(std::string_view text);

std::string ToString(const Address& address);

}  // namespace adscore::server
