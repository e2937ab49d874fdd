// Any bytes at all, read as a file of a request log: by the reader, and by what takes its records to the
// model's rules. What is read must be written again as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "model/raw_columns.h"
#include "request_log/log_reader.h"
#include "server/request_log/log_record.h"

namespace {

// A schema with a feature of each kind for each role.
adscore::model::Schema MakeSchema() {
  using namespace adscore::model;  // NOLINT(google-build-using-namespace): of one function
  Schema schema;
  for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
    for (const FeatureKind kind :
         {FeatureKind::kNumeric, FeatureKind::kCategorical, FeatureKind::kMultiCategorical}) {
      schema.features.push_back(
          {.name = "f" + std::to_string(schema.features.size()), .kind = kind, .role = role});
    }
  }
  return schema;
}

template <typename T>
std::span<const T> View(const google::protobuf::RepeatedField<T>& field) {
  return {field.data(), static_cast<size_t>(field.size())};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const adscore::model::Schema schema = MakeSchema();
  adscore::request_log::LogReader reader(
      std::make_unique<std::istringstream>(std::string(reinterpret_cast<const char*>(data), size)), "fuzz");
  adscore::v1::LoggedRequest record;
  size_t records = 0;
  for (;;) {
    const absl::StatusOr<bool> read = reader.Next(&record);
    if (!read.ok() || !*read) break;
    // Each takes two bytes at least: a reader that goes round and round would be found here.
    if (++records > size) std::abort();
    const auto& columns = record.features().candidates();
    const auto fits = adscore::model::CheckColumns(schema, adscore::model::FeatureRole::kCandidate,
                                                   {.rows = record.candidate_count(),
                                                    .numeric = View(columns.numeric()),
                                                    .categorical = View(columns.categorical()),
                                                    .multi_count = View(columns.multi_count()),
                                                    .multi = View(columns.multi())});
    if (fits.ok() && static_cast<size_t>(columns.numeric_size()) != record.candidate_count()) std::abort();
    std::string bytes;
    // Unknown fields and other spellings of the same numbers may make it another length, and never too long
    // to be read.
    if (!adscore::server::AppendDelimited(record, &bytes)) continue;
    adscore::request_log::LogReader again(std::make_unique<std::istringstream>(bytes), "again");
    adscore::v1::LoggedRequest copy;
    if (!again.Next(&copy).value_or(false) || copy.SerializeAsString() != record.SerializeAsString())
      std::abort();
  }
  return 0;
}
