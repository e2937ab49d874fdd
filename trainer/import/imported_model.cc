#include "trainer/import/imported_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "data/cell.h"
#include "data/utf8.h"
#include "model/model.h"

namespace adscore::trainer {
namespace {

using model::Feature;
using model::FeatureKind;
using model::FeatureRole;
using model::MissingRule;

constexpr size_t kGoldenRows = 64;
constexpr std::array kRoles = {FeatureRole::kContext, FeatureRole::kCandidate};

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

// The feature that a column of the graph is, if nothing else is said of it.
Feature FeatureOf(const InputColumn& column) {
  Feature feature;
  feature.name = column.name;
  feature.kind = column.use == InputColumn::Use::kNumber ? FeatureKind::kNumeric : FeatureKind::kCategorical;
  if (feature.kind == FeatureKind::kNumeric && !column.missing) feature.missing = MissingRule::kRefuse;
  return feature;
}

// The same where a schema speaks of it. The names, roles and files' columns are the user's; the kind is not,
// and "mean", the schema's default, is what the model itself does with a missing number.
absl::StatusOr<Feature> FeatureOf(const InputColumn& column, const Feature& said) {
  const Feature own = FeatureOf(column);
  if (said.kind != own.kind) {
    return Bad(absl::StrCat("--schema: feature '", said.name, "' is ", model::ToString(said.kind),
                            ", but the model's input '", column.name, "' in its place is ",
                            model::ToString(own.kind)));
  }
  Feature feature = said;
  if (feature.missing == MissingRule::kMean) feature.missing = own.missing;
  return feature;
}

// All tables of a token column as one: a row per token that any of them knows. The empty token is what a
// missing value is sent as, and so has no row of its own.
struct TokenRows {
  std::vector<std::string> tokens;
  std::vector<std::vector<size_t>> row_of;  // [tables][tokens]: the token in the table, or kNone
  std::vector<size_t> missing;              // [tables]: the same for the empty token

  static constexpr size_t kNone = SIZE_MAX;

  explicit TokenRows(const std::vector<LookupTable>& tables)
      : row_of(tables.size()), missing(tables.size(), kNone) {
    std::map<std::string, size_t> index;
    for (size_t t = 0; t < tables.size(); ++t) {
      for (size_t i = 0; i < tables[t].tokens.size(); ++i) {
        if (tables[t].tokens[i].empty()) {
          missing[t] = i;
          continue;
        }
        const auto [at, added] = index.emplace(tables[t].tokens[i], tokens.size());
        if (added) tokens.push_back(tables[t].tokens[i]);
        row_of[t].resize(tokens.size(), kNone);
        row_of[t][at->second] = i;
      }
    }
    for (std::vector<size_t>& rows : row_of) rows.resize(tokens.size(), kNone);
  }
};

}  // namespace

std::span<const float> ImportedModel::Keep(std::vector<float> values) {
  return floats_.emplace_back(std::move(values));
}

absl::Status ImportedModel::SetFeatures(const DenseGraph& graph, const ImportOptions& options) {
  for (size_t c = 0; c < graph.columns().size(); ++c) {
    if (graph.columns()[c].use != InputColumn::Use::kNone) {
      columns_.push_back(c);
    } else {
      notices_.push_back(
          absl::StrCat("input '", graph.columns()[c].name, "' is left out: no probability depends on it"));
    }
  }
  for (const size_t c : columns_) {
    if (!data::IsUtf8(graph.columns()[c].name)) return Bad("an input's name is not UTF-8");
  }
  if (columns_.empty()) return Bad("the model's output depends on none of its inputs");
  if (options.schema && options.schema->features.size() != columns_.size()) {
    return Bad(absl::StrCat("--schema has ", options.schema->features.size(), " features, and the model has ",
                            columns_.size(), " inputs: ", graph.columns()[columns_.front()].name,
                            columns_.size() > 1 ? " to " + graph.columns()[columns_.back()].name : ""));
  }
  std::set<std::string> context(options.context.begin(), options.context.end());
  for (size_t f = 0; f < columns_.size(); ++f) {
    const InputColumn& column = graph.columns()[columns_[f]];
    absl::StatusOr<Feature> feature =
        options.schema ? FeatureOf(column, options.schema->features[f]) : FeatureOf(column);
    if (!feature.ok()) return feature.status();
    if (context.erase(feature->name) > 0) feature->role = FeatureRole::kContext;
    snapshot_.schema.features.push_back(*std::move(feature));
  }
  if (!context.empty()) {
    return Bad(
        absl::StrCat("--context names '", *context.begin(), "', which is no input of the model; there are ",
                     snapshot_.schema.features.front().name, " to ", snapshot_.schema.features.back().name));
  }
  return absl::OkStatus();
}

absl::Status ImportedModel::SetHeads(const ImportedGraph& imported, const ImportOptions& options) {
  std::vector<std::string> names;
  for (const ImportedGraph::Head& head : imported.heads) {
    if (head.logits.width == 1) names.push_back(head.name);
    for (size_t i = 0; i < head.logits.width && head.logits.width > 1; ++i) {
      names.push_back(absl::StrCat(head.name, "_", i));
    }
  }
  if (!options.heads.empty()) {
    if (options.heads.size() != names.size()) {
      return Bad(absl::StrCat("--heads has ", options.heads.size(), " names, and the model has ",
                              names.size(), " outputs: ", names.front(),
                              names.size() > 1 ? " to " + names.back() : ""));
    }
    names = options.heads;
  }
  for (const std::string& name : names) {
    if (!data::IsUtf8(name)) return Bad("a head's name is not UTF-8: give it another with --heads");
    model::Head& head = snapshot_.heads.emplace_back();
    head.name = name;
    head.label.column = name;
  }
  return absl::OkStatus();
}

void ImportedModel::AddLayer(size_t inputs, const std::vector<double>& weights,
                             const std::vector<double>& offset, const model::Activation& activation) {
  model::Layer& layer = snapshot_.layers.emplace_back();
  layer.inputs = inputs;
  layer.outputs = offset.size();
  layer.weights = Keep(std::vector<float>(weights.begin(), weights.end()));
  layer.bias = Keep(std::vector<float>(offset.begin(), offset.end()));
  layer.activation = activation;
}

void ImportedModel::AddFirst(const DenseGraph& graph, const std::vector<std::vector<double>>& of_unit,
                             std::vector<double> offset, const model::Activation& activation) {
  const size_t outputs = offset.size();
  std::vector<std::vector<size_t>> units_of(graph.columns().size());
  for (size_t u = 0; u < graph.input_units().size(); ++u) {
    units_of[graph.input_units()[u].column].push_back(u);
  }
  std::vector<double> rows[2];  // the layer's weights for the context's inputs and for the candidate's
  for (size_t f = 0; f < columns_.size(); ++f) {
    const Feature& feature = snapshot_.schema.features[f];
    const InputColumn& column = graph.columns()[columns_[f]];
    const std::vector<size_t>& units = units_of[columns_[f]];
    std::vector<double>& to = rows[static_cast<size_t>(feature.role)];
    model::FeatureEncoding& encoding = snapshot_.encodings.emplace_back();
    tokens_.emplace_back();
    if (feature.kind == FeatureKind::kNumeric) {
      model::NumericEncoding& number = encoding.numeric;
      number.flag = false;
      // A missing number becomes 0 once standardised, and so must be the mean if the model says what it is.
      number.mean = static_cast<float>(column.missing.value_or(column.mean.value_or(0)));
      number.scale = static_cast<float>(column.scale);
      number.low = std::numeric_limits<float>::lowest();
      number.high = std::numeric_limits<float>::max();
      for (size_t c = 0; c < outputs; ++c) {
        const double weight = of_unit[units[0]][c];
        to.push_back(weight / static_cast<double>(number.scale));
        offset[c] += weight * static_cast<double>(number.mean);
      }
      continue;
    }
    const TokenRows known(column.tables);
    for (const std::string& token : known.tokens) tokens_.back().push_back(data::TokenHash(token));
    const model::VocabularySlots& slots = vocabularies_.emplace_back(model::BuildVocabulary(tokens_.back()));
    encoding.vocabulary = model::Vocabulary(slots.keys, slots.ids);
    // More numbers per token than the layer has outputs: the table takes the layer's weights in.
    const bool fold = units.size() > outputs;
    const size_t dim = fold ? outputs : units.size();
    std::vector<float> table;
    table.reserve((known.tokens.size() + 2) * dim);
    std::vector<double> folded(outputs);
    const auto append = [&](const auto& row_of) {  // row_of(table): a token of it, or kNone
      std::fill(folded.begin(), folded.end(), 0.0);
      size_t first = 0;  // of a table's units, which follow each other
      for (size_t t = 0; t < column.tables.size(); first += column.tables[t++].dim) {
        const LookupTable& from = column.tables[t];
        const size_t row = row_of(t);
        const bool unit_vector = fold && from.values.empty() && row != TokenRows::kNone;
        for (size_t d = unit_vector ? row : 0; d < (unit_vector ? row + 1 : from.dim); ++d) {
          const float value = row == TokenRows::kNone ? from.unknown[d] : from.At(row, d);
          if (!fold) {
            table.push_back(value);
          } else if (value != 0) {
            const std::vector<double>& weights = of_unit[units[first + d]];
            for (size_t c = 0; c < outputs; ++c) folded[c] += static_cast<double>(value) * weights[c];
          }
        }
      }
      if (fold) table.insert(table.end(), folded.begin(), folded.end());
    };
    append([&](size_t t) { return known.missing[t]; });
    append([](size_t) { return TokenRows::kNone; });
    for (size_t token = 0; token < known.tokens.size(); ++token) {
      append([&](size_t t) { return known.row_of[t][token]; });
    }
    encoding.embedding = {.rows = known.tokens.size() + 2, .dim = dim, .values = Keep(std::move(table))};
    for (size_t d = 0; d < dim; ++d) {
      for (size_t c = 0; c < outputs; ++c) to.push_back(fold ? (d == c ? 1 : 0) : of_unit[units[d]][c]);
    }
  }
  rows[0].insert(rows[0].end(), rows[1].begin(), rows[1].end());
  AddLayer(rows[0].size() / outputs, rows[0], offset, activation);
}

void ImportedModel::AddHidden(const DenseGraph& graph) {
  for (size_t level = 0; level < graph.hidden().size(); ++level) {
    const std::vector<DenseGraph::HiddenUnit>& units = graph.hidden()[level].units;
    const size_t inputs = graph.Units(level);
    std::vector<double> offset;
    std::vector<std::vector<double>> weights(inputs, std::vector<double>(units.size()));
    for (size_t c = 0; c < units.size(); ++c) {
      offset.push_back(units[c].offset);
      for (size_t u = 0; u < units[c].weights.size(); ++u) weights[u][c] = units[c].weights[u];
    }
    if (level == 0) {
      AddFirst(graph, weights, std::move(offset), graph.hidden()[0].activation);
      continue;
    }
    std::vector<double> flat;
    flat.reserve(inputs * units.size());
    for (const std::vector<double>& row : weights) flat.insert(flat.end(), row.begin(), row.end());
    AddLayer(inputs, flat, offset, graph.hidden()[level].activation);
  }
}

void ImportedModel::AddOutput(const ImportedGraph& imported, const Form& logits) {
  if (logits.level > 0)
    return AddLayer(imported.graph.Units(logits.level), logits.weights, logits.offset, {});
  std::vector<std::vector<double>> weights;
  for (size_t u = 0; u < imported.graph.Units(0); ++u) {
    const auto row = logits.weights.begin() + static_cast<ptrdiff_t>(u * logits.width);
    weights.emplace_back(row, row + static_cast<ptrdiff_t>(logits.width));
  }
  AddFirst(imported.graph, weights, logits.offset, {});
}

// Numbers of the size that the model standardises to 1, tokens that it knows, and one that it does not.
void ImportedModel::AddGoldenRows() {
  std::mt19937_64 random(1);
  const auto uniform = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  model::GoldenRows& golden = snapshot_.golden;
  golden.rows = kGoldenRows;
  for (const FeatureRole role : kRoles) {
    model::RawStorage& storage = golden_[static_cast<size_t>(role)];
    for (size_t f = 0; f < columns_.size(); ++f) {
      const Feature& feature = snapshot_.schema.features[f];
      const model::NumericEncoding& number = snapshot_.encodings[f].numeric;
      if (feature.role != role) continue;
      for (size_t row = 0; row < kGoldenRows; ++row) {
        if (feature.kind == FeatureKind::kNumeric) {
          const double z = 4 * uniform() - 2;
          const double x = z / static_cast<double>(number.scale) + static_cast<double>(number.mean);
          const bool missing = row % 16 == 15 && feature.missing != MissingRule::kRefuse;
          storage.numeric.push_back(missing ? std::numeric_limits<float>::quiet_NaN()
                                            : static_cast<float>(x));
        } else {
          const std::vector<uint64_t>& tokens = tokens_[f];
          const bool unknown = row % 16 == 15;
          storage.categorical.push_back(unknown || tokens.empty() ? row % 32 == 15 ? 0 : 1
                                                                  : tokens[random() % tokens.size()]);
        }
      }
    }
    (role == FeatureRole::kContext ? golden.context : golden.candidates) = storage.View(kGoldenRows);
  }
  std::vector<float> probabilities(kGoldenRows * snapshot_.heads.size());
  model::ReferenceScore(snapshot_, golden.context, golden.candidates, probabilities.data());
  golden.probabilities = Keep(std::move(probabilities));
}

absl::StatusOr<std::unique_ptr<const ImportedModel>> ImportedModel::Make(ImportedGraph imported,
                                                                         const ImportOptions& options) {
  std::unique_ptr<ImportedModel> made(new ImportedModel);
  made->notices_ = std::move(imported.notices);
  if (imported.heads.empty()) return Bad("the model has no output that is a probability");
  std::vector<Form> parts;
  for (const ImportedGraph::Head& head : imported.heads) parts.push_back(head.logits);
  absl::StatusOr<Form> logits = imported.graph.Concatenate(parts);
  if (!logits.ok())
    return Bad(absl::StrCat("the outputs can't be heads of one network: ", logits.status().message()));
  if (logits->level != imported.graph.hidden().size()) {
    return Bad("the outputs stand before the last hidden layer of the network");
  }
  logits = imported.graph.Full(*logits);
  if (!logits.ok()) return logits.status();
  absl::Status status = made->SetFeatures(imported.graph, options);
  if (status.ok()) status = made->SetHeads(imported, options);
  if (!status.ok()) return status;
  made->AddHidden(imported.graph);
  made->AddOutput(imported, *logits);
  made->snapshot_.provenance.trainer = options.trainer;
  made->snapshot_.provenance.created_at = options.created_at;
  made->AddGoldenRows();
  status = model::Validate(made->snapshot_);
  if (!status.ok()) return status;
  return made;
}

}  // namespace adscore::trainer
