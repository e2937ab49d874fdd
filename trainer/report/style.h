// How a report looks: one style sheet, in light and dark.
//
// Thread-safe: constant.
#pragma once

namespace adscore::trainer::report {

// The contents of the page's <style> element.
extern const char* const kStyle;

}  // namespace adscore::trainer::report
