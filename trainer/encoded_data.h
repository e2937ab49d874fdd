// Encoded rows for those who train and score on them, in windows that fit into memory: all rows are one
// window if the data set is in memory; otherwise windows are encoded anew, from the data set's cache,
// whenever they are needed.
//
// Thread-safe: EncodedData is constant, and any thread may read. A WindowReader belongs to one thread; it
// encodes its next window on a thread of its own while the caller is at work on the last one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/dataset.h"
#include "trainer/encoded_rows.h"
#include "trainer/encoder_fitting.h"

namespace adscore::trainer {

class EncodedData {
 public:
  // Encodes all rows at once if `data` has no cache. Everything given must outlive the object. A WindowReader
  // takes about half of `memory_bytes`.
  EncodedData(const Dataset& data, const InputLayout& layout, const FittedEncoders& encoders,
              size_t memory_bytes);

  const std::vector<std::vector<uint8_t>>& labels() const { return data_.labels; }  // [heads][rows]
  float Weight(size_t row) const { return data_.Weight(row); }
  size_t heads() const { return data_.labels.size(); }
  const model::Schema& schema() const { return data_.schema; }

  // Calls visit(encoded, ids) for windows that hold `rows`, which ascend: the rows are `ids` of `encoded`, in
  // their order. The errors are those of reading a cache.
  using Visit = std::function<void(const EncodedRows& encoded, std::span<const uint32_t> ids)>;
  absl::Status ForEachWindow(std::span<const uint32_t> rows, const Visit& visit) const;

  // Those rows alone, which ascend. The same errors.
  absl::StatusOr<EncodedRows> Copy(std::span<const uint32_t> rows) const;

 private:
  friend class WindowReader;

  const Dataset& data_;
  const InputLayout& layout_;
  const FittedEncoders& encoders_;
  size_t window_rows_;     // at most
  EncodedRows in_memory_;  // all rows, if the data set has no cache
};

// Rows to train on, epoch after epoch, in windows. An epoch's windows hold each row once. If not everything
// is in memory, each epoch draws another order of the data set's blocks, and a window has the rows of several
// of them, so that what lies far apart in the log is trained on together.
class WindowReader {
 public:
  struct Window {
    const EncodedRows* encoded = nullptr;
    std::vector<uint32_t> ids;  // of `encoded`: the rows to train on
  };

  // `rows` ascend, and outlive the reader. Windows have a multiple of `batch_rows`, except for an epoch's
  // last. `seed` draws the order of the blocks.
  WindowReader(const EncodedData& data, std::span<const uint32_t> rows, size_t batch_rows, uint64_t seed);

  // True if there is but one window, which Next() always returns.
  bool single() const { return data_.data_.cache == nullptr; }

  // The next window, valid until the next call. The errors are those of reading a cache.
  absl::StatusOr<const Window*> Next();

 private:
  struct Buffer {
    EncodedRows encoded;
    Window window;
  };

  // Rows of one block, as they follow each other in the epoch.
  struct Piece {
    size_t block;
    std::span<const uint32_t> rows;
  };

  void DrawEpoch();
  std::vector<Piece> NextPieces();
  absl::Status Fill(const std::vector<Piece>& pieces, Buffer* buffer) const;
  void Prefetch();

  const EncodedData& data_;
  const std::span<const uint32_t> rows_;
  const size_t window_rows_;
  const uint64_t seed_;
  uint64_t epoch_ = 0;
  std::vector<Piece> epoch_pieces_;  // what is left of the epoch, last piece first
  Buffer buffers_[2];
  size_t filling_ = 0;                // the buffer that is being filled
  std::future<absl::Status> filled_;  // waits for its thread on destruction
};

}  // namespace adscore::trainer
