#include "trainer/column_doubts.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "data/cell.h"

namespace adscore::trainer {
namespace {

constexpr double kMost = 0.9;         // of the examples
constexpr double kManyNumbers = 0.5;  // of the cells
constexpr uint64_t kOutcomes = 20;    // positives, and negatives, that an area is measured on

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// A text as runs of digits and what is between them: "1.234,56" is 1, 3 and 2 digits, and '.' and ','.
// Nothing if there is more than one character between two runs, or any before or after them.
struct Runs {
  std::vector<size_t> digits;
  std::vector<int> values;  // of the first nine digits
  std::string between;
};
std::optional<Runs> RunsOf(std::string_view text) {
  Runs runs;
  bool after_digit = false;
  for (const char c : text) {
    if (IsDigit(c)) {
      if (!after_digit) {
        runs.digits.push_back(0);
        runs.values.push_back(0);
      }
      if (++runs.digits.back() <= 9) runs.values.back() = 10 * runs.values.back() + (c - '0');
    } else if (after_digit) {
      runs.between.push_back(c);
    } else {
      return std::nullopt;
    }
    after_digit = IsDigit(c);
  }
  if (!after_digit) return std::nullopt;
  return runs;
}

// Takes one of the affixes off either end, with the blanks beside it.
bool TakeAffix(std::string_view* text) {
  static constexpr std::array<std::string_view, 7> kAffixes = {"$", "€", "£", "%", "EUR", "USD", "GBP"};
  for (const std::string_view affix : kAffixes) {
    if (text->starts_with(affix)) {
      *text = data::Trim(text->substr(affix.size()));
      return true;
    }
    if (text->ends_with(affix)) {
      *text = data::Trim(text->substr(0, text->size() - affix.size()));
      return true;
    }
  }
  return false;
}

// A number to a person, though ParseNumber finds none in it.
bool IsNumberToAPerson(std::string_view cell) {
  // Blanks that don't break a line, a wide and a narrow one.
  const std::string plain = absl::StrReplaceAll(std::string(cell), {{"\u00a0", " "}, {"\u202f", " "}});
  std::string_view text = data::Trim(plain);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (TakeAffix(&text) && data::ParseNumber(text)) return true;
  if (text.starts_with('-')) text.remove_prefix(1);  // $-3
  const std::optional<Runs> runs = RunsOf(text);
  if (!runs || runs->between.empty()) return false;
  if (runs->between == ",") return true;  // 12,5 or 12,500
  // Groups of three digits, all with the same between them, and perhaps a fraction.
  const char group = runs->between.front();
  if (std::string_view(".,' ").find(group) == std::string_view::npos) return false;
  for (size_t i = 0; i < runs->between.size(); ++i) {
    const bool fraction = i + 1 == runs->between.size() && i > 0 && runs->between[i] != group;
    if (fraction && (runs->between[i] == '.' || runs->between[i] == ',')) continue;
    if (runs->between[i] != group || runs->digits[i + 1] != 3) return false;
  }
  // More dots are more likely an address.
  return runs->digits.front() <= 3 &&
         (group != '.' || runs->between.size() <= 2 || runs->between.back() != '.');
}

// Digits and commas alone, as in "12,5" and "1,250" and in "12,57,101": one of many fractions or groups
// begins with a 0, and an id does not.
bool MayBeLists(const std::vector<std::string>& examples) {
  return std::all_of(examples.begin(), examples.end(), [](const std::string& example) {
    return example.find_first_not_of("0123456789,") == std::string::npos &&
           example.find(",0") == std::string::npos;
  });
}

// Whether a word of the text, in lower case, is a month ("mar", "sept", "march"), and the others go with one.
bool NamesAMonth(const std::string& text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "january", "february", "march",     "april",   "may",      "june",
      "july",    "august",   "september", "october", "november", "december"};
  static constexpr std::array<std::string_view, 17> kOthers = {
      "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "am", "pm",
      "t",      "z",       "utc",       "gmt",      "st",     "nd",       "rd",     "th"};
  const auto begins = [](const std::string& word) {
    return [&word](std::string_view whole) {
      return whole == word || (word.size() >= 3 && whole.starts_with(word));
    };
  };
  bool month = false;
  for (const std::string& word : std::vector<std::string>(
           absl::StrSplit(text, absl::ByAnyChar("0123456789 ,./:+-"), absl::SkipEmpty()))) {
    if (std::any_of(kMonths.begin(), kMonths.end(), begins(word))) {
      month = true;
    } else if (std::none_of(kOthers.begin(), kOthers.end(), begins(word))) {
      return false;
    }
  }
  return month;
}

bool IsDateToAPerson(std::string_view cell) {
  const std::string text = absl::AsciiStrToLower(std::string(data::Trim(cell)));
  const auto digits = std::count_if(text.begin(), text.end(), IsDigit);
  if (digits >= 3 && text.find_first_of(" -/") != std::string::npos && NamesAMonth(text)) return true;
  // Three numbers with the same between them, or a time.
  const size_t end = text.find_first_not_of("0123456789/.-");
  const std::optional<Runs> date = RunsOf(std::string_view(text).substr(0, end));
  if (date && date->digits.size() == 3 && date->between[0] == date->between[1]) {
    const bool year_first = date->digits[0] == 4;
    const size_t year = date->digits[year_first ? 0 : 2];
    const auto [low, high] =
        std::minmax(date->values[1], date->values[year_first ? 2 : 0]);  // month and day, or day and month
    return low >= 1 && low <= 12 && high <= 31 && (year == 4 || (year == 2 && date->between[0] == '/'));
  }
  const std::optional<Runs> time = RunsOf(text);
  return time && time->digits.size() >= 2 && time->digits[0] <= 2 && time->digits[1] == 2 &&
         time->between == (time->digits.size() == 2 ? ":" : "::");
}

template <typename Predicate>
bool MostOf(const std::vector<std::string>& examples, const Predicate& predicate) {
  return !examples.empty() &&
         static_cast<double>(std::count_if(examples.begin(), examples.end(), predicate)) >=
             kMost * static_cast<double>(examples.size());
}

// Rows of the same value.
struct Outcomes {
  double value = 0;
  uint64_t positives = 0;
  uint64_t negatives = 0;
};

// The area under the receiver operating characteristic of the values, equal ones counting for half.
double AreaUnder(std::vector<Outcomes> groups) {
  std::sort(groups.begin(), groups.end(),
            [](const Outcomes& a, const Outcomes& b) { return a.value < b.value; });
  uint64_t positives = 0;
  uint64_t negatives = 0;
  double area = 0;
  for (size_t i = 0; i < groups.size();) {
    Outcomes equal;
    for (const double value = groups[i].value; i < groups.size() && groups[i].value == value; ++i) {
      equal.positives += groups[i].positives;
      equal.negatives += groups[i].negatives;
    }
    area += static_cast<double>(equal.positives) *
            (static_cast<double>(negatives) + static_cast<double>(equal.negatives) / 2);
    positives += equal.positives;
    negatives += equal.negatives;
  }
  if (positives < kOutcomes || negatives < kOutcomes) return 0.5;
  return area / (static_cast<double>(positives) * static_cast<double>(negatives));
}

}  // namespace

bool LooksLikeNumbers(const ColumnProfile& profile) {
  return MostOf(profile.other.examples, IsNumberToAPerson) && !MayBeLists(profile.other.examples);
}

std::optional<std::string> DoubtOf(const ColumnProfile& profile) {
  if (profile.other.cells == 0) return std::nullopt;
  const std::string& example = profile.other.examples.front();
  if (LooksLikeNumbers(profile)) {
    return absl::StrCat("holds what looks like numbers in a notation that is not read ('", example,
                        "'), and are no amounts to the model: write them like 1234.56");
  }
  if (MostOf(profile.other.examples, IsDateToAPerson)) {
    return absl::StrCat("holds what looks like dates or times in a layout that is not read ('", example,
                        "'): write them like 2026-03-01 09:30, or as seconds since 1970");
  }
  const double share =
      static_cast<double>(profile.numbers.size()) / static_cast<double>(profile.number_candidates());
  if (share < kManyNumbers) return std::nullopt;
  return absl::StrFormat(
      "is taken as names, since not all of its cells are numbers: %.1f%% are, and others not, such as '%s'; "
      "leave those empty if it is an amount",
      100 * share, example);
}

double AreaAlone(const CodedRows& data, size_t column, size_t label) {
  const std::vector<uint16_t>& codes = data.columns[column];
  const std::vector<uint8_t>& positive = data.labels[label];
  absl::flat_hash_map<uint16_t, std::array<Outcomes, 2>> halves;  // by code: of even rows, and of odd ones
  Outcomes all;
  for (size_t row = 0; row < codes.size(); ++row) {
    for (Outcomes* outcomes : {&halves[codes[row]][row % 2], &all}) {
      ++(positive[row] != 0 ? outcomes->positives : outcomes->negatives);
    }
  }
  const double base =
      static_cast<double>(all.positives + 1) / static_cast<double>(all.positives + all.negatives + 2);
  std::vector<Outcomes> groups;
  for (const auto& [code, outcomes] : halves) {
    const auto& [counted, measured] = outcomes;
    groups.push_back(measured);
    groups.back().value = (static_cast<double>(counted.positives) + base) /
                          (static_cast<double>(counted.positives + counted.negatives) + 1);
  }
  return AreaUnder(std::move(groups));
}

double AreaAlone(const ColumnProfile& profile, size_t label) {
  std::vector<Outcomes> rows(profile.numbers.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool positive = (profile.number_positives[i] >> label & 1) != 0;
    rows[i] = {profile.numbers[i], positive ? 1U : 0U, positive ? 0U : 1U};
  }
  const double area = AreaUnder(std::move(rows));
  return std::max(area, 1 - area);
}

}  // namespace adscore::trainer
