#include "trainer/entire_space.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace adscore::trainer {
namespace {

// A chain is believed where chance would make one in less than so many logs, e^14 ≈ a million.
constexpr double kBelieved = 14;

// ln(1 + e^x), without overflow.
double Softplus(double x) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); }

// ln(e^a + e^b), likewise.
double LogSum(double a, double b) { return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b))); }

absl::StatusOr<size_t> HeadOf(const std::string& name, const std::vector<model::Label>& labels) {
  for (size_t head = 0; head < labels.size(); ++head) {
    if (labels[head].column == name) return head;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--after names '", name, "', which is none of the labels: add it to --label"));
}

// Rows in which `head` is positive and `other` is negative.
uint64_t Without(const std::vector<uint8_t>& head, const std::vector<uint8_t>& other) {
  uint64_t rows = 0;
  for (size_t row = 0; row < head.size(); ++row) rows += head[row] == 1 && other[row] == 0 ? 1 : 0;
  return rows;
}

}  // namespace

absl::StatusOr<std::optional<std::vector<HeadAfter>>> ParseAfter(std::string_view text) {
  if (text == "auto") return std::optional<std::vector<HeadAfter>>();
  std::vector<HeadAfter> parsed;
  if (text == "none") return std::optional(parsed);
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(std::string(text), ','))) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == part.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", part, "' does not say which head follows which: write HEAD:HEAD, such as conversion:click"));
    }
    HeadAfter after = {part.substr(0, colon), part.substr(colon + 1)};
    for (const HeadAfter& other : parsed) {
      if (other.head != after.head) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("'", after.head, "' can follow one head, not both '", other.after, "' and '",
                       after.after, "': where one of them follows the other, name the later one"));
    }
    parsed.push_back(std::move(after));
  }
  return std::optional(parsed);
}

absl::StatusOr<Chains> ResolveChains(const std::vector<HeadAfter>& after,
                                     const std::vector<model::Label>& labels, const Dataset& data) {
  Chains chains(after.empty() ? 0 : labels.size());
  for (const HeadAfter& of : after) {
    const absl::StatusOr<size_t> head = HeadOf(of.head, labels);
    if (!head.ok()) return head.status();
    const absl::StatusOr<size_t> before = HeadOf(of.after, labels);
    if (!before.ok()) return before.status();
    if (*before >= *head) {
      return absl::InvalidArgumentError(absl::StrCat("--after ", of.head, ":", of.after,
                                                     ": --label must name ", of.after, " before ", of.head,
                                                     ", which follows it"));
    }
    if (const uint64_t rows = Without(data.labels[*head], data.labels[*before]); rows > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--after ", of.head, ":", of.after, ": ", rows, " of ", data.rows,
                       " rows are positive for ", of.head, " and not for ", of.after,
                       "; correct them, or leave --after out, if the one can come without the other"));
    }
    chains[*head] = *before;
  }
  return chains;
}

Chains InferChains(const Dataset& data, std::span<const uint32_t> rows) {
  Chains chains(data.labels.size());
  bool any = false;
  std::vector<double> positives;
  for (size_t head = 0; head < data.labels.size(); ++head) {
    const std::vector<uint8_t>& labels = data.labels[head];
    const auto is_positive = [&labels](uint32_t row) { return labels[row] == 1; };
    positives.push_back(static_cast<double>(std::count_if(rows.begin(), rows.end(), is_positive)));
    for (size_t before = 0; before < head; ++before) {
      const double chance = positives[before] / static_cast<double>(rows.size());
      if (positives[head] == positives[before] || -positives[head] * std::log(chance) < kBelieved) continue;
      const bool alone = std::any_of(rows.begin(), rows.end(), [&](uint32_t row) {
        return is_positive(row) && data.labels[before][row] == 0;
      });
      if (alone || (chains[head] && positives[*chains[head]] <= positives[before])) continue;
      chains[head] = before;
      any = true;
    }
  }
  return any ? chains : Chains();
}

Products::Products(const Chains& chains, std::span<const float> logits) : chains_(chains) {
  for (size_t head = 0; head < logits.size(); ++head) {
    const double z = logits[head];
    const double log_factor = -Softplus(-z);
    const double log_refuse = -Softplus(z);
    if (!chains[head]) {
      odds_.push_back({log_factor, log_refuse, log_refuse});
    } else {
      const Odds& before = odds_[*chains[head]];
      odds_.push_back(
          {before.log_p + log_factor, LogSum(before.log_rest, before.log_p + log_refuse), log_refuse});
    }
  }
}

void Products::BackToLogits(float* deltas) const {
  // A product's log-odds rise by (1 - factor) ÷ (1 - product) with the logit of each of its factors: that is
  // at most 1, and 1 where there is but one factor. A head adds to those before it, whose turn is over.
  for (size_t head = 0; head < odds_.size(); ++head) {
    if (!chains_[head]) continue;
    const float by_product = deltas[head];
    deltas[head] = 0;
    for (std::optional<size_t> at = head; at; at = chains_[*at]) {
      deltas[*at] += by_product * static_cast<float>(std::exp(odds_[*at].log_refuse - odds_[head].log_rest));
    }
  }
}

}  // namespace adscore::trainer
