// oneDNN as a peer.
#include <algorithm>
#include <dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/contestant.h"

namespace adscore::bench {
namespace {

using dnnl::inner_product_forward;
using dnnl::memory;
using Dims = memory::dims;

class OnednnForward final : public Contestant {
 public:
  OnednnForward(const Network& network, size_t batch)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_), batch_(static_cast<memory::dim>(batch)) {
    memory x({{batch_, static_cast<memory::dim>(network.inputs())},
              memory::data_type::f32,
              memory::format_tag::ab},
             engine_, const_cast<float*>(network.input()));
    for (size_t i = 0; i < network.layers().size(); ++i) {
      x = AddLayer(network.layers()[i], x, /*last=*/i + 1 == network.layers().size());
    }
    output_ = x;
  }

  void Run(float* probabilities) override {
    for (size_t i = 0; i < primitives_.size(); ++i) primitives_[i].execute(stream_, arguments_[i]);
    stream_.wait();
    const auto* from = static_cast<const float*>(output_.get_data_handle());
    std::copy_n(from, output_.get_desc().get_size() / sizeof(float), probabilities);
  }

 private:
  memory AddLayer(const model::Layer& layer, const memory& x, bool last) {
    const auto inputs = static_cast<memory::dim>(layer.inputs);
    const auto outputs = static_cast<memory::dim>(layer.outputs);
    constexpr auto kFloat = memory::data_type::f32;
    const memory::desc bias_desc(Dims{outputs}, kFloat, memory::format_tag::a);
    const memory::desc y_desc(Dims{batch_, outputs}, kFloat, memory::format_tag::ab);
    // Any layout for the weights: oneDNN chooses the one that its kernel likes best.
    const memory::desc any_weights(Dims{outputs, inputs}, kFloat, memory::format_tag::any);

    dnnl::post_ops post_ops;
    post_ops.append_eltwise(1.0f, last ? dnnl::algorithm::eltwise_logistic : dnnl::algorithm::eltwise_relu,
                            0.0f, 0.0f);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(post_ops);
    const inner_product_forward::desc desc(dnnl::prop_kind::forward_inference, x.get_desc(), any_weights,
                                           bias_desc, y_desc);
    const inner_product_forward::primitive_desc primitive(desc, attributes, engine_);

    // Ours is [inputs][outputs], which is "ba" of [outputs][inputs].
    memory plain({{outputs, inputs}, kFloat, memory::format_tag::ba}, engine_,
                 const_cast<float*>(layer.weights.data()));
    memory weights(primitive.weights_desc(), engine_);
    dnnl::reorder(plain, weights).execute(stream_, plain, weights);
    stream_.wait();
    const memory bias(bias_desc, engine_, const_cast<float*>(layer.bias.data()));
    memory y(y_desc, engine_);
    primitives_.push_back(inner_product_forward(primitive));
    arguments_.push_back(
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, y}});
    return y;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  memory::dim batch_;
  std::vector<inner_product_forward> primitives_;
  std::vector<std::unordered_map<int, memory>> arguments_;
  memory output_;
};

}  // namespace

std::unique_ptr<Contestant> MakeOnednn(const Network& network, size_t batch) {
  return std::make_unique<OnednnForward>(network, batch);
}

}  // namespace adscore::bench
