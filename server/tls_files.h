// The files that encrypted calls need, and what can be wrong with them.
//
// Thread-safe: plain values and pure functions over the file system.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace adscore::server {

// Paths of PEM files; empty: none.
struct TlsFiles {
  std::string certificate{};  // ours, followed by those that lead from it to the callers' root
  std::string key{};          // of `certificate`, without a passphrase
  std::string client_ca{};    // roots: who calls must have a certificate that one of them has signed

  bool on() const { return !certificate.empty(); }
};

// Reads all of them. Each problem names the flag, the file and what is wrong: it can't be read, is no PEM,
// has expired, the key is another certificate's. What a key contains is never in a message.
absl::Status CheckTlsFiles(const TlsFiles& files);

}  // namespace adscore::server
