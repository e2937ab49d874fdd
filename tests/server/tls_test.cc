// Encrypted calls from both ends: who gets a connection, who may decide, and what happens when certificates
// change.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "client/client.h"
#include "server/server.h"
#include "server/tls_files.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/certificates.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using client::Client;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    certificates_.Issue("server");
    certificates_.Issue("operator");
    certificates_.Issue("reader");
    snapshot_.Publish(root_.path(), "ads", 1);
    options_.model_root = root_.path();
    options_.listen.port = 0;
    options_.http_listen.port = 0;
    options_.tls = {.certificate = certificates_.Pem("server"), .key = certificates_.Key("server")};
  }

  void Start() {
    auto server = Server::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void StartMutual() {
    options_.tls.client_ca = certificates_.Pem("ca");
    Start();
  }

  client::TlsOptions Trusting(const Certificates& roots) const { return {.ca = roots.Pem("ca")}; }
  client::TlsOptions As(const std::string& name) const {
    return {.ca = certificates_.Pem("ca"),
            .certificate = certificates_.Pem(name),
            .key = certificates_.Key(name)};
  }

  std::unique_ptr<Client> ClientTo(const Address& address, const client::TlsOptions& tls) const {
    auto client = Client::Connect(ToString(address), {.deadline = std::chrono::seconds(10), .tls = tls});
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  absl::Status Score(const client::TlsOptions& tls) const {
    return ClientTo(server_->grpc_address(), tls)
        ->Predict("ads", 1, [](client::ImpressionBuilder&) {})
        .status();
  }
  grpc::Status Unpin(const Address& address, const client::TlsOptions& tls) const {
    const std::unique_ptr<Client> client = ClientTo(address, tls);
    grpc::ClientContext context;
    v1::UnpinRequest request;
    v1::ModelStatus response;
    request.set_model("ads");
    return client->models()->Unpin(&context, request, &response);
  }
  absl::Status List(const Address& address, const client::TlsOptions& tls) const {
    return ClientTo(address, tls)->ListModels("").status();
  }

  const TempDirectory root_;
  const model::testing::TinySnapshot snapshot_;
  Certificates certificates_;
  const Certificates others_;  // nobody trusts these roots
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsTest, CallersThatTrustTheRootsAreAnsweredAndNoOthers) {
  Start();
  EXPECT_TRUE(Score(Trusting(certificates_)).ok());
  EXPECT_EQ(Score(Trusting(others_)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Score({}).code(), absl::StatusCode::kUnavailable);  // plaintext
}

TEST_F(TlsTest, MutualTlsWantsACertificateThatTheRootsHaveSigned) {
  StartMutual();
  EXPECT_TRUE(Score(As("reader")).ok());
  EXPECT_EQ(Score(Trusting(certificates_)).code(), absl::StatusCode::kUnavailable);
  Certificates strangers;
  strangers.Issue("reader");
  EXPECT_EQ(Score({.ca = certificates_.Pem("ca"),
                   .certificate = strangers.Pem("reader"),
                   .key = strangers.Key("reader")})
                .code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, CertificatesThatChangeAreUsedForNewConnections) {
  Start();
  const std::unique_ptr<Client> before = ClientTo(server_->grpc_address(), Trusting(certificates_));
  ASSERT_TRUE(before->ListModels("").ok());
  Certificates next;
  next.Issue("server");
  std::filesystem::copy_file(next.Key("server"), certificates_.Key("server"),
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(next.Pem("server"), certificates_.Pem("server"),
                             std::filesystem::copy_options::overwrite_existing);
  absl::Status status = absl::UnknownError("not asked");
  for (int i = 0; i < 400 && !status.ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    status = List(server_->grpc_address(), Trusting(next));
  }
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(before->ListModels("").ok()) << "a connection that was there lives on";
  EXPECT_EQ(List(server_->grpc_address(), Trusting(certificates_)).code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, OnlyNamedClientsMayUseModelService) {
  options_.operator_clients = {"somebody", "operator"};
  StartMutual();
  EXPECT_TRUE(Unpin(server_->grpc_address(), As("operator")).ok());
  const grpc::Status denied = Unpin(server_->grpc_address(), As("reader"));
  EXPECT_EQ(denied.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(), AllOf(HasSubstr("--operator-clients"), HasSubstr("reader")));
  EXPECT_EQ(List(server_->grpc_address(), As("reader")).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Score(As("reader")).ok());
}

TEST_F(TlsTest, AnAlternativeNameIsANameToo) {
  options_.operator_clients = {"operator.example"};
  StartMutual();
  EXPECT_TRUE(Unpin(server_->grpc_address(), As("operator")).ok());
  EXPECT_EQ(Unpin(server_->grpc_address(), As("reader")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(TlsTest, WithAListenerForOperatorsTheOtherOneAnswersNoModelService) {
  options_.operator_listen = Address{"127.0.0.1", 0};
  Start();
  ASSERT_TRUE(server_->operator_address().has_value());
  const client::TlsOptions tls = Trusting(certificates_);
  EXPECT_TRUE(Unpin(*server_->operator_address(), tls).ok());
  EXPECT_TRUE(List(*server_->operator_address(), tls).ok());
  const grpc::Status denied = Unpin(server_->grpc_address(), tls);
  EXPECT_EQ(denied.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(), HasSubstr("--operator-listen"));
  EXPECT_TRUE(Score(tls).ok());
  EXPECT_FALSE(ClientTo(*server_->operator_address(), tls)->FetchSchema("ads").ok()) << "scores nothing";
}

// An IPv4 address of this machine that is not loopback, or nothing.
std::string OuterAddress() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return "";
  std::string found;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    const in_addr address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr;
    char text[INET_ADDRSTRLEN];
    if ((ntohl(address.s_addr) >> 24) != 127) found = inet_ntop(AF_INET, &address, text, sizeof(text));
  }
  freeifaddrs(list);
  return found;
}

TEST_F(TlsTest, ByDefaultWhoCallsFromThisMachineMayDecideAndOthersMayLook) {
  options_.tls = {};
  const std::string outer = OuterAddress();
  if (!outer.empty()) options_.listen.host = "0.0.0.0";
  Start();
  const int port = server_->grpc_address().port;
  EXPECT_TRUE(Unpin({"127.0.0.1", port}, {}).ok());
  if (outer.empty()) GTEST_SKIP() << "this machine has no other address than loopback";
  const grpc::Status denied = Unpin({outer, port}, {});
  EXPECT_EQ(denied.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(), HasSubstr("the server's own machine"));
  EXPECT_TRUE(List({outer, port}, {}).ok());
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreNamedWithTheirFlag) {
  const TlsFiles good = {.certificate = certificates_.Pem("server"),
                         .key = certificates_.Key("server"),
                         .client_ca = certificates_.Pem("ca")};
  EXPECT_TRUE(CheckTlsFiles(good).ok());

  TlsFiles files = good;
  files.certificate = root_.path() + "/none.pem";
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()),
              HasSubstr("--tls-cert " + files.certificate + ": can't be read: No such file"));
  files = good;
  files.key = certificates_.Key("reader");
  EXPECT_THAT(
      std::string(CheckTlsFiles(files).message()),
      HasSubstr("--tls-key " + files.key + ": is not the key of the certificate in " + good.certificate));
  files = good;
  files.client_ca = good.key;
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()), HasSubstr("has no certificate in PEM form"));
  files = good;
  files.key = root_.path() + "/secret";
  std::ofstream(files.key) << "hunter2";
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()),
              AllOf(HasSubstr("has no private key"), Not(HasSubstr("hunter2"))));

  options_.tls.key = certificates_.Key("reader");
  EXPECT_EQ(Server::Start(options_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TlsTest, AClientSaysWhichOfItsFilesItCannotUse) {
  const auto connect = [](const client::TlsOptions& tls) {
    return std::string(Client::Connect("127.0.0.1:1", {.tls = tls}).status().message());
  };
  EXPECT_THAT(connect({.ca = "/no/such/file"}), HasSubstr("--tls-ca /no/such/file: No such file"));
  EXPECT_THAT(connect({.ca = certificates_.Pem("ca"), .key = certificates_.Key("reader")}),
              HasSubstr("go together"));
  EXPECT_THAT(connect({.certificate = certificates_.Pem("reader"), .key = certificates_.Key("reader")}),
              HasSubstr("--tls-ca"));
}

}  // namespace
}  // namespace adscore::server
