#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::cli {

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

int Fail(std::string_view program, std::string_view message, int code) {
  std::fprintf(stderr, "%s: %s\n", std::string(program).c_str(), OneLine(message).c_str());
  return code;
}

absl::Status Flush(std::ostream& out) {
  errno = 0;
  out.flush();
  if (out.good()) return absl::OkStatus();
  // An earlier write may have failed, whose reason is gone; another one meets the same, if it is still there.
  if (errno == 0) {
    out.clear();
    out << '\n';
    out.flush();
  }
  return absl::DataLossError(
      absl::StrCat("can't write to standard output: ",
                   errno != 0 ? std::strerror(errno) : "what was written is incomplete"));
}

}  // namespace adscore::cli
