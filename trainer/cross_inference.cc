#include "trainer/cross_inference.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/cross.h"

namespace adscore::trainer {
namespace {

// Values in common that are no accident. Two columns of small numbers that stand for things have some
// whatever the things are.
constexpr size_t kSharedNames = 3;
constexpr size_t kSharedNumbers = 20;

using Tokens = absl::flat_hash_set<uint64_t>;

const char* FlagOf(model::CrossKind kind) { return kind == model::CrossKind::kMatch ? "--match" : "--cross"; }

// The two features that "site:category" names, wherever names have colons themselves.
std::optional<model::Cross> Resolve(const NamedCross& named, const model::Schema& schema) {
  const std::string& text = named.features;
  for (size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', colon + 1)) {
    const model::Feature* first = schema.Find(text.substr(0, colon));
    const model::Feature* second = schema.Find(text.substr(colon + 1));
    if (first == nullptr || second == nullptr) continue;
    const model::Feature* begin = schema.features.data();
    return model::Cross{named.kind, static_cast<size_t>(first - begin), static_cast<size_t>(second - begin)};
  }
  return std::nullopt;
}

// Whether at least half of the shorter one's values are in the other one, too.
bool ShareValues(const Tokens& a, const Tokens& b, size_t least) {
  const Tokens& fewer = a.size() < b.size() ? a : b;
  const Tokens& more = a.size() < b.size() ? b : a;
  const auto shared = static_cast<size_t>(
      std::count_if(fewer.begin(), fewer.end(), [&more](uint64_t token) { return more.contains(token); }));
  return shared >= least && 2 * shared >= fewer.size();
}

// Whether the schema has the cross, whichever feature it names first.
bool Has(const model::Schema& schema, const model::Cross& cross) {
  const model::Cross mirrored{cross.kind, cross.second, cross.first};
  return std::any_of(schema.crosses.begin(), schema.crosses.end(),
                     [&](const model::Cross& other) { return other == cross || other == mirrored; });
}

}  // namespace

absl::Status AddNamedCrosses(std::span<const NamedCross> named, model::Schema* schema) {
  for (const NamedCross& cross : named) {
    const std::optional<model::Cross> resolved = Resolve(cross, *schema);
    const std::string where = absl::StrCat(FlagOf(cross.kind), " '", cross.features, "'");
    if (!resolved) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, " is not two features with a colon between them, such as site:category; the features are ",
          absl::StrJoin(schema->features, ", ", [](std::string* out, const model::Feature& feature) {
            absl::StrAppend(out, feature.name);
          })));
    }
    schema->crosses.push_back(*resolved);
    if (absl::Status can_be = model::CheckCrosses(*schema); !can_be.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", std::string(can_be.message())));
    }
  }
  return absl::OkStatus();
}

void AddInferredMatches(std::span<const ColumnProfile* const> profiles, model::Schema* schema,
                        std::vector<std::string>* notices) {
  const std::vector<model::Feature>& features = schema->features;
  for (size_t list = 0; list < features.size(); ++list) {
    if (features[list].kind != model::FeatureKind::kMultiCategorical || profiles[list] == nullptr) continue;
    const auto delimiter =
        std::find(kInnerDelimiters.begin(), kInnerDelimiters.end(), features[list].delimiter);
    const Tokens& values =
        profiles[list]->inner[static_cast<size_t>(delimiter - kInnerDelimiters.begin())].tokens;
    for (size_t name = 0; name < features.size(); ++name) {
      if (features[name].kind != model::FeatureKind::kCategorical || profiles[name] == nullptr) continue;
      const ColumnProfile& profile = *profiles[name];
      const size_t least = profile.numbers.empty() ? kSharedNames : kSharedNumbers;
      if (!ShareValues(values, profile.distinct, least)) continue;
      const model::Cross match{model::CrossKind::kMatch, list, name};
      if (Has(*schema, match)) continue;
      if (schema->crosses.size() == model::kMostCrosses) return;
      schema->crosses.push_back(match);
      notices->push_back(absl::StrCat("columns '", features[list].name, "' and '", features[name].name,
                                      "' have values in common: learnt from, too, is whether a row does, as ",
                                      model::FeatureOf(*schema, match).name));
    }
  }
}

void AddInferredProducts(CodedRows data, std::span<const std::optional<size_t>> feature_of,
                         std::span<const model::Label> labels, model::Schema* schema,
                         std::vector<std::string>* notices) {
  std::vector<size_t> candidates;
  for (size_t column = 0; column < feature_of.size(); ++column) {
    if (!feature_of[column]) {
      data.columns[column].clear();
    } else if (schema->features[*feature_of[column]].kind == model::FeatureKind::kCategorical) {
      candidates.push_back(column);
    }
  }
  for (const SelectedPair& pair : SelectPairs(data, candidates)) {
    const model::Cross cross{model::CrossKind::kProduct, *feature_of[pair.first], *feature_of[pair.second]};
    if (Has(*schema, cross)) continue;
    if (schema->crosses.size() == model::kMostCrosses) return;
    schema->crosses.push_back(cross);
    notices->push_back(absl::StrFormat(
        "columns '%s' and '%s' say more of '%s' together than apart (%.1f%% of its log loss): crossed as %s",
        schema->features[cross.first].name, schema->features[cross.second].name, labels[pair.label].column,
        100 * pair.gain, model::FeatureOf(*schema, cross).name));
  }
}

}  // namespace adscore::trainer
