// adscore's own forward pass as a contestant.
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

}  // namespace

std::unique_ptr<Contestant> MakeAdscore(const Network& network, size_t batch, model::Precision precision) {
  const auto kernels = model::FindKernelSet("auto", precision);
  if (!kernels.ok()) {
    std::fprintf(stderr, "forward_bench: %s\n", std::string(kernels.status().message()).c_str());
    std::exit(1);
  }
  return std::make_unique<AdscoreForward>(network, batch, **kernels);
}

}  // namespace adscore::bench
