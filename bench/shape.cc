#include "bench/shape.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace adscore::bench {

Network::Network(const std::string& shape) : shape_(shape) {
  std::vector<size_t> widths;
  std::istringstream stream(shape);
  for (std::string width; std::getline(stream, width, '-');) widths.push_back(std::stoul(width));

  std::mt19937 generator(1);
  const auto random = [&generator](float* values, size_t count, float scale) {
    std::uniform_real_distribution<float> uniform(-scale, scale);
    for (size_t i = 0; i < count; ++i) values[i] = uniform(generator);
  };
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    std::vector<float>& weights = weights_.emplace_back(widths[i] * widths[i + 1]);
    // He et al. (2015): keeps the activations' variance from layer to layer.
    random(weights.data(), weights.size(), std::sqrt(6.0f / static_cast<float>(widths[i])));
    std::vector<float>& bias = weights_.emplace_back(widths[i + 1]);
    random(bias.data(), bias.size(), 0.1f);
    layers_.push_back({.inputs = widths[i], .outputs = widths[i + 1], .weights = weights, .bias = bias});
  }
  random(input_.Reserve(kMaxBatch * widths[0]), kMaxBatch * widths[0], 1.0f);
}

double Network::flops() const {
  double flops = 0;
  for (const model::Layer& layer : layers_) flops += 2.0 * static_cast<double>(layer.inputs * layer.outputs);
  return flops;
}

std::vector<std::string> ReadShapes(const std::string& directory) {
  std::vector<std::string> shapes;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) shapes.push_back(line);
    }
  }
  std::sort(shapes.begin(), shapes.end(), [](const std::string& a, const std::string& b) {
    return Network(a).flops() < Network(b).flops();
  });
  return shapes;
}

}  // namespace adscore::bench
