// What several tests of the trainer need: a directory that goes away, and a small data set with every kind of
// feature.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "trainer/dataset.h"
#include "trainer/random.h"

namespace adscore::trainer {

class TestDirectory {
 public:
  TestDirectory() : path_(::testing::TempDir() + "adscore-trainer-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }
  // The path of a new file in it that holds `text`.
  std::string File(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Two heads that depend on a number and a token of 8, with some of everything missing; also a list feature
// and a context feature.
inline Dataset SmallDataset(size_t rows, uint64_t seed) {
  using model::Feature;
  using model::FeatureKind;
  using model::FeatureRole;
  Dataset data;
  data.schema.features = {Feature{"amount", FeatureKind::kNumeric, FeatureRole::kCandidate},
                          Feature{"hour", FeatureKind::kNumeric, FeatureRole::kContext},
                          Feature{"ad", FeatureKind::kCategorical, FeatureRole::kCandidate},
                          Feature{"tags", FeatureKind::kMultiCategorical, FeatureRole::kCandidate}};
  data.rows = rows;
  data.columns.resize(4);
  data.labels.resize(2);
  Random random(seed);
  for (size_t row = 0; row < rows; ++row) {
    const bool amount_missing = random.Below(10) == 0;
    const auto amount = static_cast<float>(random.Normal());
    data.columns[0].numeric.push_back(amount_missing ? std::numeric_limits<float>::quiet_NaN() : amount);
    data.columns[1].numeric.push_back(static_cast<float>(random.Below(24)));
    const uint64_t ad = random.Below(9);
    data.columns[2].tokens.push_back(ad == 0 ? 0 : ad * 1000);
    const auto tags = static_cast<uint32_t>(random.Below(4));
    data.columns[3].multi_begin.push_back(data.columns[3].multi.size());
    data.columns[3].multi_count.push_back(tags);
    for (uint32_t i = 0; i < tags; ++i) data.columns[3].multi.push_back(77 + random.Below(5));
    const double logit = -1 + (amount_missing ? 0 : 1.5 * std::abs(amount)) + (ad % 2 == 0 ? 1 : -1);
    data.labels[0].push_back(random.Uniform() < 1 / (1 + std::exp(-logit)));
    data.labels[1].push_back(random.Uniform() < 1 / (1 + std::exp(2 - logit)));
  }
  return data;
}

inline std::vector<uint32_t> AllRows(const Dataset& data) {
  std::vector<uint32_t> rows(data.rows);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint32_t>(i);
  return rows;
}

}  // namespace adscore::trainer
