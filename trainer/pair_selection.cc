#include "trainer/pair_selection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "data/cell.h"

namespace adscore::trainer {
namespace {

constexpr size_t kCodes = 1 << 16;
constexpr size_t kMostValues = 256;     // of a column of a pair
constexpr size_t kRowsPerCell = 50;     // on average, or a table says little
constexpr size_t kMostCandidates = 60;  // columns: pairs grow with their square
constexpr int kSweeps = 2;              // over the columns, of the additive model
// What an effect on the log-odds is believed to be before a row is seen: about 0, with variance 1 ÷ this.
constexpr double kPrior = 8;
constexpr double kBeyondDoubt = 5;  // standard errors; many pairs are looked at
constexpr double kLeastGain = 0.001;

// What is left of the rows of one label by an additive model that was fitted to one half of them.
struct Residuals {
  std::vector<float> logits;
  std::vector<float> slopes;   // label less probability
  std::vector<float> weights;  // probability times its complement: the slope's variance

  void Add(size_t row, double more, uint8_t label) {
    logits[row] += static_cast<float>(more);
    const double p = 1 / (1 + std::exp(-static_cast<double>(logits[row])));
    slopes[row] = static_cast<float>(label - p);
    weights[row] = static_cast<float>(p * (1 - p));
  }
};

// Sums over rows that share a cell.
struct Cell {
  double slope = 0;
  double weight = 0;

  double Effect() const { return slope / (weight + kPrior); }
};

// A half of the rows: the earlier or the later one, so that rows of one impression are not in both.
struct Half {
  size_t begin;
  size_t end;
};
std::array<Half, 2> HalvesOf(size_t rows) { return {Half{0, rows / 2}, Half{rows / 2, rows}}; }

template <typename CellOf>
std::vector<Cell> SumUp(const Residuals& residuals, Half half, size_t cells, const CellOf& cell_of) {
  std::vector<Cell> sums(cells);
  for (size_t row = half.begin; row < half.end; ++row) {
    Cell& sum = sums[cell_of(row)];
    sum.slope += residuals.slopes[row];
    sum.weight += residuals.weights[row];
  }
  return sums;
}

// An effect for each value of each column, fitted to `half`.
Residuals FitAdditive(const CodedRows& data, const std::vector<uint8_t>& labels, Half half) {
  const auto positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  const double rate = (positives + 0.5) / (static_cast<double>(data.rows) + 1);
  Residuals residuals;
  residuals.logits.resize(data.rows);
  residuals.slopes.resize(data.rows);
  residuals.weights.resize(data.rows);
  for (size_t row = 0; row < data.rows; ++row) residuals.Add(row, std::log(rate / (1 - rate)), labels[row]);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (const std::vector<uint16_t>& codes : data.columns) {
      if (codes.empty()) continue;
      const std::vector<Cell> cells =
          SumUp(residuals, half, kCodes, [&codes](size_t row) { return codes[row]; });
      for (size_t row = 0; row < data.rows; ++row)
        residuals.Add(row, cells[codes[row]].Effect(), labels[row]);
    }
  }
  return residuals;
}

// A column of few values, numbered from 0.
struct Values {
  size_t column = 0;
  size_t count = 0;
  std::vector<uint16_t> ids;  // [rows]
};

std::optional<Values> NumberValues(const std::vector<uint16_t>& codes, size_t column) {
  Values values;
  values.column = column;
  std::vector<uint16_t> id_of(kCodes);  // and 1
  for (const uint16_t code : codes) {
    if (id_of[code] != 0) continue;
    if (values.count == kMostValues) return std::nullopt;
    id_of[code] = static_cast<uint16_t>(++values.count);
  }
  if (values.count < 2) return std::nullopt;
  for (const uint16_t code : codes) values.ids.push_back(static_cast<uint16_t>(id_of[code] - 1));
  return values;
}

class Selection {
 public:
  Selection(const CodedRows& data, std::span<const size_t> candidates) : data_(data) {
    for (const size_t column : candidates) {
      if (columns_.size() == kMostCandidates) break;
      if (std::optional<Values> values = NumberValues(data.columns[column], column))
        columns_.push_back(*std::move(values));
    }
    for (size_t a = 0; a < columns_.size(); ++a) {
      for (size_t b = a + 1; b < columns_.size(); ++b) {
        if (columns_[a].count * columns_[b].count * kRowsPerCell <= data.rows) pairs_.push_back({a, b});
      }
    }
    if (pairs_.empty()) return;
    for (const std::vector<uint8_t>& labels : data.labels) {
      auto& of_label = residuals_.emplace_back();
      for (const Half half : HalvesOf(data.rows)) of_label.push_back(FitAdditive(data, labels, half));
    }
  }

  std::vector<SelectedPair> Run() {
    std::vector<SelectedPair> selected;
    while (selected.size() < kMostPairs) {
      Pair best;
      SelectedPair found;
      std::vector<Pair> left;
      for (const Pair pair : pairs_) {
        bool clear = false;
        for (size_t label = 0; label < residuals_.size(); ++label) {
          const double gain = GainOf(pair, label);
          clear = clear || gain > 0;
          if (gain <= found.gain) continue;
          best = pair;
          found = {columns_[pair.first].column, columns_[pair.second].column, label, gain};
        }
        if (clear) left.push_back(pair);
      }
      if (found.gain == 0) break;
      Add(best);
      std::erase_if(left,
                    [&](const Pair& pair) { return pair.first == best.first && pair.second == best.second; });
      pairs_ = std::move(left);
      selected.push_back(found);
    }
    return selected;
  }

 private:
  struct Pair {
    size_t first = 0;  // indices of columns_
    size_t second = 0;
  };

  std::vector<Cell> Cells(const Pair& pair, const Residuals& residuals, Half half) const {
    const Values& a = columns_[pair.first];
    const Values& b = columns_[pair.second];
    return SumUp(residuals, half, a.count * b.count,
                 [&](size_t row) { return a.ids[row] * b.count + b.ids[row]; });
  }

  // The share of the label's loss that the pair saves; 0 if that is little, or may be chance. To second order
  // in the effects, which takes sums over cells alone.
  double GainOf(const Pair& pair, size_t label) const {
    double gain = 0;
    double variance = 0;
    const std::array<Half, 2> halves = HalvesOf(data_.rows);
    for (size_t half = 0; half < 2; ++half) {
      const Residuals& residuals = residuals_[label][half];
      const std::vector<Cell> counted = Cells(pair, residuals, halves[half]);
      const std::vector<Cell> others = Cells(pair, residuals, halves[1 - half]);
      for (size_t cell = 0; cell < counted.size(); ++cell) {
        const double effect = counted[cell].Effect();
        gain += effect * others[cell].slope - effect * effect * others[cell].weight / 2;
        variance += effect * effect * others[cell].weight;
      }
    }
    if (!(gain > kBeyondDoubt * std::sqrt(variance))) return 0;
    const auto positives =
        static_cast<double>(std::count(data_.labels[label].begin(), data_.labels[label].end(), 1));
    const auto rows = static_cast<double>(data_.rows);
    const double rate = positives / rows;
    const double loss = -rows * (rate * std::log(rate) + (1 - rate) * std::log(1 - rate));
    return gain > kLeastGain * loss ? gain / loss : 0;
  }

  void Add(const Pair& pair) {
    const Values& a = columns_[pair.first];
    const Values& b = columns_[pair.second];
    const std::array<Half, 2> halves = HalvesOf(data_.rows);
    for (size_t label = 0; label < residuals_.size(); ++label) {
      for (size_t half = 0; half < 2; ++half) {
        Residuals& residuals = residuals_[label][half];
        const std::vector<Cell> cells = Cells(pair, residuals, halves[half]);
        for (size_t row = 0; row < data_.rows; ++row) {
          residuals.Add(row, cells[a.ids[row] * b.count + b.ids[row]].Effect(), data_.labels[label][row]);
        }
      }
    }
  }

  const CodedRows& data_;
  std::vector<Values> columns_;
  std::vector<Pair> pairs_;
  std::vector<std::vector<Residuals>> residuals_;  // [labels][half that it was fitted to]
};

}  // namespace

uint16_t CodeOf(std::string_view cell) {
  return cell.empty() ? 0 : static_cast<uint16_t>(1 + data::TokenHash(cell) % (kCodes - 1));
}

std::vector<SelectedPair> SelectPairs(const CodedRows& data, std::span<const size_t> candidates) {
  return Selection(data, candidates).Run();
}

}  // namespace adscore::trainer
