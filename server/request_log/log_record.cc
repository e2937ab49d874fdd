#include "server/request_log/log_record.h"

#include <chrono>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "request_log/log_files.h"

namespace adscore::server {
namespace {

void Pack(const model::RawStorage& from, v1::PackedColumns* to) {
  to->mutable_numeric()->Assign(from.numeric.begin(), from.numeric.end());
  to->mutable_categorical()->Assign(from.categorical.begin(), from.categorical.end());
  to->mutable_multi_count()->Assign(from.multi_count.begin(), from.multi_count.end());
  to->mutable_multi()->Assign(from.multi.begin(), from.multi.end());
}

}  // namespace

void ToRecord(const AnsweredRequest& request, v1::LoggedRequest* record) {
  record->Clear();
  const auto since_epoch = request.time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  record->mutable_time()->set_seconds(seconds.count());
  record->mutable_time()->set_nanos(
      static_cast<int32_t>(std::chrono::nanoseconds(since_epoch - seconds).count()));
  record->set_model(request.model);
  record->set_version(request.version);
  const size_t rows = request.impression.rows;
  record->set_candidate_count(static_cast<uint32_t>(rows));
  v1::PackedFeatures* features = record->mutable_features();
  features->set_schema_fingerprint(request.schema_fingerprint);
  Pack(request.impression.context, features->mutable_context());
  Pack(request.impression.candidates, features->mutable_candidates());
  const size_t heads = request.heads.size();
  for (size_t h = 0; h < heads; ++h) {
    v1::HeadPredictions* head = record->add_heads();
    head->set_head(request.heads[h]);
    head->mutable_probability()->Resize(static_cast<int>(rows), 0);
    float* column = head->mutable_probability()->mutable_data();
    for (size_t r = 0; r < rows; ++r) column[r] = request.probabilities[r * heads + h];
  }
}

bool AppendDelimited(const v1::LoggedRequest& record, std::string* bytes) {
  const size_t length = record.ByteSizeLong();
  if (length > request_log::kMostRecordBytes) return false;
  google::protobuf::io::StringOutputStream stream(bytes);  // appends
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint32(static_cast<uint32_t>(length));
  record.SerializeWithCachedSizes(&coded);
  return true;
}

}  // namespace adscore::server
