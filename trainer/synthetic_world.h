// A made-up market of sites, visitors and ads in which every probability is known: what `adscore-trainer
// generate` draws from.
//
// The world is always the same one; a seed only chooses which impressions happen in it. So a model fitted to
// one seed can be judged on another. Much of what decides a click is not additive (a section's taste in ad
// categories, the hour by device, a price that is right for an age), so that a network finds what a logistic
// regression can't.
//
// Thread-safe: constant after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {

inline constexpr size_t kCategories = 16;  // of ads, and topics of interest of visitors
inline constexpr size_t kMaxPosition = 8;
inline constexpr uint32_t kMinAge = 18;
inline constexpr uint32_t kMaxAge = 85;

// One ad shown once. Ids index the world's names.
struct SyntheticImpression {
  // The context.
  uint32_t site = 0;
  uint32_t hour = 0;     // [0, 24)
  uint32_t weekday = 0;  // 0 = Monday
  uint32_t device = 0;
  uint32_t country = 0;
  uint32_t age = kMinAge;  // years
  uint32_t visits = 0;     // to the site in the last 30 days; 0 for a new visitor
  uint32_t interests = 0;  // bit i: interested in category i

  // The ad.
  uint32_t campaign = 0;
  uint32_t creative = 0;
  uint32_t format = 0;
  uint32_t price_cents = 0;   // of what it advertises
  uint32_t bid_cents = 0;     // per click
  uint32_t creative_age = 0;  // days since it was first shown
  uint32_t position = 0;      // [1, kMaxPosition] on the page

  // Cells that the log lost, while the market still knew.
  bool country_lost = false;
  bool age_lost = false;
  bool price_lost = false;

  // What happened, and how likely it was. A conversion needs a click first; its probability includes the
  // click's.
  bool click = false;
  bool conversion = false;
  double click_probability = 0;
  double conversion_probability = 0;
};

// Draws an index in proportion to its weight, in steps of 2^-16: one look into a table that holds each index
// as often as it shall come.
class WeightedChoice {
 public:
  explicit WeightedChoice(const std::vector<double>& weights);
  uint32_t Draw(Random* random) const { return slots_[random->Bits() >> 48]; }

 private:
  std::vector<uint16_t> slots_;  // 2^16
};

class SyntheticWorld {
 public:
  SyntheticWorld();

  // Impression `row` of the log that `seed` stands for. Any row can be drawn on its own.
  SyntheticImpression Draw(uint64_t seed, uint64_t row) const;

  const std::string& site(uint32_t id) const { return sites_[id].name; }
  uint32_t section_of(uint32_t site) const { return sites_[site].section; }
  const std::string& campaign(uint32_t id) const { return campaigns_[id].name; }
  const std::string& creative(uint32_t id) const { return creatives_[id].name; }
  uint32_t category_of(uint32_t campaign) const { return campaigns_[campaign].category; }
  static std::string_view category(uint32_t id);
  static std::string_view section(uint32_t id);
  static std::string_view weekday(uint32_t id);
  static std::string_view device(uint32_t id);
  static std::string_view country(uint32_t id);
  static std::string_view format(uint32_t id);

 private:
  struct Site {
    std::string name;
    uint32_t section = 0;  // what the site is about
    double quality = 0;
    std::array<double, kCategories> affinity = {};  // to each category: its section's, and some of its own
  };
  struct Campaign {
    std::string name;
    uint32_t category = 0;
    uint32_t first_creative = 0;
    uint32_t creatives = 0;
    double quality = 0;
    double value = 0;      // how well its landing page converts
    double log_price = 0;  // typical, in log of currency units
  };
  struct Creative {
    std::string name;
    double appeal = 0;
  };

  void DrawContext(Random* random, SyntheticImpression* impression) const;
  void DrawAd(Random* random, SyntheticImpression* impression) const;
  // Log-odds of a click, and of a conversion once clicked.
  double ClickLogit(const SyntheticImpression& impression) const;
  double ConversionLogit(const SyntheticImpression& impression) const;

  std::vector<Site> sites_;
  std::vector<Campaign> campaigns_;
  std::vector<Creative> creatives_;
  std::array<double, kMaxAge + 1> easy_price_ = {};  // by age: what visitors are at ease with
  WeightedChoice site_choice_;
  WeightedChoice campaign_choice_;
  WeightedChoice country_choice_;
  WeightedChoice device_choice_;
  WeightedChoice hour_choice_;
};

}  // namespace adscore::trainer
