#include "trainer/synthetic_world.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "trainer/portable_exp.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kWorldKey = 0x6164776f726c64;  // the world's own: never a user's seed
constexpr size_t kSites = 3000;
constexpr size_t kCampaigns = 400;
constexpr uint32_t kMaxCreatives = 12;  // per campaign

constexpr std::array<std::string_view, kCategories> kCategoryNames = {
    "travel", "cars", "fashion", "food",  "games", "garden", "health", "home",
    "jobs",   "kids", "money",   "music", "pets",  "phones", "sports", "streaming"};
constexpr std::array<std::string_view, 8> kSectionNames = {"news", "sports", "weather", "recipes",
                                                           "tech", "travel", "music",   "shopping"};
constexpr std::array<std::string_view, 7> kWeekdayNames = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::array<std::string_view, 4> kDeviceNames = {"mobile", "desktop", "tablet", "tv"};
constexpr std::array<std::string_view, 3> kFormatNames = {"banner", "native", "video"};
// NA is Namibia, and not a missing value.
constexpr std::array<std::string_view, 24> kCountryNames = {"US", "IN", "BR", "DE", "GB", "FR", "MX", "JP",
                                                            "ID", "IT", "ES", "CA", "PL", "NL", "TR", "AU",
                                                            "SE", "CH", "AT", "NG", "ZA", "FI", "NA", "IS"};
enum Device : uint32_t { kMobile, kDesktop, kTablet, kTv };
enum Format : uint32_t { kBanner, kNative, kVideo };

// How traffic spreads over the day, and how ready visitors are to click: on the phone on the way and at
// night, at the desk at noon, on the sofa late.
constexpr std::array<double, 24> kTraffic = {3, 2, 1, 1, 1, 2, 4,  6,  7,  7,  7, 8,
                                             9, 8, 7, 7, 8, 9, 10, 11, 12, 11, 8, 5};
constexpr std::array<double, 24> kMobileHour = {.3,  .3,  .2,  .1,  .0,  .1, .3, .5, .4, .0, -.2, -.3,
                                                -.1, -.2, -.4, -.4, -.2, .2, .4, .3, .2, .3, .5,  .4};
constexpr std::array<double, 24> kDesktopHour = {-.5, -.6, -.7, -.7, -.7, -.6, -.4, -.2, .0, .2,  .3,  .4,
                                                 .6,  .5,  .3,  .2,  .1,  .0,  -.1, -.1, .0, -.1, -.3, -.4};
constexpr std::array<double, 24> kSofaHour = {.1, -.1, -.3, -.4, -.5, -.5, -.5, -.4, -.3, -.2, -.2, -.1,
                                              .0, -.1, -.2, -.2, -.1, .0,  .2,  .5,  .8,  .9,  .7,  .4};
// The log-odds that a format gains on a device, [device][format].
constexpr std::array<std::array<double, 3>, 4> kFormatOnDevice = {
    {{-.2, .3, -.3}, {.1, .1, -.1}, {.0, .2, .2}, {-.8, -.4, .7}}};

// Near enough to a standard normal: the sum of four uniforms (Irwin and Hall), scaled to variance 1. |value|
// < 3.5.
double Bell(Random* random) {
  const uint64_t bits = random->Bits();
  const uint64_t sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  constexpr double kSqrtThree = 1.7320508075688772;
  return (static_cast<double>(sum) / 65536 - 2) * kSqrtThree;
}

// Weight of the k-th most popular of `count`: 1 / (k + flat), k from 0 (G. Zipf; B. Mandelbrot's `flat`).
std::vector<double> Zipf(size_t count, double flat) {
  std::vector<double> weights(count);
  for (size_t k = 0; k < count; ++k) weights[k] = 1 / (static_cast<double>(k) + flat);
  return weights;
}

double Square(double x) { return x * x; }

bool InterestedIn(const SyntheticImpression& impression, uint32_t category) {
  return (impression.interests >> category & 1) != 0;
}

// The log of the price that visitors of an age are at ease with: it rises until 50, then falls a little.
double EasyLogPrice(double age) {
  return 2.4 + 0.05 * std::min(age - 18, 32.0) - 0.02 * std::max(age - 50, 0.0);
}

}  // namespace

WeightedChoice::WeightedChoice(const std::vector<double>& weights) : slots_(1 << 16) {
  double total = 0;
  for (const double weight : weights) total += weight;
  double before = 0;
  size_t slot = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    before += weights[i];
    const auto end = static_cast<size_t>(before / total * static_cast<double>(slots_.size()) + 0.5);
    for (; slot < std::min(end, slots_.size()); ++slot) slots_[slot] = static_cast<uint16_t>(i);
  }
}

SyntheticWorld::SyntheticWorld()
    : site_choice_(Zipf(kSites, 6)),
      campaign_choice_(Zipf(kCampaigns, 8)),
      country_choice_(Zipf(kCountryNames.size(), 2)),
      device_choice_({62, 27, 8, 3}),
      hour_choice_({kTraffic.begin(), kTraffic.end()}) {
  for (uint32_t age = kMinAge; age <= kMaxAge; ++age) easy_price_[age] = PortableExp(EasyLogPrice(age));
  Random random(kWorldKey);
  std::array<std::array<double, kCategories>, kSectionNames.size()> section_affinity = {};
  for (auto& affinity : section_affinity) {
    for (double& x : affinity) x = 0.9 * Bell(&random);
  }
  for (size_t i = 0; i < kSites; ++i) {
    Site site;
    site.name = absl::StrCat("site", i + 1);
    site.section = static_cast<uint32_t>(random.Below(kSectionNames.size()));
    site.quality = 0.35 * Bell(&random);
    for (size_t c = 0; c < kCategories; ++c)
      site.affinity[c] = section_affinity[site.section][c] + 0.3 * Bell(&random);
    sites_.push_back(std::move(site));
  }
  for (size_t i = 0; i < kCampaigns; ++i) {
    Campaign campaign;
    campaign.name = absl::StrCat("camp", i + 1);
    campaign.category = static_cast<uint32_t>(random.Below(kCategories));
    campaign.first_creative = static_cast<uint32_t>(creatives_.size());
    campaign.creatives = 1 + static_cast<uint32_t>(random.Below(kMaxCreatives));
    campaign.quality = 0.3 * Bell(&random);
    campaign.value = 0.5 * Bell(&random);
    campaign.log_price = 3.3 + 0.8 * Bell(&random);
    for (uint32_t c = 0; c < campaign.creatives; ++c) {
      creatives_.push_back({absl::StrCat("cr", i + 1, "-", c + 1), 0.25 * Bell(&random)});
    }
    campaigns_.push_back(std::move(campaign));
  }
}

void SyntheticWorld::DrawContext(Random* random, SyntheticImpression* impression) const {
  impression->site = site_choice_.Draw(random);
  impression->hour = hour_choice_.Draw(random);
  impression->weekday = static_cast<uint32_t>(random->Below(7));
  impression->device = device_choice_.Draw(random);
  impression->country = country_choice_.Draw(random);
  impression->age = static_cast<uint32_t>(std::clamp<double>(38 + 14 * Bell(random), kMinAge, kMaxAge));
  const bool regular = random->Uniform() < 0.7;
  if (regular) impression->visits = 1 + static_cast<uint32_t>(PortableExp(1.2 + 1.1 * Bell(random)));
  const uint64_t interests = random->Below(6);
  for (uint64_t i = 0; i < interests; ++i) impression->interests |= uint32_t{1} << random->Below(kCategories);
  impression->country_lost = random->Uniform() < 0.02;
  impression->age_lost = random->Uniform() < 0.2;
}

void SyntheticWorld::DrawAd(Random* random, SyntheticImpression* impression) const {
  impression->campaign = campaign_choice_.Draw(random);
  const Campaign& campaign = campaigns_[impression->campaign];
  // The lower of two: early creatives of a campaign are shown more.
  const uint64_t creative = std::min(random->Below(campaign.creatives), random->Below(campaign.creatives));
  impression->creative = campaign.first_creative + static_cast<uint32_t>(creative);
  impression->format = static_cast<uint32_t>(random->Below(kFormatNames.size()));
  impression->price_cents =
      static_cast<uint32_t>(100 * PortableExp(campaign.log_price + 0.4 * Bell(random)) + 0.5);
  impression->bid_cents =
      static_cast<uint32_t>(PortableExp(3 + 0.4 * campaign.value + 0.5 * Bell(random)) + 0.5);
  impression->creative_age = static_cast<uint32_t>(60 * Square(random->Uniform()));
  impression->position =
      1 + static_cast<uint32_t>(std::min(random->Below(kMaxPosition), random->Below(kMaxPosition)));
  impression->price_lost = random->Uniform() < 0.05;
}

double SyntheticWorld::ClickLogit(const SyntheticImpression& impression) const {
  const Site& site = sites_[impression.site];
  const Campaign& campaign = campaigns_[impression.campaign];
  const bool weekend = impression.weekday >= 5;
  double logit = -2.35 + site.quality + campaign.quality + creatives_[impression.creative].appeal;
  logit += site.affinity[campaign.category];
  logit += InterestedIn(impression, campaign.category) ? 1.3 : -0.1;
  switch (impression.device) {
    case kMobile:
      logit += 0.1 + kMobileHour[impression.hour];
      break;
    case kDesktop:
      logit += weekend ? -0.2 : kDesktopHour[impression.hour];
      break;
    default:
      logit += kSofaHour[impression.hour] + (weekend ? 0.3 : 0);
  }
  logit += kFormatOnDevice[impression.device][impression.format];
  // Half of the visitors never see what is further down, on a phone sooner than elsewhere.
  logit -=
      (impression.device == kMobile ? 0.55 : 0.35) * std::sqrt(static_cast<double>(impression.position - 1));
  // A price is right or wrong for an age; the log of cents is taken from a rational curve, which is as good.
  const double price = impression.price_cents / 100.0;
  const double easy = easy_price_[impression.age];
  logit += 0.5 - 1.6 * Square((price - easy) / (price + easy));
  // A new creative must be found first, an old one has been seen too often.
  logit += impression.creative_age < 3 ? 0.1 * impression.creative_age - 0.1
                                       : 0.25 - 0.015 * impression.creative_age;
  // Regulars click more; those who come all day long are not people.
  logit +=
      impression.visits == 0 ? -0.3 : 0.15 * std::sqrt(static_cast<double>(std::min(impression.visits, 30U)));
  if (impression.visits > 40) logit -= 1.5;
  return logit;
}

double SyntheticWorld::ConversionLogit(const SyntheticImpression& impression) const {
  const Campaign& campaign = campaigns_[impression.campaign];
  double logit = -2.9 + campaign.value + 0.4 * sites_[impression.site].quality;
  logit += InterestedIn(impression, campaign.category) ? 0.6 : 0;
  if (impression.device == kDesktop) logit += 0.5;
  if (impression.device == kTv) logit -= 1;
  const double price = impression.price_cents / 100.0;
  const double easy = easy_price_[impression.age];
  logit += 0.9 * (easy - price) / (easy + price);
  // Categories sell in some countries only.
  logit += (impression.country * 7 + campaign.category * 5) % 11 < 4 ? 0.5 : -0.3;
  logit += impression.hour >= 19 ? 0.3 : 0;
  logit += impression.visits >= 5 && impression.visits <= 40 ? 0.4 : 0;
  return logit;
}

SyntheticImpression SyntheticWorld::Draw(uint64_t seed, uint64_t row) const {
  Random random(seed, row);
  SyntheticImpression impression;
  DrawContext(&random, &impression);
  DrawAd(&random, &impression);
  impression.click_probability = PortableSigmoid(ClickLogit(impression));
  const double conversion_once_clicked = PortableSigmoid(ConversionLogit(impression));
  impression.conversion_probability = impression.click_probability * conversion_once_clicked;
  impression.click = random.Uniform() < impression.click_probability;
  impression.conversion = random.Uniform() < conversion_once_clicked && impression.click;
  return impression;
}

std::string_view SyntheticWorld::category(uint32_t id) { return kCategoryNames[id]; }
std::string_view SyntheticWorld::section(uint32_t id) { return kSectionNames[id]; }
std::string_view SyntheticWorld::weekday(uint32_t id) { return kWeekdayNames[id]; }
std::string_view SyntheticWorld::device(uint32_t id) { return kDeviceNames[id]; }
std::string_view SyntheticWorld::country(uint32_t id) { return kCountryNames[id]; }
std::string_view SyntheticWorld::format(uint32_t id) { return kFormatNames[id]; }

}  // namespace adscore::trainer
