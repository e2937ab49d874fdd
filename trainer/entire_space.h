// Heads that can only follow another one, as a conversion follows a click: p(conversion) = p(click) ·
// p(conversion | click), both learnt from all rows (X. Ma et al., 2018, "Entire space multi-task model"). The
// network's logit of such a head is that of the second factor, the product is what the loss is taken of.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// [heads]: the head before it that each one follows (model::Head::after). Empty: none follows another.
using Chains = std::vector<std::optional<size_t>>;

// "conversion:click": what `--after` says.
struct HeadAfter {
  std::string head;
  std::string after;

  bool operator==(const HeadAfter&) const = default;
};

// "auto" gives nothing: as the rows say. "none" gives an empty list, "conversion:click,return:conversion"
// that one. InvalidArgument for another form, and for a head that is named twice.
absl::StatusOr<std::optional<std::vector<HeadAfter>>> ParseAfter(std::string_view text);

// InvalidArgument if a name is none of the labels, a head follows one that --label names later, or a row of
// `data` has the one without the other.
absl::StatusOr<Chains> ResolveChains(const std::vector<HeadAfter>& after,
                                     const std::vector<model::Label>& labels, const Dataset& data);

// The chains that `rows` leave no doubt about: each of a head's positives is one of an earlier head's too,
// which would hardly be so by chance. Of several such heads the one with the fewest positives is followed.
Chains InferChains(const Dataset& data, std::span<const uint32_t> rows);

// A row's products.
class Products {
 public:
  // `chains` is not empty and outlives the object. logits: [heads], each of the head's own factor.
  Products(const Chains& chains, std::span<const float> logits);

  // Log-odds of the head's product.
  double LogOdds(size_t head) const { return odds_[head].log_p - odds_[head].log_rest; }

  // From slopes by the products' log-odds to slopes by the logits. deltas: [heads], in place.
  void BackToLogits(float* deltas) const;

 private:
  struct Odds {
    double log_p;       // of the product
    double log_rest;    // of 1 - the product
    double log_refuse;  // of 1 - the head's own factor
  };

  const Chains& chains_;
  absl::InlinedVector<Odds, 8> odds_;
};

}  // namespace adscore::trainer
