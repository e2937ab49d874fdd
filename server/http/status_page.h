// The status page, whole, with its style and script in it: status_page.html, .css and .js, put together when
// CMake configures.
//
// Thread-safe: a constant.
#pragma once

namespace adscore::server {

extern const char* const kStatusPage;

}  // namespace adscore::server
