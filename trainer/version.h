// Which build this is.
//
// Thread-safe: a constant.
#pragma once

namespace adscore::trainer {

inline constexpr char kTrainerBuild[] =
    "adscore-trainer " ADSCORE_VERSION;  // the project's version, from CMake

}  // namespace adscore::trainer
