#include "client/connection_flags.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/flag_checks.h"
#include "client/errors.h"

namespace adscore::client {
namespace {

// A model's name as the contract has it (PredictRequest.model): no server can have another.
absl::Status CheckModelName(const std::string& text) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
  };
  if (!text.empty() && text.size() <= 128 && text[0] != '.' &&
      std::all_of(text.begin(), text.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(cli::Quoted(text),
                   " is no model name: 1 to 128 letters, digits, '_', '-' or '.', and not a '.' first"));
}

}  // namespace

void AddConnectionFlags(CLI::App* command, ConnectionOptions* options) {
  command
      ->add_option("--target", options->target,
                   "Where adscore-server listens for gRPC (its --listen). A name\n"
                   "with several addresses, or ipv4:ADDRESS:PORT,ADDRESS:PORT,… spreads the calls over them")
      ->type_name("HOST:PORT")
      ->check(cli::CheckedBy(&CheckTarget))
      ->capture_default_str();
  command->add_option("--model", options->model, "The model's name [the server's only model]")
      ->type_name("NAME")
      ->check(cli::CheckedBy(&CheckModelName));
  command
      ->add_option("--deadline-ms", options->deadline_ms,
                   "How long to wait for the answer to a call, milliseconds")
      ->type_name("MS")
      ->check(cli::WholeNumber(1, 600'000))
      ->capture_default_str();
  command
      ->add_option("--tls-ca", options->tls.ca,
                   "Encrypt, and trust servers with a certificate that these roots have signed (PEM)\n"
                   "[not encrypted]")
      ->type_name("FILE");
  command
      ->add_option("--tls-cert", options->tls.certificate,
                   "Show this certificate chain (PEM), for servers that ask for one")
      ->type_name("FILE");
  command->add_option("--tls-key", options->tls.key, "Private key of --tls-cert (PEM)")->type_name("FILE");
  command
      ->add_option("--tls-server-name", options->tls.server_name,
                   "Name that the server's certificate must have [the host in --target]")
      ->type_name("NAME");
}

absl::StatusOr<std::unique_ptr<Client>> Connect(const ConnectionOptions& options) {
  return Client::Connect(options.target,
                         {.deadline = std::chrono::milliseconds(options.deadline_ms), .tls = options.tls});
}

}  // namespace adscore::client
