#include "server/address.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace adscore::server {

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon);
  const bool host_fits =
      colon != std::string_view::npos && !host.empty() &&
      (host.find(':') == std::string_view::npos || (host.front() == '[' && host.back() == ']'));
  uint32_t port = 0;
  if (!host_fits || !absl::SimpleAtoi(std::string(text.substr(colon + 1)), &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", std::string(text),
                     "' is not HOST:PORT with a port of 0 to 65535, such as 127.0.0.1:8500 or [::1]:8500"));
  }
  return Address{.host = std::string(host), .port = static_cast<int>(port)};
}

std::string ToString(const Address& address) { return absl::StrCat(address.host, ":", address.port); }

}  // namespace adscore::server
