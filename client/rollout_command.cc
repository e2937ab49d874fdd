#include "client/rollout_command.h"

#include <chrono>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "client/errors.h"
#include "client/model_report.h"
#include "grpcpp/client_context.h"

namespace adscore::client {
namespace {

constexpr int64_t kLoadDeadlineMs = 60'000;

struct Description {
  const char* name;
  const char* summary;
  const char* footer;
};

Description DescriptionOf(Decision decision) {
  switch (decision) {
    case Decision::kPin:
      return {"pin", "Serve one version, whatever is published",
              "The version is loaded if it is not in memory, proves itself, and serves when this returns. It "
              "stays\n"
              "pinned after a restart (ROOT/NAME/rollout.json); other servers on the same model root follow. "
              "Ends\n"
              "with unpin."};
    case Decision::kUnpin:
      return {"unpin", "Serve the newest version again", "Ends a pin, and with it a canary and a shadow."};
    case Decision::kRollBack:
      return {"rollback", "Go back to the version that served before, and pin it",
              "It is in memory as a rule (adscore-server --keep-versions), so this takes no time."};
    case Decision::kCanary:
      return {"canary", "Let a version answer a share of the keys",
              "Requests carry a key (PredictRequest.key, as a rule the user); the same key is always on the "
              "same\n"
              "side. The version that serves is pinned until \"unpin\". --version=0 ends the canary; \"pin\" "
              "promotes it."};
    case Decision::kShadow:
      return {"shadow", "Compare a version with the one that serves, on live traffic",
              "It scores a sample of the traffic and answers nothing. The differences are in adscore-client "
              "model\n"
              "and in the metric adscore_shadow_difference. --version=0 ends it."};
  }
  return {};
}

// The name that was given, or the server's only model.
absl::StatusOr<std::string> NameOf(const RolloutOptions& options, Client* client) {
  if (!options.connection.model.empty()) return options.connection.model;
  const absl::StatusOr<v1::ListModelsResponse> list = client->ListModels("");
  if (!list.ok()) return list.status();
  if (list->models_size() == 1) return list->models(0).model();
  std::vector<std::string> names;
  for (const v1::ModelStatus& status : list->models()) names.push_back(status.model());
  return absl::InvalidArgumentError(absl::StrCat("--model is needed: the server has ",
                                                 names.empty() ? "no model" : absl::StrJoin(names, ", ")));
}

// Once: a rollback that is sent again goes back twice.
grpc::Status Call(const RolloutOptions& options, const std::string& model, v1::ModelService::Stub* stub,
                  v1::ModelStatus* status) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(options.connection.deadline_ms));
  const auto call = [&](auto request, auto method) {
    request.set_model(model);
    return (stub->*method)(&context, request, status);
  };
  using Stub = v1::ModelService::Stub;
  switch (options.decision) {
    case Decision::kPin: {
      v1::PinRequest request;
      request.set_version(options.version);
      return call(request, &Stub::Pin);
    }
    case Decision::kUnpin:
      return call(v1::UnpinRequest(), &Stub::Unpin);
    case Decision::kRollBack:
      return call(v1::RollBackRequest(), &Stub::RollBack);
    case Decision::kCanary: {
      v1::SetCanaryRequest request;
      request.set_version(options.version);
      request.set_share(options.share);
      return call(request, &Stub::SetCanary);
    }
    case Decision::kShadow: {
      v1::SetShadowRequest request;
      request.set_version(options.version);
      return call(request, &Stub::SetShadow);
    }
  }
  return {grpc::StatusCode::INTERNAL, "no such decision"};
}

}  // namespace

CLI::App* AddRolloutCommand(CLI::App* app, Decision decision, RolloutOptions* options) {
  const Description description = DescriptionOf(decision);
  options->decision = decision;
  options->connection.deadline_ms = kLoadDeadlineMs;
  CLI::App* command = app->add_subcommand(description.name, description.summary);
  AddConnectionFlags(command, &options->connection);
  command->get_option("--deadline-ms")
      ->description("How long to wait, milliseconds; a version may have to be loaded");
  if (decision == Decision::kPin || decision == Decision::kCanary || decision == Decision::kShadow) {
    command->add_option("--version", options->version, "The version's number under ROOT/NAME")
        ->type_name("N")
        ->required()
        ->check(cli::WholeNumber(decision == Decision::kPin ? 1 : 0, INT64_MAX));
  }
  if (decision == Decision::kCanary) {
    command->add_option("--share", options->share, "Of the keys: 0.05 is one in twenty [0.05]")
        ->type_name("SHARE")
        ->check(cli::Number(1e-6, 1));
    options->share = 0.05;
  }
  command->add_flag("--json", options->json, "One JSON object instead of text: how the model is then");
  command->footer(description.footer);
  return command;
}

absl::Status RunRollout(const RolloutOptions& options, std::ostream& out) {
  const absl::StatusOr<std::unique_ptr<Client>> client = Connect(options.connection);
  if (!client.ok()) return client.status();
  const absl::StatusOr<std::string> model = NameOf(options, client->get());
  if (!model.ok()) return model.status();
  v1::ModelStatus status;
  const grpc::Status called = Call(options, *model, (*client)->models(), &status);
  if (!called.ok()) return FromGrpc(called, (*client)->target(), (*client)->deadline());
  if (options.json) {
    out << StatusToJson(status).dump() << '\n';
  } else {
    PrintStatus(status, out);
  }
  return cli::Flush(out);
}

}  // namespace adscore::client
