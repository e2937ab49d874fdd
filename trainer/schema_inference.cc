#include "trainer/schema_inference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "trainer/column_profile.h"
#include "trainer/columns.h"
#include "trainer/cross_inference.h"
#include "trainer/pair_selection.h"

namespace adscore::trainer {
namespace {

constexpr double kNumericShare = 0.99;         // of the present cells must be numbers
constexpr double kMultiShare = 0.1;            // of the present cells must hold several values
constexpr double kLeadingZeroShare = 0.01;     // more, and the digits are a code
constexpr uint64_t kUniqueRows = 50;           // fewer rows can differ by chance
constexpr uint64_t kUniqueNumberRows = 1'000;  // the same for unordered whole numbers, which amounts may be
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
constexpr size_t kMostCodes = 32 << 20;  // cells that say which columns to cross: 64 MB

bool IsNumeric(const ColumnProfile& profile) {
  return !profile.numbers.empty() && static_cast<double>(profile.numbers.size()) >=
                                         kNumericShare * static_cast<double>(profile.number_candidates());
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
  for (size_t label = 0; label < std::min<size_t>(profile.nonzero_positive.size(), 8); ++label) {
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

// Dates and times. Numbers of seconds look like any other large numbers: they need a name that says so.
bool IsDate(std::string_view name, const ColumnProfile& profile) {
  if (profile.dates.cells == 0 || static_cast<double>(profile.dates.cells) <
                                      kNumericShare * static_cast<double>(profile.number_candidates())) {
    return false;
  }
  if (profile.numbers.empty()) return true;
  static constexpr std::array<std::string_view, 6> kWords = {"time", "timestamp", "datetime",
                                                             "date", "ts",        "at"};
  const std::vector<std::string> words = WordsOf(name);
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  });
}

// What a column of dates says about days to come: the hour and the weekday, if it has seen them often enough.
// A moment itself never comes again.
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

// An identifier of the row itself can't be known before the row, so nothing can be learnt from it.
bool DiffersInEveryRow(const ColumnProfile& profile, bool numeric) {
  if (profile.distinct.size() != profile.rows || profile.rows < kUniqueRows) return false;
  if (!numeric) return true;
  return AllIntegers(profile) && (profile.ascending || profile.rows >= kUniqueNumberRows);
}

// The label that gives the column away, if it is 0 or missing nearly always unless that label is positive:
// such a value (the amount spent, the time of the conversion) comes into being with the outcome and is not
// there when it must be predicted.
std::optional<size_t> KnownAfterwards(const ColumnProfile& profile, const std::vector<uint64_t>& positives) {
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
    // Values that combine freely: fewer of them than of the combinations. Otherwise "US|CA" is one name.
    if (inner.cells > 0 &&
        static_cast<double>(inner.cells) >= kMultiShare * static_cast<double>(profile.texts()) &&
        inner.tokens.size() < profile.distinct.size()) {
      return kInnerDelimiters[i];
    }
  }
  return std::nullopt;
}

// Why the column is no feature, or nothing if it is one.
std::optional<std::string> ReasonToLeaveOut(std::string_view name, const ColumnProfile& profile,
                                            const InferenceOptions& options,
                                            const std::vector<uint64_t>& positives) {
  const bool numeric = IsNumeric(profile);
  if (profile.number_candidates() == 0) return "it is always missing";
  if (profile.distinct.size() == 1 && profile.empty == 0) return "it has the same value in every row";
  if (name.starts_with("true_") && numeric && profile.in_unit_interval && !AllIntegers(profile)) {
    return "it is a true probability, as `generate` writes them";
  }
  if (DiffersInEveryRow(profile, numeric && !IsNameOfACode(name))) return "it is different in every row";
  if (const std::optional<size_t> label = KnownAfterwards(profile, positives)) {
    return absl::StrCat("it is 0 or missing unless '", options.labels[*label].column,
                        "' is positive, so it seems to be known only afterwards");
  }
  return std::nullopt;
}

// Criteo's columns are what their names say, whatever a sample looks like.
std::optional<model::FeatureKind> CriteoKind(const std::vector<std::string>& columns, std::string_view name) {
  if (!FindColumn(columns, "I1") || !FindColumn(columns, "I13") || !FindColumn(columns, "C1") ||
      !FindColumn(columns, "C26")) {
    return std::nullopt;
  }
  const bool numbered =
      name.size() >= 2 && name.size() <= 3 && std::all_of(name.begin() + 1, name.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (numbered && name[0] == 'I') return model::FeatureKind::kNumeric;
  if (numbered && name[0] == 'C') return model::FeatureKind::kCategorical;
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
  } else if (delimiter && !IsNumeric(profile)) {
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

// One entry per column of the file: true for those that may be features.
absl::StatusOr<std::vector<bool>> Eligible(const std::string& path, const std::vector<std::string>& columns,
                                           const InferenceOptions& options) {
  std::vector<bool> eligible(columns.size(), true);
  for (const model::Label& label : options.labels) {
    absl::StatusOr<size_t> column =
        RequireColumn(path, columns, label.column, absl::StrCat("label '", label.column, "'"));
    if (!column.ok()) return column.status();
    eligible[*column] = false;
  }
  for (const std::string& name : options.ignore) {
    absl::StatusOr<size_t> column = RequireColumn(path, columns, name, absl::StrCat("--ignore '", name, "'"));
    if (!column.ok()) return column.status();
    eligible[*column] = false;
  }
  for (const std::string& name : options.context) {
    absl::StatusOr<size_t> column =
        RequireColumn(path, columns, name, absl::StrCat("--context '", name, "'"));
    if (!column.ok()) return column.status();
    if (!eligible[*column]) {
      return absl::InvalidArgumentError(
          absl::StrCat("--context '", name, "' is also a label or in --ignore; leave it out of one of them"));
    }
  }
  return eligible;
}

// Profiles of the eligible columns (the others stay empty), and how often each label is positive.
struct Sample {
  std::vector<ColumnProfile> profiles;  // one per column of the file
  std::vector<uint64_t> positives;      // [labels]
  uint64_t rows = 0;                    // looked at
  bool whole = false;                   // the file has no other rows
  CodedRows coded;                      // as many again, and more, to look for pairs in
};

absl::StatusOr<Sample> TakeSample(data::TableReader* reader, const std::vector<bool>& eligible,
                                  const InferenceOptions& options) {
  const std::vector<std::string>& columns = reader->columns();
  Sample sample;
  sample.profiles.resize(columns.size());
  sample.positives.resize(options.labels.size());
  std::vector<size_t> label_columns;
  for (const model::Label& label : options.labels)
    label_columns.push_back(*FindColumn(columns, label.column));
  std::vector<uint8_t> positive(options.labels.size());
  std::vector<std::string_view> cells;
  sample.coded.columns.resize(columns.size());
  sample.coded.labels.resize(options.labels.size());
  const size_t coded_rows = std::min(options.crossed_rows, kMostCodes / columns.size());
  auto held_out = options.held_out.begin();
  for (uint64_t row = 0; sample.rows < options.sample_rows || sample.coded.rows < coded_rows; ++row) {
    absl::StatusOr<bool> more = reader->Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) {
      sample.whole = options.held_out.empty() && row == sample.rows;
      break;
    }
    if (held_out != options.held_out.end() && *held_out == row) {
      ++held_out;
      continue;
    }
    for (size_t i = 0; i < positive.size(); ++i) {
      // A cell that is neither positive nor negative is reported when the file is read for training.
      positive[i] = IsPositive(options.labels[i], cells[label_columns[i]]).value_or(false) ? 1 : 0;
    }
    if (sample.coded.rows < coded_rows) {
      ++sample.coded.rows;
      for (size_t i = 0; i < positive.size(); ++i) sample.coded.labels[i].push_back(positive[i]);
      for (size_t i = 0; i < columns.size(); ++i) {
        if (eligible[i]) sample.coded.columns[i].push_back(CodeOf(cells[i]));
      }
    }
    if (sample.rows == options.sample_rows) continue;
    ++sample.rows;
    for (size_t i = 0; i < positive.size(); ++i) sample.positives[i] += positive[i];
    for (size_t i = 0; i < columns.size(); ++i) {
      if (eligible[i]) sample.profiles[i].Add(cells[i], positive);
    }
  }
  return sample;
}

}  // namespace

absl::StatusOr<InferredSchema> InferSchema(const Sources& sources, data::Format format,
                                           const InferenceOptions& options) {
  const std::string path = sources.ToString();
  absl::StatusOr<std::unique_ptr<SourceReader>> reader = SourceReader::Open(sources, format);
  if (!reader.ok()) return reader.status();
  const std::vector<std::string>& columns = (*reader)->columns();
  absl::StatusOr<std::vector<bool>> eligible = Eligible(path, columns, options);
  if (!eligible.ok()) return eligible.status();
  absl::StatusOr<Sample> sample = TakeSample(reader->get(), *eligible, options);
  if (!sample.ok()) return sample.status();
  if (sample->rows == 0) return absl::InvalidArgumentError(absl::StrCat(path, " has a header but no rows"));

  InferredSchema inferred;
  std::vector<const ColumnProfile*> profiles;                     // one per feature; null: parts of a date
  std::vector<std::optional<size_t>> feature_of(columns.size());  // by column; dates have none
  std::vector<std::string> logarithmic;
  const std::string where = sample->whole ? "" : absl::StrCat(" (in the ", sample->rows, " rows looked at)");
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!(*eligible)[i]) continue;
    const std::string& name = columns[i];
    const ColumnProfile& profile = sample->profiles[i];
    const bool context =
        std::find(options.context.begin(), options.context.end(), name) != options.context.end();
    if (IsDate(name, profile)) {
      std::vector<std::string> parts;
      for (model::Feature& feature : PartsOfDate(name, profile)) {
        feature.role = context ? model::FeatureRole::kContext : model::FeatureRole::kCandidate;
        parts.push_back(feature.name);
        inferred.schema.features.push_back(std::move(feature));
        profiles.push_back(nullptr);
      }
      inferred.notices.push_back(
          absl::StrCat("column '", name, "' holds dates or times: ",
                       parts.empty() ? "they span too little to learn from, and it is left out"
                                     : absl::StrCat("learnt from as ", absl::StrJoin(parts, ", ")),
                       where));
      continue;
    }
    if (const auto reason = ReasonToLeaveOut(name, profile, options, sample->positives)) {
      inferred.notices.push_back(absl::StrCat("column '", name, "' is left out: ", *reason, where));
      continue;
    }
    model::Feature feature = Describe(name, profile, CriteoKind(columns, name));
    feature.role = context ? model::FeatureRole::kContext : model::FeatureRole::kCandidate;
    if (feature.transform == model::NumericTransform::kSignedLog1p) logarithmic.push_back(name);
    feature_of[i] = inferred.schema.features.size();
    inferred.schema.features.push_back(std::move(feature));
    profiles.push_back(&profile);
  }
  if (!logarithmic.empty()) {
    inferred.notices.push_back(absl::StrCat("transform signed_log1p for columns with a long tail: ",
                                            absl::StrJoin(logarithmic, ", ")));
  }
  if (inferred.schema.features.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " has no column left to learn from: ",
        inferred.notices.empty() ? "all are labels or ignored" : absl::StrJoin(inferred.notices, "; ")));
  }
  if (absl::Status named = AddNamedCrosses(options.crosses, &inferred.schema); !named.ok()) return named;
  AddInferredMatches(profiles, &inferred.schema, &inferred.notices);
  AddInferredProducts(std::move(sample->coded), feature_of, options.labels, &inferred.schema,
                      &inferred.notices);
  return inferred;
}

}  // namespace adscore::trainer
