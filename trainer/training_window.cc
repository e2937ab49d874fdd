#include "trainer/training_window.h"

#include <ctime>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/flag_checks.h"

namespace adscore::trainer {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kEnd = 253'402'300'800;  // the year 10000

enum class End { kFrom, kTo };

absl::StatusOr<int64_t> ParseTime(const std::string& text, End end) {
  absl::Time time;
  std::string ignored;
  bool is_date = false;
  bool parsed = !text.empty() && text[0] >= '0' && text[0] <= '9';  // no sign, no space, no word
  if (parsed && absl::ParseTime("%Y-%m-%d", text, &time, &ignored)) {
    is_date = true;
  } else if (parsed) {
    parsed = absl::ParseTime("%Y-%m-%dT%H:%M:%S%Ez", text, &time, &ignored) ||
             absl::ParseTime("%Y-%m-%dT%H:%M%Ez", text, &time, &ignored) ||
             absl::ParseTime("%Y-%m-%dT%H:%M:%S", text, &time, &ignored) ||
             absl::ParseTime("%Y-%m-%dT%H:%M", text, &time, &ignored);
  }
  const int64_t seconds = parsed ? absl::ToUnixSeconds(time) : -1;
  if (seconds < 0 || seconds >= kEnd) {
    return absl::InvalidArgumentError(absl::StrCat(cli::Quoted(text),
                                                   " is no date or time from 1970 on: write 2026-01-31, "
                                                   "2026-01-31T18:30:00Z or 2026-01-31T18:30:00+01:00"));
  }
  return is_date && end == End::kTo ? seconds + kSecondsPerDay - 1 : seconds;
}

}  // namespace

absl::StatusOr<TrainingWindow> ParseTrainingWindow(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(cli::Quoted(text),
                                                   " has no '/' between its beginning and its end: write "
                                                   "2026-01-01/2026-01-31"));
  }
  const absl::StatusOr<int64_t> from = ParseTime(std::string(text.substr(0, slash)), End::kFrom);
  if (!from.ok()) return from.status();
  const absl::StatusOr<int64_t> to = ParseTime(std::string(text.substr(slash + 1)), End::kTo);
  if (!to.ok()) return to.status();
  if (*from > *to) {
    return absl::InvalidArgumentError(absl::StrCat(cli::Quoted(text), " ends before it begins"));
  }
  return TrainingWindow{*from, *to};
}

std::string IsoTime(int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, length};
}

}  // namespace adscore::trainer
