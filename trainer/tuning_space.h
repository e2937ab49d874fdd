// Where `tune` looks: configurations that are known to be good on some logs, then ones drawn at random around
// the one that the flags give.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "trainer/fit.h"

namespace adscore::trainer {

// Trial `trial` of a search with that seed: always the same. Trial 0 is `base` itself; the next ones are a
// short list of settings, some of them ensembles; in the others about a quarter of what may change does. What
// `fixed` says yes to, by the name of its flag, stays as it is.
FitOptions DrawTrial(const FitOptions& base, const std::function<bool(const std::string& flag)>& fixed,
                     uint64_t seed, size_t trial);

// Which of those that may change don't: "--hidden --bins".
std::string DescribeFixed(const std::function<bool(const std::string& flag)>& fixed);

// How `options` differ from `base`, as flags: "--hidden 256,128 --dropout 0.1". Empty: not at all.
std::string DescribeTrial(const FitOptions& base, const FitOptions& options);

}  // namespace adscore::trainer
