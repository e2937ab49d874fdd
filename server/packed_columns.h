// The columns of a message, a request's or a log record's, as the model reads them.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "adscore/v1/prediction_service.pb.h"
#include "model/raw_columns.h"

namespace adscore::server {

template <typename T>
std::span<const T> ViewOf(const google::protobuf::RepeatedField<T>& field) {
  return {field.data(), static_cast<size_t>(field.size())};
}

// A view: `columns` must outlive it. Whether they suit a schema is model::CheckColumns' business.
inline model::RawColumns ViewOf(const v1::PackedColumns& columns, size_t rows) {
  return {.rows = rows,
          .numeric = ViewOf(columns.numeric()),
          .categorical = ViewOf(columns.categorical()),
          .multi_count = ViewOf(columns.multi_count()),
          .multi = ViewOf(columns.multi())};
}

}  // namespace adscore::server
