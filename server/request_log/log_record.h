// An answered request as a record of the request log.
//
// Thread-safe: functions.
#pragma once

#include <string>

#include "adscore/v1/request_log.pb.h"
#include "server/answered_requests.h"

namespace adscore::server {

// `record` is used over and over, for its memory.
void ToRecord(const AnsweredRequest& request, v1::LoggedRequest* record);

// Appends `record` with its length before it; false, and nothing, if it is larger than a record may be.
bool AppendDelimited(const v1::LoggedRequest& record, std::string* bytes);

}  // namespace adscore::server
