// The noise that keeps a network from learning its rows by heart: tokens taken for unknown, fields left out,
// numbers of embeddings and hidden units switched off (dropout: N. Srivastava et al., 2014), each at random
// and anew for every row of every step (embeddings: for every token of every step). What is left is scaled
// up, so that a network without noise sees inputs of the same size.
//
// Nothing is stored: whoever needs to know what was dropped asks again, and gets the same answer on every
// machine and for any number of threads.
//
// Thread-safe: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/random.h"

namespace adscore::trainer {

struct NoiseOptions {
  float unknown_rate = 0;       // share of tokens that are taken for unknown
  float field_dropout = 0;      // share of features of a row whose embedding and statistics are left out
  float embedding_dropout = 0;  // share of an embedding's numbers
  float hidden_dropout = 0;     // share of hidden units
};

// The noise of one batch.
class Noise {
 public:
  enum class Field : uint8_t { kKept, kUnknown, kLeftOut };

  // No noise.
  Noise() = default;
  Noise(const NoiseOptions& options, uint64_t seed, uint64_t step)
      : unknown_(Below32(options.unknown_rate)),
        left_out_(Below32(options.field_dropout)),
        embedding_(options.embedding_dropout),
        hidden_(options.hidden_dropout),
        key_(Random(seed, step).Bits()) {}

  // Which of a row's numbers stay, one byte of chance each.
  class Mask {
   public:
    Mask(Random random, uint8_t dropped_of_256) : random_(random), dropped_(dropped_of_256) {}

    // What the next number is multiplied by: 0, or the scale of those that stay.
    float Next() {
      if (at_ == 8) {
        bits_ = random_.Bits();
        at_ = 0;
      }
      const auto byte = static_cast<uint8_t>(bits_ >> (8 * at_++));
      return byte < dropped_ ? 0.0F : 256.0F / static_cast<float>(256 - dropped_);
    }

   private:
    Random random_;
    uint8_t dropped_;
    uint64_t bits_ = 0;
    int at_ = 8;
  };

  bool on_fields() const { return unknown_ > 0 || left_out_ > 0; }
  bool on_embeddings() const { return embedding_.dropped > 0; }
  bool on_hidden() const { return hidden_.dropped > 0; }
  float hidden_scale() const { return hidden_.Scale(); }
  // What stays of a field is scaled by this.
  float field_scale() const { return 1.0F / (1.0F - static_cast<float>(left_out_) * 0x1p-32F); }

  // What becomes of field `f` in the batch's row `r`.
  Field OfField(size_t r, size_t f) const {
    const uint64_t bits = Random(key_ ^ kFieldKey, (r << 16) + f).Bits();
    if (static_cast<uint32_t>(bits) < left_out_) return Field::kLeftOut;
    return static_cast<uint32_t>(bits >> 32) < unknown_ ? Field::kUnknown : Field::kKept;
  }

  // Of the embedding of `id` in field `f`: the same in all rows of the batch that have it, since what becomes
  // of an embedding is computed once (trainer/first_layer.h).
  Mask OfEmbedding(size_t id, size_t f) const {
    return Mask(Random(key_ ^ kEmbeddingKey, (id << 16) + f), embedding_.dropped);
  }
  Mask OfHidden(size_t r, size_t layer) const {
    return Mask(Random(key_ ^ kHiddenKey, (r << 16) + layer), hidden_.dropped);
  }

 private:
  // A share in 256ths, since a byte of chance is enough for each number.
  struct Share {
    Share() = default;
    explicit Share(float share) : dropped(static_cast<uint8_t>(share * 256.0F + 0.5F)) {}
    float Scale() const { return 256.0F / static_cast<float>(256 - dropped); }
    uint8_t dropped = 0;
  };

  static constexpr uint64_t kFieldKey = 0x4649454C44;
  static constexpr uint64_t kEmbeddingKey = 0x454D424544;
  static constexpr uint64_t kHiddenKey = 0x48494444454E;

  static uint32_t Below32(float share) { return static_cast<uint32_t>(static_cast<double>(share) * 0x1p32); }

  uint32_t unknown_ = 0;
  uint32_t left_out_ = 0;
  Share embedding_;
  Share hidden_;
  uint64_t key_ = 0;
};

}  // namespace adscore::trainer
