#include "trainer/schema_inference.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "data/cell.h"
#include "trainer/column_doubts.h"
#include "trainer/column_kind.h"
#include "trainer/column_profile.h"
#include "trainer/columns.h"
#include "trainer/cross_inference.h"
#include "trainer/pair_selection.h"

namespace adscore::trainer {
namespace {

constexpr size_t kMostCodes = 32 << 20;  // cells that say which columns to cross: 64 MB

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
  std::vector<uint64_t> empty_labels;   // [labels]
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
  sample.empty_labels.resize(options.labels.size());
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
    for (size_t i = 0; i < positive.size(); ++i) {
      sample.positives[i] += positive[i];
      sample.empty_labels[i] += data::Trim(cells[label_columns[i]]).empty() ? 1 : 0;
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      if (eligible[i]) sample.profiles[i].Add(cells[i], positive);
    }
  }
  return sample;
}

// What a person would want to look at again of the column `i`, which a feature of that kind is made of.
void AddDoubts(const std::string& name, size_t i, model::FeatureKind kind, const Sample& sample,
               const std::vector<model::Label>& labels, std::vector<std::string>* notices) {
  if (kind == model::FeatureKind::kCategorical) {
    if (const auto doubt = DoubtOf(sample.profiles[i])) {
      notices->push_back(absl::StrCat("column '", name, "' ", *doubt));
    }
  }
  for (size_t label = 0; label < labels.size(); ++label) {
    double area = AreaAlone(sample.coded, i, label);
    if (kind == model::FeatureKind::kNumeric && label < kMostLabelBits) {
      area = std::max(area, AreaAlone(sample.profiles[i], label));
    }
    if (area < kGivesAway) continue;
    notices->push_back(absl::StrFormat(
        "column '%s' foretells '%s' suspiciously well by itself (AUC %.3f): if it is not known before the "
        "outcome, leave it out with --ignore %s",
        name, labels[label].column, area, name));
  }
}

// With a named positive value every other cell is a negative one.
void AddEmptyLabels(const Sample& sample, const std::vector<model::Label>& labels,
                    std::vector<std::string>* notices) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].positive.empty() || sample.empty_labels[i] == 0) continue;
    notices->push_back(absl::StrCat("label '", labels[i].column, "' is empty in ", sample.empty_labels[i],
                                    " of the ", sample.rows,
                                    " rows looked at, which counts as negative: take those rows out if their "
                                    "outcome is not known"));
  }
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
  AddEmptyLabels(*sample, options.labels, &inferred.notices);
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
    if (const auto reason =
            ReasonToLeaveOut(name, profile, options.labels, sample->positives, options.in_time_order)) {
      inferred.notices.push_back(absl::StrCat("column '", name, "' is left out: ", *reason, where));
      // What differs in every row may be an amount that was not read.
      if (LooksLikeNumbers(profile)) {
        inferred.notices.push_back(absl::StrCat("column '", name, "' ", DoubtOf(profile).value_or("")));
      }
      continue;
    }
    model::Feature feature = Describe(name, profile, CriteoKind(columns, name));
    feature.role = context ? model::FeatureRole::kContext : model::FeatureRole::kCandidate;
    if (feature.transform == model::NumericTransform::kSignedLog1p) logarithmic.push_back(name);
    AddDoubts(name, i, feature.kind, *sample, options.labels, &inferred.notices);
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
