#include "client/answer_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "client/errors.h"
#include "grpcpp/client_context.h"

namespace adscore::client {

absl::StatusOr<std::vector<v1::PredictResponse>> FetchAnswers(Client* client,
                                                              std::span<const v1::PredictRequest> requests) {
  std::vector<v1::PredictResponse> answers(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + client->deadline());
    const grpc::Status status = client->stub()->Predict(&context, requests[i], &answers[i]);
    if (!status.ok()) return FromGrpc(status, client->target(), client->deadline());
  }
  return answers;
}

std::optional<Difference> FindDifference(const v1::PredictResponse& a, const v1::PredictResponse& b) {
  if (a.version() != b.version()) return std::nullopt;
  Difference difference{.differs = a.heads_size() != b.heads_size()};
  for (int h = 0; h < std::min(a.heads_size(), b.heads_size()); ++h) {
    const auto& left = a.heads(h).probability();
    const auto& right = b.heads(h).probability();
    if (left.size() != right.size()) {
      difference.differs = true;
    } else if (std::memcmp(left.data(), right.data(), sizeof(float) * static_cast<size_t>(left.size())) !=
               0) {
      difference.differs = true;
      for (int i = 0; i < left.size(); ++i) {
        difference.largest = std::max(difference.largest, std::fabs(double{left[i]} - double{right[i]}));
      }
    }
  }
  return difference;
}

bool Agree(const v1::PredictResponse& a, const v1::PredictResponse& b) {
  const std::optional<Difference> difference = FindDifference(a, b);
  return !difference.has_value() || !difference->differs;
}

}  // namespace adscore::client
