#include "trainer/isotonic.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "trainer/calibration.h"

namespace adscore::trainer {
namespace {

struct Group {
  double rows = 0;
  double positives = 0;
  double sum = 0;  // of Platt's probabilities

  double rate() const { return (positives + 0.5) / (rows + 1); }
  void Add(const Group& other) {
    rows += other.rows;
    positives += other.positives;
    sum += other.sum;
  }
};

float LogOddsOf(double rate) {
  const double p = std::clamp(rate, 1e-12, 1 - 1e-12);
  return static_cast<float>(std::log(p / (1 - p)));
}

// Rows in ascending order of z, cut into groups of enough rows of both kinds. Rows of the same z stay
// together.
std::vector<Group> Cut(const std::vector<std::pair<double, uint8_t>>& rows) {
  const auto positives = static_cast<uint64_t>(
      std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.second != 0; }));
  const auto least = std::max<uint64_t>(
      kRowsOfAKindPerKnot, std::min<uint64_t>(positives, rows.size() - positives) / model::kMostKnots + 1);
  const auto is_enough = [least](const Group& group) {
    return group.positives >= static_cast<double>(least) &&
           group.rows - group.positives >= static_cast<double>(least);
  };
  std::vector<Group> groups;
  Group group;
  for (size_t i = 0; i < rows.size(); ++i) {
    group.Add({1, static_cast<double>(rows[i].second != 0), model::Sigmoid(rows[i].first)});
    if (!is_enough(group) || (i + 1 < rows.size() && rows[i + 1].first == rows[i].first)) continue;
    groups.push_back(group);
    group = {};
  }
  if (!groups.empty()) groups.back().Add(group);  // the rest is too small to stand alone
  return groups;
}

// Joins neighbours until their rates ascend.
std::vector<Group> Ascending(const std::vector<Group>& groups) {
  std::vector<Group> ascending;
  for (const Group& group : groups) {
    ascending.push_back(group);
    while (ascending.size() > 1 && ascending[ascending.size() - 2].rate() >= ascending.back().rate()) {
      ascending[ascending.size() - 2].Add(ascending.back());
      ascending.pop_back();
    }
  }
  return ascending;
}

}  // namespace

model::Calibrator BendCalibrator(const model::Calibrator& platt, std::span<const float> logits,
                                 std::span<const uint8_t> labels) {
  std::vector<std::pair<double, uint8_t>> rows;
  rows.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    rows.emplace_back(model::LogOdds(platt, logits[i]), labels[i]);
  }
  std::sort(rows.begin(), rows.end());
  model::Calibrator bent = platt;
  for (const Group& group : Ascending(Cut(rows))) {
    // Both are log-odds of means of probabilities: where Platt's are right, they are the same.
    const float from = LogOddsOf(group.sum / group.rows);
    const float to = LogOddsOf(group.rate());
    // Groups that a float can't tell apart.
    if (!bent.knots.empty() && !(from > bent.knots.back().from && to > bent.knots.back().to)) continue;
    bent.knots.push_back({from, to});
  }
  if (bent.knots.size() < 2) return platt;
  MoveToSum(logits, static_cast<double>(labels.size() - std::count(labels.begin(), labels.end(), 0)), {},
            &bent);
  return bent;
}

}  // namespace adscore::trainer
