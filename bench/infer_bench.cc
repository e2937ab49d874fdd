// What a ModelInfer request costs the server beside a Predict request with the same rows: processor time and
// requests/s, over real gRPC on loopback. See bench/README.md.
//
// The server runs in this process with one serving thread; one thread sends requests that are bytes already,
// and keeps so many in flight. The two methods take turns. The server's time is that of the process without
// the sender's. First both answers are compared, bit by bit.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "data/cell.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "inference/grpc_inference_service.pb.h"
#include "server/server.h"

namespace adscore::bench {
namespace {

constexpr const char* kPredict = "/adscore.v1.PredictionService/Predict";
constexpr const char* kInfer = "/inference.GRPCInferenceService/ModelInfer";

double Seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

grpc::ByteBuffer Bytes(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "infer_bench: %s\n", why.c_str());
  std::exit(1);
}

// The same random rows for both methods.
struct Requests {
  v1::PredictRequest predict;
  inference::ModelInferRequest infer;
};

std::string* AddTensor(const std::string& name, const char* datatype, size_t rows, size_t width,
                       inference::ModelInferRequest* request) {
  auto* input = request->add_inputs();
  input->set_name(name);
  input->set_datatype(datatype);
  input->add_shape(static_cast<int64_t>(rows));
  input->add_shape(static_cast<int64_t>(width));
  return request->add_raw_input_contents();
}

template <typename T>
void Append(const T* values, size_t count, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

Requests MakeRequests(const v1::GetModelResponse& model, size_t rows) {
  Requests requests;
  std::mt19937_64 generator(1);
  std::normal_distribution<float> normal;
  v1::PackedFeatures* packed = requests.predict.mutable_packed();
  requests.predict.set_model(model.model());
  requests.predict.set_candidate_count(static_cast<uint32_t>(rows));
  packed->set_schema_fingerprint(model.schema_fingerprint());
  requests.infer.set_model_name(model.model());
  const auto is_number = [](const v1::Feature& f) { return f.kind() == v1::Feature::KIND_NUMERIC; };
  const bool dense = std::all_of(model.features().begin(), model.features().end(), is_number);
  std::vector<float> numbers;
  for (const v1::Feature& feature : model.features()) {
    if (feature.role() != v1::Feature::ROLE_CANDIDATE)
      Die("context features are not among what this measures");
    if (is_number(feature)) {
      for (size_t r = 0; r < rows; ++r) numbers.push_back(normal(generator));
      if (!dense)
        Append(&numbers[numbers.size() - rows], rows,
               AddTensor(feature.name(), "FP32", rows, 1, &requests.infer));
      continue;
    }
    std::string* bytes = AddTensor(feature.name(), "BYTES", rows, 1, &requests.infer);
    for (size_t r = 0; r < rows; ++r) {
      const std::string token = feature.name() + "_" + std::to_string(generator() % 1000);
      const auto length = static_cast<uint32_t>(token.size());
      Append(&length, 1, bytes);
      bytes->append(token);
      packed->mutable_candidates()->add_categorical(data::TokenHash(token));
    }
  }
  packed->mutable_candidates()->mutable_numeric()->Add(numbers.begin(), numbers.end());
  if (!dense) return requests;
  const auto width = static_cast<size_t>(model.features_size());
  std::string* bytes = AddTensor("features", "FP32", rows, width, &requests.infer);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t f = 0; f < width; ++f) Append(&numbers[f * rows + r], 1, bytes);
  }
  return requests;
}

// One request over and over, `in_flight` at a time.
class Sender {
 public:
  Sender(const std::shared_ptr<grpc::Channel>& channel, const char* method, const grpc::ByteBuffer& request,
         int in_flight)
      : stub_(channel), method_(method), request_(request), calls_(static_cast<size_t>(in_flight)) {}

  struct Result {
    double requests = 0;
    double seconds = 0;
    double server_seconds = 0;  // of all processor time but this thread's
  };
  Result Run(double seconds) {
    const double start = Seconds(CLOCK_MONOTONIC);
    const double process = Seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double mine = Seconds(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < calls_.size(); ++i) Send(i);
    size_t done = 0;
    size_t left = calls_.size();
    while (left > 0) {
      void* tag = nullptr;
      bool ok = false;
      queue_.Next(&tag, &ok);
      const auto i = reinterpret_cast<size_t>(tag);
      if (!calls_[i].status.ok()) Die(calls_[i].status.error_message());
      ++done;
      if (Seconds(CLOCK_MONOTONIC) - start < seconds) {
        Send(i);
      } else {
        --left;
      }
    }
    const double cpu =
        Seconds(CLOCK_PROCESS_CPUTIME_ID) - process - (Seconds(CLOCK_THREAD_CPUTIME_ID) - mine);
    return {.requests = static_cast<double>(done),
            .seconds = Seconds(CLOCK_MONOTONIC) - start,
            .server_seconds = cpu};
  }

 private:
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer response;
    grpc::Status status;
  };
  void Send(size_t i) {
    Call& call = calls_[i];
    call.reader.reset();
    call.context = std::make_unique<grpc::ClientContext>();
    call.reader = stub_.PrepareUnaryCall(call.context.get(), method_, request_, &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.response, &call.status, reinterpret_cast<void*>(i));
  }

  grpc::GenericStub stub_;
  const std::string method_;
  const grpc::ByteBuffer request_;
  grpc::CompletionQueue queue_;
  std::vector<Call> calls_;
};

template <typename Response>
Response Ask(const std::shared_ptr<grpc::Channel>& channel, const char* method,
             const google::protobuf::Message& request) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  grpc::ByteBuffer answer;
  grpc::Status status;
  const auto reader = stub.PrepareUnaryCall(&context, method, Bytes(request), &queue);
  reader->StartCall();
  reader->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  Response response;
  grpc::ProtoBufferReader bytes(&answer);
  if (!status.ok() || !response.ParseFromZeroCopyStream(&bytes)) Die(status.error_message());
  return response;
}

void CheckEqual(const std::shared_ptr<grpc::Channel>& channel, const Requests& requests) {
  const auto ours = Ask<v1::PredictResponse>(channel, kPredict, requests.predict);
  const auto theirs = Ask<inference::ModelInferResponse>(channel, kInfer, requests.infer);
  for (int h = 0; h < ours.heads_size(); ++h) {
    const auto& column = ours.heads(h).probability();
    const std::string& raw = theirs.raw_output_contents(h);
    if (raw.size() != static_cast<size_t>(column.size()) * sizeof(float) ||
        std::memcmp(raw.data(), column.data(), raw.size()) != 0) {
      Die("the two methods answer differently");
    }
  }
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(int argc, char** argv) {
  server::ServerOptions options;
  options.listen.port = 0;
  options.http_listen.port = 0;
  size_t rows = 10;
  int in_flight = 16;
  int rounds = 5;
  double seconds = 1;
  CLI::App app("ModelInfer beside Predict: what the same rows cost the server", "infer_bench");
  app.add_option("--model-root", options.model_root, "Directory with one model (make_bench_model)")
      ->required();
  app.add_option("--rows", rows, "Candidates per request");
  app.add_option("--in-flight", in_flight, "Requests at a time");
  app.add_option("--rounds", rounds, "Turns of each method");
  app.add_option("--seconds", seconds, "Length of a turn");
  CLI11_PARSE(app, argc, argv);

  auto server = server::Server::Start(options);
  if (!server.ok()) Die(std::string(server.status().message()));
  const auto channel =
      grpc::CreateChannel(server::ToString((*server)->grpc_address()), grpc::InsecureChannelCredentials());
  const auto model =
      Ask<v1::GetModelResponse>(channel, "/adscore.v1.PredictionService/GetModel", v1::GetModelRequest());
  const Requests requests = MakeRequests(model, rows);
  CheckEqual(channel, requests);

  Sender predict(channel, kPredict, Bytes(requests.predict), in_flight);
  Sender infer(channel, kInfer, Bytes(requests.infer), in_flight);
  std::vector<double> times[2], rates[2], ratios;
  for (Sender* sender : {&predict, &infer}) sender->Run(seconds / 2);
  for (int round = 0; round < rounds; ++round) {
    double us[2];
    for (const int m : {0, 1}) {
      const Sender::Result result = (m == 0 ? predict : infer).Run(seconds);
      us[m] = 1e6 * result.server_seconds / result.requests;
      times[m].push_back(us[m]);
      rates[m].push_back(result.requests / result.seconds);
    }
    ratios.push_back(us[1] / us[0]);
  }
  std::printf(
      "%zu features, %zu rows: server us/request Predict %.1f, ModelInfer %.1f, ratio %.3f (%.3f..%.3f); "
      "requests/s %.0f, %.0f\n",
      static_cast<size_t>(model.features_size()), rows, Median(times[0]), Median(times[1]), Median(ratios),
      *std::min_element(ratios.begin(), ratios.end()), *std::max_element(ratios.begin(), ratios.end()),
      Median(rates[0]), Median(rates[1]));
  return 0;
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }
