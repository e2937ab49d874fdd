// What tests of kernels share: shapes with all kinds of tails, random products of them, and the kernel sets
// of this machine.
//
// Thread-safe: pure functions.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "tests/model/dense_problem.h"

namespace adscore::model::testing {

inline constexpr float kEpsilon = std::numeric_limits<float>::epsilon();

inline std::vector<float> RandomFloats(size_t count, std::mt19937* generator) {
  std::vector<float> values(count);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& value : values) value = uniform(*generator);
  return values;
}

struct Shape {
  size_t rows, depth, columns;
};

inline std::vector<Shape> Shapes() {
  std::vector<Shape> shapes = {{1, 1, 1},      {1, 10, 64}, {1, 400, 400}, {2, 3, 5},   {300, 17, 33},
                               {7, 1025, 129}, {3, 64, 16}, {5, 64, 1025}, {25, 70, 80}};
  std::mt19937 generator(7);
  for (int i = 0; i < 40; ++i) {
    shapes.push_back({1 + generator() % 70, 1 + generator() % 300, 1 + generator() % 300});
  }
  return shapes;
}

inline DenseProblem RandomProblem(const Shape& shape, std::mt19937* generator) {
  DenseProblem problem(shape.rows, shape.depth, shape.columns);
  problem.x = RandomFloats(problem.x.size(), generator);
  problem.w = RandomFloats(problem.w.size(), generator);
  problem.bias = RandomFloats(problem.bias.size(), generator);
  return problem;
}

inline std::string ToString(const DenseProblem& p) {
  return std::to_string(p.rows) + "x" + std::to_string(p.depth) + "x" + std::to_string(p.columns);
}

inline void ExpectRowsDoNotDependOnEachOther(const DenseProblem& problem, const KernelSet& kernels) {
  const std::vector<float> together = problem.Run(kernels);
  for (size_t r = 0; r < problem.rows; ++r) {
    const std::vector<float> alone = problem.Run(kernels, r, 1, problem.columns);
    for (size_t c = 0; c < problem.columns; ++c) {
      ASSERT_EQ(alone[c], together[r * problem.columns + c]) << ToString(problem) << " at " << r << "," << c;
    }
  }
}

// Whether it is there for another set's first layer alone.
inline bool ForFirstLayer(const KernelSet* set) {
  const std::vector<const KernelSet*>& sets = AvailableKernelSets(set->precision);
  return std::any_of(sets.begin(), sets.end(), [set](const KernelSet* s) { return s->first_layer == set; });
}

inline std::vector<const KernelSet*> SetsOf(std::vector<Precision> precisions) {
  std::vector<const KernelSet*> all;
  for (const Precision precision : precisions) {
    const std::vector<const KernelSet*>& sets = AvailableKernelSets(precision);
    for (const KernelSet* set : sets) {
      all.push_back(set);
      if (set->first_layer != nullptr) all.push_back(set->first_layer);
    }
  }
  return all;
}

inline std::string NameOf(const ::testing::TestParamInfo<const KernelSet*>& info) {
  return std::string(ToString(info.param->precision)) + "_" + info.param->name +
         (ForFirstLayer(info.param) ? "_first_layer" : "");
}

}  // namespace adscore::model::testing
