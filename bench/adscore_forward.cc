// adscore's own forward pass as a contestant.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/contestant.h"
#include "model/forward_pass.h"
#include "model/kernels/kernel_set.h"

namespace adscore::bench {
namespace {

class AdscoreForward final : public Contestant {
 public:
  AdscoreForward(const Network& network, size_t batch, const model::KernelSet& kernels)
      : kernels_(kernels),
        pass_(network.layers(), 0, kernels),
        input_(network.input()),
        stride_(network.inputs()),
        batch_(batch),
        slope_(batch * network.heads(), 1.0),
        offset_(batch * network.heads(), 0.0) {}

  void Run(float* probabilities) override {
    pass_.Run(input_, stride_, batch_, nullptr, nullptr, &scratch_, probabilities);
    kernels_.sigmoids(probabilities, slope_.data(), offset_.data(), slope_.size(), probabilities);
  }

 private:
  const model::KernelSet& kernels_;
  const model::ForwardPass pass_;
  const float* const input_;
  const size_t stride_;
  const size_t batch_;
  const std::vector<double> slope_;  // the calibrators, as Model keeps them
  const std::vector<double> offset_;
  model::ForwardScratch scratch_;
};

class ImpressionForward final : public Contestant {
 public:
  ImpressionForward(const Network& network, size_t batch, size_t context_inputs, bool apart,
                    const model::KernelSet& kernels)
      : kernels_(kernels),
        pass_(network.layers(), apart ? context_inputs : 0, kernels),
        stride_(network.inputs()),
        batch_(batch),
        apart_(apart ? context_inputs : 0),
        rows_(network.input(), network.input() + batch * network.inputs()),
        impression_of_row_(batch, 0),
        slope_(batch * network.heads(), 1.0),
        offset_(batch * network.heads(), 0.0) {
    for (size_t row = 1; row < batch; ++row)
      std::copy_n(rows_.data(), context_inputs, rows_.data() + row * stride_);
    share_.Reserve(pass_.share_stride());
  }

  void Run(float* probabilities) override {
    if (apart_ > 0) {
      pass_.ShareContexts(rows_.data(), stride_, 1, &scratch_, share_.data());
      pass_.Run(rows_.data() + apart_, stride_, batch_, share_.data(), impression_of_row_.data(), &scratch_,
                probabilities);
    } else {
      pass_.Run(rows_.data(), stride_, batch_, nullptr, nullptr, &scratch_, probabilities);
    }
    kernels_.sigmoids(probabilities, slope_.data(), offset_.data(), slope_.size(), probabilities);
  }

 private:
  const model::KernelSet& kernels_;
  const model::ForwardPass pass_;
  const size_t stride_;
  const size_t batch_;
  const size_t apart_;
  std::vector<float> rows_;  // [batch][inputs], all with the first row's context
  const std::vector<uint32_t> impression_of_row_;
  const std::vector<double> slope_;
  const std::vector<double> offset_;
  model::AlignedFloats share_;
  model::ForwardScratch scratch_;
};

const model::KernelSet& Kernels(model::Precision precision) {
  const auto kernels = model::FindKernelSet("auto", precision);
  if (!kernels.ok()) {
    std::fprintf(stderr, "forward_bench: %s\n", std::string(kernels.status().message()).c_str());
    std::exit(1);
  }
  return **kernels;
}

}  // namespace

std::unique_ptr<Contestant> MakeImpression(const Network& network, size_t batch, size_t context_inputs,
                                           bool apart) {
  return std::make_unique<ImpressionForward>(network, batch, context_inputs, apart,
                                             Kernels(model::Precision::kF32));
}

std::unique_ptr<Contestant> MakeAdscore(const Network& network, size_t batch, model::Precision precision) {
  return std::make_unique<AdscoreForward>(network, batch, Kernels(precision));
}

}  // namespace adscore::bench
