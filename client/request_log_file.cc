#include "client/request_log_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adscore/v1/request_log.pb.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"

namespace adscore::client {

absl::StatusOr<std::vector<v1::PredictRequest>> ReadRequestLog(const std::string& path, size_t most) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::strerror(errno)));
  google::protobuf::io::IstreamInputStream stream(&file);
  std::vector<v1::PredictRequest> requests;
  bool is_at_end = false;
  while (requests.size() < most) {
    v1::LoggedRequest logged;
    if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&logged, &stream, &is_at_end)) break;
    if (!logged.has_request() || !logged.has_response()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": record ", requests.size() + 1, " is no logged request; is it a file of --request-log?"));
    }
    requests.push_back(std::move(*logged.mutable_request()));
  }
  // What can't be read is the cut-off end of a file, or it is another kind of file from its beginning.
  if (requests.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, is_at_end ? " has no request"
                                     : ": its first record can't be read; is it a file of --request-log?"));
  }
  return requests;
}

}  // namespace adscore::client
