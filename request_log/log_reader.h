// Reads a file of a request log, record by record, and trusts none of its bytes.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adscore/v1/request_log.pb.h"

namespace adscore::request_log {

class LogReader {
 public:
  // NotFound, PermissionDenied or Unavailable if the file can't be opened.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(const std::string& path);
  // `name`: of the file, for messages.
  LogReader(std::unique_ptr<std::istream> stream, std::string name)
      : stream_(std::move(stream)), name_(std::move(name)) {}

  // Fills in the next record, whose shape holds (see CheckRecord); false at the end of the file, and where it
  // is cut off. DataLoss, with the file and the offset, for what can't be a record: nothing that follows can
  // be found then. Unavailable if reading fails.
  absl::StatusOr<bool> Next(v1::LoggedRequest* record);

  // After Next has returned false: where the record begins that the file ends within, if it does. That is
  // what a server leaves that did not end well.
  std::optional<uint64_t> truncated_at() const { return truncated_at_; }

 private:
  enum class Length { kRead, kEnd, kCutOff, kDamaged };

  Length ReadLength(uint64_t* length);
  absl::Status Damaged(const std::string& why) const;

  const std::unique_ptr<std::istream> stream_;
  const std::string name_;
  uint64_t offset_ = 0;  // of the next byte
  uint64_t record_ = 0;  // where the present record begins
  std::optional<uint64_t> truncated_at_;
  std::string buffer_;
};

// OK if the record has a model, a version, features, heads, and as many probabilities as candidates in each
// head. Whether the features suit the model only the model's schema tells.
absl::Status CheckRecord(const v1::LoggedRequest& record);

}  // namespace adscore::request_log
