// Who is measured: something that computes a network's probabilities for a batch. Ours and the peers look
// alike to the benchmark, so that none of them is measured differently.
//
// Not thread-safe: one thread is measured.
#pragma once

#include <cstddef>
#include <memory>

#include "bench/shape.h"
#include "model/kernels/kernel_set.h"

namespace adscore::bench {

class Contestant {
 public:
  virtual ~Contestant() = default;
  // The first `batch` rows of the network's input to probabilities, [batch][heads].
  virtual void Run(float* probabilities) = 0;
};

// adscore's own forward pass with the best kernels, or those that the environment variable ADSCORE_ISA names.
std::unique_ptr<Contestant> MakeAdscore(const Network& network, size_t batch, model::Precision precision);

// One impression with `batch` candidates, whose first `context_inputs` inputs are the context's: `apart`, the
// context's share of the first layer is computed once and added; otherwise each row is sent whole, as if it
// were not known.
std::unique_ptr<Contestant> MakeImpression(const Network& network, size_t batch, size_t context_inputs,
                                           bool apart);

// oneDNN's inner products at their best: weights reordered beforehand into the layout that it asks for at
// this batch size, bias and ReLU (or the logistic function) fused as post-operations, scratchpad and memories
// made once.
std::unique_ptr<Contestant> MakeOnednn(const Network& network, size_t batch);

// Eigen at its best: this file's own instruction set is the machine's (-march=native), column-major products
// without temporaries, sizes as they come.
std::unique_ptr<Contestant> MakeEigen(const Network& network, size_t batch);

// Multiplications and additions per nanosecond of a bare loop of fused multiply-adds in registers: what one
// core of this machine can do at best.
double PeakGflops();

}  // namespace adscore::bench
