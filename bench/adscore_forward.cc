// adscore's own forward pass as a contestant.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/contestant.h"
#include "model/calibrator.h"
#include "model/forward_pass.h"
#include "model/kernels/kernel_set.h"

namespace adscore::bench {
namespace {

class AdscoreForward final : public Contestant {
 public:
  AdscoreForward(const Network& network, size_t batch, const model::KernelSet& kernels)
      : pass_(network.layers(), 0, kernels),
        input_(network.input()),
        stride_(network.inputs()),
        batch_(batch) {}

  void Run(float* probabilities) override {
    pass_.Run(input_, stride_, batch_, nullptr, nullptr, &scratch_, probabilities);
    for (size_t i = 0; i < batch_ * pass_.heads(); ++i) {
      probabilities[i] = model::Calibrate(model::Calibrator(), probabilities[i]);
    }
  }

 private:
  const model::ForwardPass pass_;
  const float* const input_;
  const size_t stride_;
  const size_t batch_;
  model::ForwardScratch scratch_;
};

}  // namespace

std::unique_ptr<Contestant> MakeAdscore(const Network& network, size_t batch, const std::string& isa) {
  const auto kernels = model::FindKernelSet(isa);
  if (!kernels.ok()) {
    std::fprintf(stderr, "forward_bench: %s\n", std::string(kernels.status().message()).c_str());
    std::exit(1);
  }
  return std::make_unique<AdscoreForward>(network, batch, **kernels);
}

}  // namespace adscore::bench
