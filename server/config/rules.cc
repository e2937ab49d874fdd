#include "server/config/rules.h"

#include <arpa/inet.h>

#include "absl/strings/str_cat.h"
#include "model/kernels/kernel_set.h"

namespace adscore::server {

bool IsLoopback(const Address& address) {
  if (address.host == "localhost" || address.host == "[::1]") return true;
  in_addr ipv4{};
  return inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1 && (ntohl(ipv4.s_addr) >> 24) == 127;
}

std::vector<std::string> FindContradictions(const Settings& settings) {
  std::vector<std::string> problems;
  const ServerOptions& server = settings.server;
  if (server.model_root.empty()) {
    problems.push_back("--model-root is required: the directory that the trainer publishes into");
  }
  const auto kernels = model::FindKernelSet(server.isa, server.precision);
  if (!kernels.ok()) problems.push_back(absl::StrCat("--isa: ", std::string(kernels.status().message())));
  if (server.listen.port != 0 && server.listen.port == server.http_listen.port &&
      server.listen.host == server.http_listen.host) {
    problems.push_back(absl::StrCat("--listen and --http-listen are both ", ToString(server.listen),
                                    "; give each a port of its own"));
  }
  if (!IsLoopback(server.listen) && !settings.allow_insecure) {
    problems.push_back(absl::StrCat("--listen ", ToString(server.listen),
                                    " can be reached from other machines, and calls would travel "
                                    "unencrypted; listen on 127.0.0.1, or say "
                                    "--allow-insecure where the network itself is trusted"));
  }
  return problems;
}

}  // namespace adscore::server
