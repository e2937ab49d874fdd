#include "trainer/column_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "data/cell.h"
#include "data/date_time.h"

namespace adscore::trainer {
namespace {

constexpr size_t kExamples = 100;
constexpr size_t kExampleBytes = 40;

bool HasLeadingZero(std::string_view text) {
  return text.size() > 1 && text[0] == '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

template <typename Transform>
double SkewnessOf(const std::vector<float>& numbers, const Transform& transform) {
  if (numbers.empty()) return 0;
  const double count = static_cast<double>(numbers.size());
  double mean = 0;
  for (const float number : numbers) mean += transform(number);
  mean /= count;
  double second = 0;
  double third = 0;
  for (const float number : numbers) {
    const double difference = transform(number) - mean;
    second += difference * difference;
    third += difference * difference * difference;
  }
  second /= count;
  third /= count;
  return second > 0 ? third / (second * std::sqrt(second)) : 0;
}

}  // namespace

void ColumnProfile::Add(std::string_view cell, const std::vector<uint8_t>& positive) {
  ++rows;
  empty += cell.empty() ? 1 : 0;
  bool zero = data::IsMissingNumber(cell);
  missing_numbers += zero ? 1 : 0;
  if (!cell.empty()) distinct.insert(data::TokenHash(cell));

  if (const std::optional<data::DateTime> date = data::ParseDateTime(cell)) {
    ++dates.cells;
    dates.first_day = std::min(dates.first_day, date->day);
    dates.last_day = std::max(dates.last_day, date->day);
    if (date->hour) dates.hours |= 1U << *date->hour;
  }
  if (const std::optional<float> number = data::ParseNumber(cell)) {
    zero = *number == 0;
    integers += *number == std::trunc(*number) ? 1 : 0;
    leading_zeros += HasLeadingZero(data::Trim(cell)) ? 1 : 0;
    descents += !numbers.empty() && *number < numbers.back() ? 1 : 0;
    in_unit_interval = in_unit_interval && *number >= 0 && *number <= 1;
    numbers.push_back(*number);
    uint8_t bits = 0;
    for (size_t i = 0; i < std::min(positive.size(), kMostLabelBits); ++i) {
      bits = static_cast<uint8_t>(bits | positive[i] << i);
    }
    number_positives.push_back(bits);
  } else {
    for (size_t i = 0; i < kInnerDelimiters.size(); ++i) {
      if (cell.find(kInnerDelimiters[i]) == std::string_view::npos) continue;
      std::vector<uint64_t> tokens;
      data::AppendTokenHashes(cell, kInnerDelimiters[i], &tokens);
      inner[i].tokens.insert(tokens.begin(), tokens.end());
      ++inner[i].cells;
    }
    if (!zero) AddOther(cell);
  }

  nonzero_positive.resize(positive.size());
  if (zero) return;
  ++nonzero;
  for (size_t i = 0; i < positive.size(); ++i) nonzero_positive[i] += positive[i];
}

void ColumnProfile::AddOther(std::string_view cell) {
  if (cell.size() > kExampleBytes) {
    size_t bytes = kExampleBytes;
    while (bytes > 0 && (static_cast<unsigned char>(cell[bytes]) & 0xC0) == 0x80)
      --bytes;  // within a character
    cell = cell.substr(0, bytes);
  }
  ++other.cells;
  if (other.examples.size() < kExamples) other.examples.emplace_back(cell);
  other.like_first += cell == other.examples.front() ? 1 : 0;
}

uint64_t ColumnProfile::RarestNumberRows() const {
  std::vector<float> sorted = numbers;
  std::sort(sorted.begin(), sorted.end());
  uint64_t rarest = sorted.size();
  for (auto at = sorted.begin(); at != sorted.end();) {
    const auto next = std::upper_bound(at, sorted.end(), *at);
    rarest = std::min(rarest, static_cast<uint64_t>(next - at));
    at = next;
  }
  return rarest;
}

double Skewness(const std::vector<float>& numbers) {
  return SkewnessOf(numbers, [](double x) { return x; });
}

double SkewnessOfSignedLog(const std::vector<float>& numbers) {
  return SkewnessOf(numbers, [](double x) { return std::copysign(std::log1p(std::abs(x)), x); });
}

}  // namespace adscore::trainer
