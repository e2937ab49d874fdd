#include "server/rpc/serving_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/support/time.h"
#include "server/rpc/health_status.h"
#include "server/rpc/model_description.h"
#include "server/rpc/refusal_status.h"
#include "server/serving/model_choice.h"

namespace adscore::server {
namespace {

constexpr int kPostedLookups = 2;
// gRPC says that there is no event also when it has just read a part of a message, and while a batch ran much
// may have arrived: so it is asked again, once for so much time as the batch took, since answers that wait in
// a socket are answers too late. A lone small request does not notice.
constexpr std::chrono::microseconds kBatchTimePerLook{25};
constexpr int64_t kMostLooks = 16;
// Events taken before a batch runs: enough for a full queue of small impressions, and an end to it when calls
// come faster than they can be taken.
constexpr int kMaxEventsPerRound = 1024;

gpr_timespec PastDeadline() { return gpr_inf_past(GPR_CLOCK_MONOTONIC); }

// How long the completion queue may block. gRPC counts whole milliseconds and rounds up, so the last two are
// polled for: a loop spins that long at most, and only where max-batch-delay-us makes it wait.
gpr_timespec WaitDeadline(const BatchDecision& decision, Time now) {
  if (decision.kind != BatchDecision::Kind::kWait) return PastDeadline();
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(decision.until - now).count() - 1;
  if (whole <= 0) return PastDeadline();
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(whole, GPR_TIMESPAN));
}

}  // namespace

ServingLoop::ServingLoop(size_t number, const BatchLimits& limits, const ServingParts& parts,
                         Services* services, std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : number_(number),
      parts_(parts),
      services_(services),
      no_model_(parts.metrics->ForModel("")),
      queue_(std::move(queue)),
      batcher_(number, limits, parts.admission, parts.registry, parts.metrics, parts.clock, parts.answered) {}

ServingLoop::~ServingLoop() { Stop(); }

void ServingLoop::Start() {
  PostScoringCalls();
  PostStream();
  PostWatch();
  PostLookups();
  thread_ = std::thread([this] { Run(); });
}

void ServingLoop::Stop() {
  if (!thread_.joinable()) return;
  stop_alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), static_cast<CompletionTag*>(&stop_tag_));
  thread_.join();
}

// An alarm may be set again only once its event has been taken from the queue.
void ServingLoop::Wake() {
  if (is_waking_.exchange(true)) return;
  wake_alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), static_cast<CompletionTag*>(&wake_tag_));
}

void ServingLoop::OnWake(bool /*ok*/) {
  is_waking_.exchange(false);  // before looking: what changes from now on sets the alarm again
  for (const auto& watch : watches_.all) watch->Update();
  for (const auto& stream : streams_.all) stream->Update();
}

void ServingLoop::Run() {
  ThreadTime& busy = parts_.metrics->loop(number_).busy;
  busy.Begin();
  while (HandleEvents()) {
    if (batcher_.Decide().kind == BatchDecision::Kind::kRun) {
      const Time start = clock().Now();
      batcher_.RunBatch();
      looks_ = std::clamp<int64_t>((clock().Now() - start) / kBatchTimePerLook, 1, kMostLooks);
    }
    PostScoringCalls();
  }
  busy.End();
}

// Waits until there is something to score and handles all events that are there by then. False once the
// completion queue is shut down and empty.
bool ServingLoop::HandleEvents() {
  int64_t looks = looks_;
  for (int events = 0; events < kMaxEventsPerRound; ++events) {
    // With nothing queued it waits after each event, too: looking first would be a system call for nothing.
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (!batcher_.empty()) {
      deadline = events == 0 ? WaitDeadline(batcher_.Decide(), clock().Now()) : PastDeadline();
    }
    void* tag = nullptr;
    bool ok = false;
    switch (queue_->AsyncNext(&tag, &ok, deadline)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        if (--looks <= 0) return true;
        break;
      case grpc::CompletionQueue::GOT_EVENT:
        looks = looks_;
        static_cast<CompletionTag*>(tag)->OnEvent(ok);
    }
  }
  return true;
}

// On the loop's own thread, so that nothing can be posted between the last answer and the shutdown.
void ServingLoop::OnStop(bool /*ok*/) {
  while (!batcher_.empty()) batcher_.RunBatch();
  stopping_ = true;
  queue_->Shutdown();
}

void ServingLoop::PostScoringCalls() {
  std::apply([this](auto&... calls) { (PostAhead(&calls, kPostedScoringCalls), ...); }, scoring_calls_);
}

StreamJob* ServingLoop::TakeStreamJob() { return Take(&stream_jobs_); }

void ServingLoop::PostStream() { Post(&streams_); }

void ServingLoop::PostWatch() { Post(&watches_); }

void ServingLoop::PostLookups() {
  for (int i = 0; i < kPostedLookups; ++i) {
    get_model_calls_.push_back(std::make_unique<GetModelCall>(
        [this](grpc::ServerContext* context, v1::GetModelRequest* request, auto* responder,
               CompletionTag* tag) {
          if (!stopping_)
            services_->prediction.RequestGetModel(context, request, responder, queue(), queue(), tag);
        },
        [this](const v1::GetModelRequest& request, v1::GetModelResponse* response) {
          return GetModel(request, response);
        }));
    check_calls_.push_back(std::make_unique<CheckCall>(
        [this](grpc::ServerContext* context, grpc::health::v1::HealthCheckRequest* request, auto* responder,
               CompletionTag* tag) {
          if (!stopping_) services_->health.RequestCheck(context, request, responder, queue(), queue(), tag);
        },
        [this](const grpc::health::v1::HealthCheckRequest& request,
               grpc::health::v1::HealthCheckResponse* response) { return Check(request, response); }));
  }
}

grpc::Status ServingLoop::GetModel(const v1::GetModelRequest& request, v1::GetModelResponse* response) {
  const Time arrival = clock().Now();
  const std::shared_ptr<const ServedModels> models = registry().Pin();
  const ModelChoice choice = ChooseModel(*models, {.model = request.model(), .version = request.version()});
  grpc::Status status;
  if (admission().draining()) {
    status = RefusalStatus(Refusal::kDraining, {}, registry(), admission());
  } else if (choice.served == nullptr) {
    status = RefusalStatus(choice.refusal, {.model = request.model(), .version = request.version()},
                           registry(), admission());
  } else {
    DescribeModel(*choice.served, models->at(choice.served->name), response);
  }
  Count(Method::kGetModel, choice.served, status.error_code(), clock().Now() - arrival);
  return status;
}

// Not counted: probes would drown the calls that matter.
grpc::Status ServingLoop::Check(const grpc::health::v1::HealthCheckRequest& request,
                                grpc::health::v1::HealthCheckResponse* response) const {
  const auto health = HealthOf(request.service(), registry(), admission().leaving());
  if (health == grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN) {
    return {grpc::StatusCode::NOT_FOUND,
            absl::StrCat("service: '", request.service(),
                         "' is neither a service of this server nor a model in its model root")};
  }
  response->set_status(health);
  return grpc::Status::OK;
}

// The calls come last: whoever sees one counted sees all of it.
void ServingLoop::Count(Method method, const ServedModel* served, grpc::StatusCode code,
                        std::chrono::nanoseconds duration) const {
  const auto m = static_cast<size_t>(method);
  CellsOf(served).methods[m].duration.Observe(Seconds(duration));
  const VersionMetrics& version = served == nullptr ? parts_.metrics->no_version() : *served->version_metrics;
  version.of(number_).requests[m][static_cast<size_t>(code)].Add(1);
}

void ServingLoop::Count(Method method, const ServedModel* served, grpc::StatusCode code,
                        const ImpressionJob& job) {
  const std::chrono::nanoseconds duration = clock().Now() - job.arrival;
  ModelCells::OfScoring& scoring = CellsOf(served).scoring;
  const bool ok = code == grpc::StatusCode::OK;
  (ok ? scoring.succeeded : scoring.failed).Add(1);
  (ok ? scoring.succeeded_ns : scoring.failed_ns).Add(static_cast<uint64_t>(duration.count()));
  if (ok) {
    scoring.rows.Add(job.rows);
    scoring.queue_ns.Add(static_cast<uint64_t>((job.started - job.arrival).count()));
    scoring.forward_ns.Add(static_cast<uint64_t>(job.forward.count()));
  }
  Count(method, served, code, duration);
}

ModelCells& ServingLoop::CellsOf(const ServedModel* served) const {
  return (served == nullptr ? no_model_ : served->metrics)->of(number_);
}

}  // namespace adscore::server
