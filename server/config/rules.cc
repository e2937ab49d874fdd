#include "server/config/rules.h"

#include <arpa/inet.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/kernels/kernel_set.h"

namespace adscore::server {

bool IsLoopback(const Address& address) {
  if (address.host == "localhost" || address.host == "[::1]") return true;
  in_addr ipv4{};
  return inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1 && (ntohl(ipv4.s_addr) >> 24) == 127;
}

namespace {

void RefusePlaintext(const char* flag, const Address& address, std::vector<std::string>* problems) {
  if (IsLoopback(address)) return;
  problems->push_back(
      absl::StrCat(flag, " ", ToString(address),
                   " can be reached from other machines, and calls would travel unencrypted; give --tls-cert "
                   "and --tls-key, "
                   "listen on 127.0.0.1, or say --allow-insecure where the network itself is trusted"));
}

}  // namespace

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
  const TlsFiles& tls = server.tls;
  if (tls.certificate.empty() != tls.key.empty()) {
    problems.push_back(tls.key.empty() ? "--tls-cert needs its --tls-key" : "--tls-key needs its --tls-cert");
  }
  if (!tls.client_ca.empty() && !tls.on()) {
    problems.push_back(
        "--tls-client-ca needs --tls-cert and --tls-key: without them nobody shows a certificate");
  }
  if (!server.operator_clients.empty() && tls.client_ca.empty()) {
    problems.push_back("--operator-clients needs --tls-client-ca: only verified certificates have names");
  }
  if (server.operator_listen.has_value() && server.operator_listen->port != 0) {
    for (const auto& [flag, other] :
         {std::pair{"--listen", server.listen}, std::pair{"--http-listen", server.http_listen}}) {
      if (ToString(other) != ToString(*server.operator_listen)) continue;
      problems.push_back(absl::StrCat("--operator-listen and ", flag, " are both ", ToString(other),
                                      "; give each a port of its own"));
    }
  }
  for (const char* flag : {"--request-log-sample", "--request-log-max-bytes"}) {
    if (!server.request_log.directory.empty() || !settings.given.contains(flag)) continue;
    problems.push_back(absl::StrCat(flag, " needs --request-log: the directory that requests are kept in"));
  }
  if (!tls.on() && !settings.allow_insecure) {
    RefusePlaintext("--listen", server.listen, &problems);
    if (server.operator_listen) RefusePlaintext("--operator-listen", *server.operator_listen, &problems);
  }
  return problems;
}

}  // namespace adscore::server
