#include "trainer/column_kind.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "trainer/column_doubts.h"

namespace adscore::trainer {
namespace {

constexpr double kNumericShare = 0.99;         // of the present cells must be numbers
constexpr double kMarkedShare = 0.5;           // the same where all others are one and the same text
constexpr double kMultiShare = 0.1;            // of the present cells must hold several values
constexpr size_t kCommaRoom = 3;               // see InnerDelimiter
constexpr double kLeadingZeroShare = 0.01;     // more, and the digits are a code
constexpr uint64_t kUniqueRows = 50;           // fewer rows can differ by chance
constexpr uint64_t kUniqueNumberRows = 1'000;  // the same for unordered whole numbers, which amounts may be
constexpr uint64_t kRowsPerRise = 20;          // at most, of a column that only rises
constexpr double kDescents = 0.001;            // of its rows at most are below the one before
constexpr size_t kFewNumbers = 10;     // different whole numbers that may be a code rather than an amount
constexpr double kCommonShare = 0.01;  // of the rows, for each of those few: an amount would have rare ones
constexpr uint64_t kRowsPerFewNumber = 20;  // rows per different number, to tell few numbers from few rows
constexpr int64_t kDaysForWeekdays = 14;    // fewer, and a weekday is hardly more than a day
constexpr size_t kBins = 20;                // see NumberIsAName
constexpr double kBeyondDoubt = 4;          // standard errors
constexpr double kSkewed = 2;               // skewness of an exponential distribution
constexpr uint64_t kAfterwardsRows = 50;    // see KnownAfterwards
constexpr double kAfterwardsShare = 0.995;
constexpr double kAfterwardsCover = 0.01;

// One text in many cells of a column of numbers ("-", "#N/A", "unknown") is a way to write that there is
// none.
bool IsNumeric(const ColumnProfile& profile) {
  const auto numbers = static_cast<double>(profile.numbers.size());
  const auto cells = static_cast<double>(profile.number_candidates());
  if (profile.numbers.empty() || numbers < kMarkedShare * cells) return false;
  return numbers + static_cast<double>(profile.other.like_first) >= kNumericShare * cells;
}

bool AllIntegers(const ColumnProfile& profile) { return profile.integers == profile.numbers.size(); }

// The words of a name, in lower case: "userId", "user_id" and "User ID" all give "user", "id".
std::vector<std::string> WordsOf(std::string_view name) {
  std::vector<std::string> words(1);
  bool after_lower = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(byte)) {
      words.emplace_back();
    } else {
      if (after_lower && absl::ascii_isupper(byte)) words.emplace_back();
      words.back().push_back(absl::ascii_tolower(byte));
    }
    after_lower = absl::ascii_islower(byte);
  }
  return words;
}

// True for names whose digits are not an amount of anything.
bool IsNameOfACode(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kWords = {
      "id",  "uid",     "guid",     "uuid",   "key",  "hash",   "code",
      "zip", "zipcode", "postcode", "userid", "adid", "siteid", "campaignid"};
  const std::vector<std::string> words = WordsOf(name);
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  });
}

// True for names of things that there are many of: a number in such a column says which one, not how much.
bool IsNameOfAThing(std::string_view name) {
  static constexpr std::array<std::string_view, 26> kThings = {
      "ad",        "advertiser", "app",    "banner", "brand",   "browser", "channel", "city",      "creative",
      "device",    "domain",     "ip",     "item",   "keyword", "network", "os",      "placement", "product",
      "publisher", "query",      "region", "shop",   "site",    "store",   "url",     "user"};
  const std::vector<std::string> words = WordsOf(name);
  // The last word: an ad is a thing, but an ad_count is not.
  return std::find(kThings.begin(), kThings.end(), words.back()) != kThings.end();
}

// Log loss of what is expected of a row, by whether it came true.
double LossOf(double rate, bool positive) { return -std::log(positive ? rate : 1 - rate); }

// Whether rows of the same number are alike and rows of numbers beside it are not: the rate of each number,
// counted in one half of the rows, foretells the other half better than the rate of its quantile bin does,
// beyond doubt. Then the number is a name, whatever the column is called.
bool NumberIsAName(const ColumnProfile& profile, size_t label) {
  const std::vector<float>& numbers = profile.numbers;
  if (numbers.size() < kUniqueNumberRows || profile.distinct.size() <= kFewNumbers) return false;
  std::vector<float> ascending = numbers;
  std::sort(ascending.begin(), ascending.end());
  std::vector<float> edges;
  for (size_t bin = 1; bin < kBins; ++bin) edges.push_back(ascending[ascending.size() * bin / kBins]);
  const auto bin_of = [&edges](float number) {
    return static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), number) - edges.begin());
  };
  const std::vector<uint8_t>& positives = profile.number_positives;
  const auto is_positive = [&](size_t i) { return (positives[i] >> label & 1) != 0; };
  struct Count {
    double rows = 0;
    double positives = 0;
  };
  double sum = 0;
  double squares = 0;
  for (const size_t half : {size_t{0}, size_t{1}}) {
    absl::flat_hash_map<float, Count> of_number;
    std::vector<Count> of_bin(kBins);
    Count all;
    for (size_t i = half; i < numbers.size(); i += 2) {
      for (Count* count : {&of_number[numbers[i]], &of_bin[bin_of(numbers[i])], &all}) {
        ++count->rows;
        count->positives += is_positive(i) ? 1 : 0;
      }
    }
    const double base = (all.positives + 0.5) / (all.rows + 1);
    const auto rate = [base](const Count& count) { return (count.positives + 1) / (count.rows + 1 / base); };
    for (size_t i = 1 - half; i < numbers.size(); i += 2) {
      const auto found = of_number.find(numbers[i]);
      const double by_number = found == of_number.end() ? base : rate(found->second);
      const double gain =
          LossOf(rate(of_bin[bin_of(numbers[i])]), is_positive(i)) - LossOf(by_number, is_positive(i));
      sum += gain;
      squares += gain * gain;
    }
  }
  return sum > kBeyondDoubt * std::sqrt(squares);
}

// Numbers by their looks that stand for things: identifiers, padded codes, hashes beyond what a number holds
// exactly, and a handful of values that are all common (1 = search, 2 = mail, 3 = shop). Two values are as
// good as numbers.
bool IsCode(std::string_view name, const ColumnProfile& profile) {
  if (!AllIntegers(profile)) return false;
  const auto rows = static_cast<double>(profile.numbers.size());
  if (static_cast<double>(profile.leading_zeros) > kLeadingZeroShare * rows) return true;
  if (IsNameOfACode(name)) return true;
  if (profile.distinct.size() > 2 && IsNameOfAThing(name)) return true;
  for (size_t label = 0; label < std::min(profile.nonzero_positive.size(), kMostLabelBits); ++label) {
    if (NumberIsAName(profile, label)) return true;
  }
  if (std::any_of(profile.numbers.begin(), profile.numbers.end(),
                  [](float x) { return std::abs(x) >= 0x1p53F; })) {
    return true;
  }
  const size_t distinct = profile.distinct.size();
  return distinct > 2 && distinct <= kFewNumbers && profile.numbers.size() >= distinct * kRowsPerFewNumber &&
         static_cast<double>(profile.RarestNumberRows()) >= kCommonShare * rows;
}

// An identifier of the row itself can't be known before the row, so nothing can be learnt from it.
bool DiffersInEveryRow(const ColumnProfile& profile, bool numeric) {
  if (profile.distinct.size() != profile.rows || profile.rows < kUniqueRows) return false;
  if (!numeric) return true;
  return AllIntegers(profile) && (profile.descents == 0 || profile.rows >= kUniqueNumberRows);
}

// A clock or a counter: it only rises (but for a few late rows), and soon again, so that the rows to come are
// beyond all that was learnt from. What rises now and then, such as prices, says what time the rows are of,
// and the next ones will be most like the last.
bool OnlyRises(const ColumnProfile& profile) {
  return profile.numbers.size() >= kUniqueNumberRows &&
         kRowsPerRise * profile.distinct.size() >= profile.numbers.size() &&
         static_cast<double>(profile.descents) <= kDescents * static_cast<double>(profile.numbers.size());
}

// The label that gives the column away, if it is 0 or missing nearly always unless that label is positive:
// such a value (the amount spent, the time of the conversion) comes into being with the outcome and is not
// there when it must be predicted.
std::optional<size_t> KnownAfterwards(const ColumnProfile& profile, std::span<const uint64_t> positives) {
  if (profile.nonzero < kAfterwardsRows) return std::nullopt;
  for (size_t i = 0; i < positives.size(); ++i) {
    const auto together = static_cast<double>(profile.nonzero_positive[i]);
    if (positives[i] * 2 <= profile.rows &&
        together >= kAfterwardsShare * static_cast<double>(profile.nonzero) &&
        together >= kAfterwardsCover * static_cast<double>(positives[i])) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<char> InnerDelimiter(const ColumnProfile& profile) {
  for (size_t i = 0; i < kInnerDelimiters.size(); ++i) {
    const ColumnProfile::InnerTokens& inner = profile.inner[i];
    // Values that combine freely: fewer of them than of the combinations. Otherwise "US|CA" is one name. A
    // comma is in names of many kinds, such as "Springfield, IL", and has to do so more clearly.
    const size_t room = kInnerDelimiters[i] == ',' ? kCommaRoom : 1;
    if (inner.cells > 0 &&
        static_cast<double>(inner.cells) >= kMultiShare * static_cast<double>(profile.texts()) &&
        inner.tokens.size() * room < profile.distinct.size()) {
      return kInnerDelimiters[i];
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsDate(std::string_view name, const ColumnProfile& profile) {
  if (profile.dates.cells == 0 || static_cast<double>(profile.dates.cells) <
                                      kNumericShare * static_cast<double>(profile.number_candidates())) {
    return false;
  }
  if (profile.numbers.empty()) return true;
  static constexpr std::array<std::string_view, 9> kWords = {"time", "timestamp", "datetime", "date",    "ts",
                                                             "at",   "dt",        "day",      "yyyymmdd"};
  const std::vector<std::string> words = WordsOf(name);
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  });
}

std::vector<model::Feature> PartsOfDate(const std::string& name, const ColumnProfile& profile) {
  std::vector<model::Feature> features;
  const auto add = [&](model::DatePart part) {
    model::Feature& feature = features.emplace_back();
    feature.name = absl::StrCat(name, ".", model::ToString(part));
    feature.kind = model::FeatureKind::kCategorical;
    feature.column = name;
    feature.part = part;
  };
  if (std::popcount(profile.dates.hours) > 1) add(model::DatePart::kHour);
  if (profile.dates.last_day - profile.dates.first_day >= kDaysForWeekdays) add(model::DatePart::kWeekday);
  return features;
}

std::optional<std::string> ReasonToLeaveOut(std::string_view name, const ColumnProfile& profile,
                                            const std::vector<model::Label>& labels,
                                            std::span<const uint64_t> positives, bool in_time_order) {
  const bool numeric = IsNumeric(profile);
  if (profile.number_candidates() == 0) return "it is always missing";
  if (profile.distinct.size() == 1 && profile.empty == 0) return "it has the same value in every row";
  if (name.starts_with("true_") && numeric && profile.in_unit_interval && !AllIntegers(profile)) {
    return "it is a true probability, as `generate` writes them";
  }
  if (DiffersInEveryRow(profile, numeric && !IsNameOfACode(name))) return "it is different in every row";
  if (in_time_order && numeric && OnlyRises(profile) && !IsCode(name, profile)) {
    return "it only rises from row to row, so that rows to come are beyond all that could be learnt from";
  }
  if (const std::optional<size_t> label = KnownAfterwards(profile, positives)) {
    return absl::StrCat("it is 0 or missing unless '", labels[*label].column,
                        "' is positive, so it seems to be known only afterwards");
  }
  return std::nullopt;
}

model::Feature Describe(std::string_view name, const ColumnProfile& profile,
                        std::optional<model::FeatureKind> known_kind) {
  model::Feature feature;
  feature.name = name;
  // One value and gaps: that it is there is all it says, and no scale can be fitted to it.
  const bool presence = std::all_of(profile.numbers.begin(), profile.numbers.end(),
                                    [&profile](float x) { return x == profile.numbers.front(); });
  const std::optional<char> delimiter = InnerDelimiter(profile);
  if (known_kind) {
    feature.kind = *known_kind;
  } else if (IsNumeric(profile) && !IsCode(name, profile) && !presence) {
    feature.kind = model::FeatureKind::kNumeric;
  } else if (delimiter && !IsNumeric(profile) && !LooksLikeNumbers(profile)) {
    feature.kind = model::FeatureKind::kMultiCategorical;
    feature.delimiter = *delimiter;
  } else {
    feature.kind = model::FeatureKind::kCategorical;
  }
  if (feature.kind == model::FeatureKind::kNumeric) {
    const double skewness = std::abs(Skewness(profile.numbers));
    if (profile.distinct.size() > 2 && skewness > kSkewed &&
        std::abs(SkewnessOfSignedLog(profile.numbers)) < skewness / 2) {
      feature.transform = model::NumericTransform::kSignedLog1p;
    }
  }
  return feature;
}

}  // namespace adscore::trainer
