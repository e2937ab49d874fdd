#include "trainer/import/dense_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

Form Plain(size_t level, std::vector<size_t> units) {
  Form form;
  form.level = level;
  form.width = units.size();
  form.scale.assign(form.width, 1);
  form.offset.assign(form.width, 0);
  form.unit = std::move(units);
  return form;
}

absl::Status DifferentDepths() {
  return Bad(
      "it joins what comes from different depths of the network (a skip connection); supported are "
      "layers one after the other, and branches of the same depth");
}

absl::Status TooLarge(size_t rows, size_t columns) {
  return Bad(
      absl::StrCat("it needs ", rows, " x ", columns, " weights, and ", kMostWeights, " are the most"));
}

}  // namespace

std::optional<size_t> WeightCount(size_t rows, size_t columns) {
  if (columns > 0 && rows > kMostWeights / columns) return std::nullopt;
  return rows * columns;
}

size_t DenseGraph::AddColumn(std::string name) {
  columns_.emplace_back().name = std::move(name);
  return columns_.size() - 1;
}

absl::StatusOr<Form> DenseGraph::Numbers(std::span<const size_t> columns) {
  std::vector<size_t> units;
  for (const size_t column : columns) {
    InputColumn& input = columns_[column];
    if (input.use == InputColumn::Use::kToken) {
      return Bad(
          absl::StrCat("input '", input.name, "' is looked up in a table elsewhere, and a number here"));
    }
    if (input.use == InputColumn::Use::kNone) {
      input.use = InputColumn::Use::kNumber;
      input_.push_back({column, 0, 0});
      units.push_back(input_.size() - 1);
      continue;
    }
    const auto unit = std::find_if(input_.begin(), input_.end(),
                                   [column](const InputUnit& u) { return u.column == column; });
    units.push_back(static_cast<size_t>(unit - input_.begin()));
  }
  return Plain(0, std::move(units));
}

absl::StatusOr<Form> DenseGraph::Look(size_t column, LookupTable table) {
  InputColumn& input = columns_[column];
  if (input.use == InputColumn::Use::kNumber) {
    return Bad(absl::StrCat("input '", input.name, "' is a number elsewhere, and looked up in a table here"));
  }
  if (table.dim == 0 || table.tokens.empty()) {
    return Bad(absl::StrCat("the table that input '", input.name, "' is looked up in is empty"));
  }
  input.use = InputColumn::Use::kToken;
  std::vector<size_t> units(table.dim);
  for (size_t d = 0; d < table.dim; ++d) {
    units[d] = input_.size();
    input_.push_back({column, input.tables.size(), d});
  }
  input.tables.push_back(std::move(table));
  return Plain(0, std::move(units));
}

absl::Status DenseGraph::SetMissing(size_t column, double value) {
  InputColumn& input = columns_[column];
  if (input.use == InputColumn::Use::kToken || (input.missing && *input.missing != value)) {
    return Bad(absl::StrCat("input '", input.name, "' is missing in two ways"));
  }
  input.missing = value;
  return absl::OkStatus();
}

Form DenseGraph::ScaleShift(const Form& x, std::span<const double> scale,
                            std::span<const double> shift) const {
  Form y = x;
  for (size_t i = 0; i < y.width; ++i) {
    y.offset[i] = y.offset[i] * scale[i] + shift[i];
    if (y.plain) y.scale[i] *= scale[i];
  }
  if (!y.plain) {
    for (size_t at = 0; at < y.weights.size(); ++at) y.weights[at] *= scale[at % y.width];
  }
  return y;
}

absl::StatusOr<Form> DenseGraph::Full(const Form& x) const {
  const size_t units = Units(x.level);
  const std::optional<size_t> count = WeightCount(units, x.width);
  if (!count) return TooLarge(units, x.width);
  Form full = x;
  full.weights.resize(*count);  // units that came later have no weight in it
  if (!x.plain) return full;
  full.plain = false;
  full.unit.clear();
  full.scale.clear();
  for (size_t i = 0; i < x.width; ++i) full.weights[x.unit[i] * x.width + i] = x.scale[i];
  return full;
}

absl::StatusOr<Form> DenseGraph::Multiply(const Form& x, std::span<const float> w, size_t outputs) {
  NoteStandardisation(x);
  const size_t units = Units(x.level);
  const std::optional<size_t> count = WeightCount(units, outputs);
  if (!count) return TooLarge(units, outputs);
  Form y;
  y.level = x.level;
  y.width = outputs;
  y.plain = false;
  y.weights.assign(*count, 0.0);
  y.offset.assign(outputs, 0.0);
  const auto add = [&](double factor, size_t element, double* to) {
    const float* row = w.data() + element * outputs;
    for (size_t c = 0; c < outputs; ++c) to[c] += factor * static_cast<double>(row[c]);
  };
  for (size_t i = 0; i < x.width; ++i) {
    add(x.offset[i], i, y.offset.data());
    if (x.plain) add(x.scale[i], i, y.weights.data() + x.unit[i] * outputs);
  }
  if (!x.plain && x.width > 0) {
    for (size_t u = 0; u < x.weights.size() / x.width; ++u) {
      for (size_t i = 0; i < x.width; ++i) {
        const double factor = x.weights[u * x.width + i];
        if (factor != 0) add(factor, i, y.weights.data() + u * outputs);
      }
    }
  }
  return y;
}

absl::StatusOr<Form> DenseGraph::Add(const Form& a, const Form& b) const {
  if (a.level != b.level) return DifferentDepths();
  absl::StatusOr<Form> sum = Full(a);
  if (!sum.ok()) return sum.status();
  const absl::StatusOr<Form> other = Full(b);
  if (!other.ok()) return other.status();
  for (size_t i = 0; i < sum->weights.size(); ++i) sum->weights[i] += other->weights[i];
  for (size_t i = 0; i < sum->width; ++i) sum->offset[i] += other->offset[i];
  return sum;
}

absl::StatusOr<Form> DenseGraph::Concatenate(std::span<const Form> parts) const {
  Form all;
  all.level = parts.front().level;
  for (const Form& part : parts) {
    if (part.level != all.level) return DifferentDepths();
    all.plain = all.plain && part.plain;
    all.width += part.width;
    all.offset.insert(all.offset.end(), part.offset.begin(), part.offset.end());
  }
  if (all.plain) {
    for (const Form& part : parts) {
      all.unit.insert(all.unit.end(), part.unit.begin(), part.unit.end());
      all.scale.insert(all.scale.end(), part.scale.begin(), part.scale.end());
    }
    return all;
  }
  const size_t units = Units(all.level);
  const std::optional<size_t> count = WeightCount(units, all.width);
  if (!count) return TooLarge(units, all.width);
  all.weights.assign(*count, 0.0);
  size_t first = 0;
  for (const Form& part : parts) {
    const absl::StatusOr<Form> full = Full(part);
    if (!full.ok()) return full.status();
    for (size_t u = 0; u < units; ++u) {
      std::copy_n(full->weights.begin() + static_cast<ptrdiff_t>(u * part.width), part.width,
                  all.weights.begin() + static_cast<ptrdiff_t>(u * all.width + first));
    }
    first += part.width;
  }
  return all;
}

Form DenseGraph::Select(const Form& x, std::span<const size_t> elements) const {
  Form y;
  y.level = x.level;
  y.width = elements.size();
  y.plain = x.plain;
  for (const size_t i : elements) {
    y.offset.push_back(x.offset[i]);
    if (!x.plain) continue;
    y.unit.push_back(x.unit[i]);
    y.scale.push_back(x.scale[i]);
  }
  const size_t units = x.plain || x.width == 0 ? 0 : x.weights.size() / x.width;
  y.weights.reserve(units * y.width);
  for (size_t u = 0; u < units; ++u) {
    for (const size_t i : elements) y.weights.push_back(x.weights[u * x.width + i]);
  }
  return y;
}

absl::StatusOr<Form> DenseGraph::Activate(const Form& x, const model::Activation& activation) {
  NoteStandardisation(x);
  if (x.level == hidden_.size()) hidden_.push_back({activation, {}});
  Level& level = hidden_[x.level];
  if (level.activation != activation) {
    return Bad(absl::StrCat("its activation is ", model::ToString(activation.kind),
                            ", and that of another branch at the same depth is ",
                            model::ToString(level.activation.kind),
                            " (or has another alpha); branches must have the same"));
  }
  const absl::StatusOr<Form> full = Full(x);
  if (!full.ok()) return full.status();
  const size_t below = Units(x.level);
  if (!WeightCount(below, level.units.size() + x.width)) return TooLarge(below, level.units.size() + x.width);
  std::vector<size_t> units;
  for (size_t i = 0; i < x.width; ++i) {
    HiddenUnit& unit = level.units.emplace_back();
    unit.offset = x.offset[i];
    unit.weights.resize(below);
    for (size_t u = 0; u < below; ++u) unit.weights[u] = full->weights[u * x.width + i];
    units.push_back(level.units.size() - 1);
  }
  return Plain(x.level + 1, std::move(units));
}

absl::StatusOr<Form> DenseGraph::Differences(const Form& x) {
  if (x.width != 2) {
    return Bad(absl::StrCat("a softmax over ", x.width,
                            " classes; a head is one probability, so that two classes are supported"));
  }
  constexpr float kEachMinusTheOther[] = {1, -1, -1, 1};
  return Multiply(x, kEachMinusTheOther, 2);
}

bool DenseGraph::Same(const Form& a, const Form& b) const {
  if (a.level != b.level || a.width != b.width) return false;
  const absl::StatusOr<Form> full_a = Full(a);
  const absl::StatusOr<Form> full_b = Full(b);
  if (!full_a.ok() || !full_b.ok()) return false;
  const auto close = [](double p, double q) {
    return std::fabs(p - q) <= 1e-5 * std::max(std::fabs(p), std::fabs(q));
  };
  return std::equal(full_a->weights.begin(), full_a->weights.end(), full_b->weights.begin(), close) &&
         std::equal(a.offset.begin(), a.offset.end(), b.offset.begin(), close);
}

void DenseGraph::NoteStandardisation(const Form& x) {
  if (x.level != 0 || !x.plain) return;
  for (size_t i = 0; i < x.width; ++i) {
    InputColumn& column = columns_[input_[x.unit[i]].column];
    const double scale = std::fabs(x.scale[i]);
    if (column.use != InputColumn::Use::kNumber || column.mean) continue;
    const double mean = -x.offset[i] / x.scale[i];
    // Within what a float can say, and its inverse too.
    if (!(scale > 1e-30 && scale < 1e30 && std::fabs(mean) < 1e30)) continue;
    column.mean = mean;
    column.scale = scale;
  }
}

}  // namespace adscore::trainer
