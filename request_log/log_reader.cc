#include "request_log/log_reader.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "request_log/log_files.h"

namespace adscore::request_log {

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(const std::string& path) {
  errno = 0;
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (file->is_open()) file->peek();  // a directory can be opened, and not read
  if (file->is_open() && !file->bad()) {
    file->clear();
    return std::make_unique<LogReader>(std::move(file), path);
  }
  const std::string message = absl::StrCat(path, ": ", std::strerror(errno));
  if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
  if (errno == EACCES) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

absl::Status LogReader::Damaged(const std::string& why) const {
  return absl::DataLossError(absl::StrCat(name_, ": at byte ", record_, ": ", why,
                                          "; the file is damaged, or no request log: leave it out"));
}

// A varint; of its bytes no more are read than a length can have that is small enough.
LogReader::Length LogReader::ReadLength(uint64_t* length) {
  *length = 0;
  for (int shift = 0;; shift += 7) {
    const int byte = stream_->get();
    if (byte == std::istream::traits_type::eof()) return shift == 0 ? Length::kEnd : Length::kCutOff;
    ++offset_;
    *length |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (*length > kMostRecordBytes) return Length::kDamaged;
    if ((byte & 0x80) == 0) return *length == 0 ? Length::kDamaged : Length::kRead;
    if (shift >= 21) return Length::kDamaged;
  }
}

absl::StatusOr<bool> LogReader::Next(v1::LoggedRequest* record) {
  record_ = offset_;
  uint64_t length = 0;
  switch (ReadLength(&length)) {
    case Length::kDamaged:
      return Damaged(absl::StrCat("no length of a record, which is 1 to ", kMostRecordBytes, " bytes"));
    case Length::kEnd:
    case Length::kCutOff:
      if (stream_->bad()) return absl::UnavailableError(absl::StrCat(name_, ": reading it failed"));
      if (offset_ != record_) truncated_at_ = record_;
      return false;
    case Length::kRead:
      break;
  }
  buffer_.resize(length);
  stream_->read(buffer_.data(), static_cast<std::streamsize>(length));
  offset_ += static_cast<uint64_t>(stream_->gcount());
  if (static_cast<uint64_t>(stream_->gcount()) < length) {
    if (stream_->bad()) return absl::UnavailableError(absl::StrCat(name_, ": reading it failed"));
    truncated_at_ = record_;
    return false;
  }
  if (!record->ParseFromString(buffer_)) return Damaged("no record of a request");
  if (absl::Status status = CheckRecord(*record); !status.ok()) return Damaged(std::string(status.message()));
  return true;
}

absl::Status CheckRecord(const v1::LoggedRequest& record) {
  if (record.model().empty()) return absl::InvalidArgumentError("a record without a model");
  if (record.version() <= 0) return absl::InvalidArgumentError("a record without a version");
  if (record.candidate_count() == 0) return absl::InvalidArgumentError("a record without candidates");
  if (!record.has_features()) return absl::InvalidArgumentError("a record without features");
  if (record.heads_size() == 0) return absl::InvalidArgumentError("a record without probabilities");
  for (const v1::HeadPredictions& head : record.heads()) {
    if (static_cast<uint64_t>(head.probability_size()) != record.candidate_count()) {
      return absl::InvalidArgumentError(absl::StrCat("a record with ", head.probability_size(),
                                                     " probabilities for ", record.candidate_count(),
                                                     " candidates"));
    }
    for (const float probability : head.probability()) {
      if (!(probability >= 0 && probability <= 1)) {  // not <: NaN must not pass
        return absl::InvalidArgumentError(absl::StrCat("a record with the probability ", probability));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace adscore::request_log
