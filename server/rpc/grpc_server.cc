#include "server/rpc/grpc_server.h"

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpc/grpc.h"
#include "grpc/support/log.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "server/log_limit.h"
#include "server/rpc/operator_access.h"
#include "server/rpc/server_credentials.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

// What --max-queued-rows of a wide model take, and not what a mistake may allocate. gRPC refuses what is
// larger.
constexpr int kMaxRequestBytes = 64 << 20;
constexpr int kMaxConcurrentStreams = 1024;  // per connection
// What is still under way when a connection is too old ends with it after this.
constexpr int kMaxConnectionAgeGraceMs = 60 * 1000;
// Finds peers that went away without a word; and clients may ping as often as gRPC's own defaults suggest.
constexpr int kKeepaliveTimeMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;
constexpr int kMinPingIntervalMs = 10 * 1000;
constexpr int kMaxPingStrikes = 2;  // pings that come sooner, then the connection ends
// Of a call, in all; tracing and authentication headers fit. gRPC refuses more.
constexpr int kMaxMetadataBytes = 16 << 10;
// A connection that has not become one by then is closed: TLS takes milliseconds.
constexpr int kHandshakeTimeoutMs = 10 * 1000;

constexpr std::chrono::seconds kDrainLimit{30};
constexpr std::chrono::milliseconds kQuiet{100};
constexpr std::chrono::milliseconds kQuietLimit{1000};

// While the server starts: gRPC's lines about a taken port only repeat what our own error says better.
void LogNothing(gpr_log_func_args* /*args*/) {}

// Afterwards: what gRPC calls an error is worth a line, but a caller that can't shake hands makes one each
// time.
void LogErrors(gpr_log_func_args* args) {
  if (args->severity < GPR_LOG_SEVERITY_ERROR) return;
  static LogLimit limit;
  const auto left_out = limit.Take(std::chrono::steady_clock::now());
  if (!left_out.has_value()) return;
  spdlog::warn("gRPC: {}:{}: {}{}", args->file, args->line, args->message, LeftOut(*left_out));
}

OperatorAccess AccessOnMainListener(const GrpcOptions& options) {
  using Who = OperatorAccess::Who;
  if (options.operator_listen.has_value()) return {.who = Who::kNobody};
  if (options.operator_clients.empty()) return {.who = Who::kThisMachine};
  return {.who = Who::kNamed, .names = options.operator_clients};
}

OperatorAccess AccessOnOperatorListener(const GrpcOptions& options) {
  using Who = OperatorAccess::Who;
  if (options.operator_clients.empty()) return {.who = Who::kAnyone};
  return {.who = Who::kNamed, .names = options.operator_clients};
}

absl::Status CantListen(const std::string& address, const char* flag) {
  return absl::UnavailableError(
      absl::StrCat("can't listen on ", address,
                   " for gRPC: the port is taken or the address is not one of this machine; choose another ",
                   flag, ", or port 0 for a free one"));
}

void SetUp(std::chrono::milliseconds max_connection_age, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a taken port is an error, not a shared one
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  if (max_connection_age.count() > 0) {
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(max_connection_age.count()));
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kMaxConnectionAgeGraceMs);
  }
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  // For the synchronous services: reflection, ModelService, and what only looks something up.
  builder->SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

}  // namespace

GrpcServer::GrpcServer(const GrpcOptions& options, const ServingParts& parts, ModelLives* lives)
    : parts_(parts),
      services_(parts),
      model_service_(AccessOnMainListener(options), lives, parts.registry, parts.metrics,
                     [this] { UpdateHealth(); }),
      tensorflow_model_service_(parts),
      operator_service_(AccessOnOperatorListener(options), lives, parts.registry, parts.metrics,
                        [this] { UpdateHealth(); }) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcOptions& options,
                                                              const BatchLimits& limits,
                                                              const ServingParts& parts, ModelLives* lives) {
  gpr_set_log_function(LogNothing);
  grpc::EnableDefaultHealthCheckService(false);  // ours runs on the serving loops
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  const auto credentials = MakeServerCredentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  std::unique_ptr<GrpcServer> server(new GrpcServer(options, parts, lives));
  grpc::ServerBuilder builder;
  SetUp(options.max_connection_age, &builder);
  const std::string address = absl::StrCat(options.host, ":", options.port);
  builder.AddListeningPort(address, *credentials, &server->port_);
  builder.RegisterService(&server->services_.prediction);
  builder.RegisterService(&server->model_service_);
  builder.RegisterService(&server->services_.inference);
  builder.RegisterService(&server->services_.tensorflow_prediction);
  builder.RegisterService(&server->tensorflow_model_service_);
  builder.RegisterService(&server->services_.health);
  for (size_t i = 0; i < options.loops; ++i) {
    server->loops_.push_back(
        std::make_unique<ServingLoop>(i, limits, parts, &server->services_, builder.AddCompletionQueue()));
  }
  if (options.operator_listen.has_value()) {
    const absl::Status status = server->StartOperatorListener(options, *credentials);
    if (!status.ok()) return status;
  }
  server->server_ = builder.BuildAndStart();
  gpr_set_log_function(LogErrors);
  if (server->server_ == nullptr) return CantListen(address, "--listen");
  for (const auto& loop : server->loops_) loop->Start();
  return server;
}

// A server of its own: one gRPC server answers all of its services on all of its ports.
absl::Status GrpcServer::StartOperatorListener(const GrpcOptions& options,
                                               const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  grpc::ServerBuilder builder;
  SetUp(options.max_connection_age, &builder);
  const std::string address = ToString(*options.operator_listen);
  builder.AddListeningPort(address, credentials, &operator_port_);
  builder.RegisterService(&operator_service_);
  operator_server_ = builder.BuildAndStart();
  return operator_server_ == nullptr ? CantListen(address, "--operator-listen") : absl::OkStatus();
}

GrpcServer::~GrpcServer() { Drain(std::chrono::milliseconds(0)); }

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return server_->InProcessChannel(arguments);
}

void GrpcServer::UpdateHealth() {
  const std::lock_guard lock(drain_mutex_);
  if (draining_) return;
  WakeLoops();
}

void GrpcServer::WakeLoops() {
  for (const auto& loop : loops_) loop->Wake();
}

void GrpcServer::Drain(std::chrono::milliseconds delay) {
  {
    const std::lock_guard lock(drain_mutex_);
    if (draining_ || server_ == nullptr) return;
    draining_ = true;
    parts_.admission->StartLeaving();
    WakeLoops();
  }
  std::this_thread::sleep_for(delay);
  parts_.admission->StartDraining();
  WakeLoops();
  WaitUntilQuiet();
  // A call that comes while gRPC shuts down ends as CANCELLED, which no client retries. With its connection
  // closed first it ends as UNAVAILABLE, and a new connection takes longer than getting to the next line.
  // (gRPC means this for after the shutdown, but all it does is close what connections there are.)
  grpc_server_cancel_all_calls(server_->c_server());
  server_->Shutdown(std::chrono::system_clock::now());
  if (operator_server_ != nullptr) operator_server_->Shutdown(std::chrono::system_clock::now());
  for (const auto& loop : loops_) loop->Stop();
}

// Until what arrived before the drain is answered and nobody has called for a while. Clients that don't look
// at health may never stop calling: they are waited for no longer than kQuietLimit.
void GrpcServer::WaitUntilQuiet() const {
  constexpr std::chrono::milliseconds kStep{10};
  uint64_t seen = parts_.admission->turned_away();
  std::chrono::milliseconds quiet{0};
  for (std::chrono::milliseconds waited{0}; waited < kDrainLimit; waited += kStep) {
    std::this_thread::sleep_for(kStep);
    const uint64_t now = parts_.admission->turned_away();
    quiet = now == seen ? quiet + kStep : std::chrono::milliseconds(0);
    seen = now;
    int64_t under_way = 0;
    for (const auto& loop : loops_) under_way += loop->CallsUnderWay();
    if (under_way == 0 && (quiet >= kQuiet || waited >= kQuietLimit)) return;
  }
}

}  // namespace adscore::server
