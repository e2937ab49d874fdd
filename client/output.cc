#include "client/output.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace adscore::client {

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (absl::ascii_iscntrl(byte)) {
      absl::StrAppendFormat(&line, "\\x%02x", byte);
    } else {
      line += c;
    }
  }
  return line;
}

absl::Status Flush(std::ostream& out) {
  out.flush();
  if (out.good()) return absl::OkStatus();
  return absl::DataLossError(
      "can't write to standard output: what was written there is incomplete; is the disk full?");
}

}  // namespace adscore::client
