#include "trainer/encoded_data.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kBlockOrderKey = 0x424C4F434B;  // so that blocks and rows are drawn apart

// Bytes of an encoded row.
size_t BytesPerRow(const Dataset& data, const InputLayout& layout) {
  size_t bytes = layout.numeric * sizeof(model::EncodedNumber) + layout.categorical * sizeof(uint32_t) +
                 layout.multi * sizeof(uint64_t) + layout.statistics * sizeof(float) + data.labels.size() + 1;
  if (data.cache != nullptr) {
    // A cross of a list has about as many values as the list: at most as many as there are in all.
    const size_t lists = 1 + data.schema.crosses.size();
    bytes += lists * data.cache->multi_values() * sizeof(uint32_t) / data.rows;
  }
  return bytes;
}

}  // namespace

EncodedData::EncodedData(const Dataset& data, const InputLayout& layout, const FittedEncoders& encoders,
                         size_t memory_bytes)
    : data_(data),
      layout_(layout),
      encoders_(encoders),
      window_rows_(memory_bytes / 4 / BytesPerRow(data, layout)) {  // a reader has two of them
  if (data.cache != nullptr) return;
  std::vector<uint32_t> all(data.rows);
  std::iota(all.begin(), all.end(), 0U);
  in_memory_.Reserve(data.rows, layout, data.labels.size());
  AppendEncoded(data, all, 0, data.labels, layout, encoders, &in_memory_, data.weights);
}

absl::Status EncodedData::ForEachWindow(std::span<const uint32_t> rows, const Visit& visit) const {
  if (data_.cache == nullptr) {
    visit(in_memory_, rows);
    return absl::OkStatus();
  }
  EncodedRows encoded;
  std::vector<uint32_t> ids;
  return ForEachBlock(data_, rows, [&](const Dataset& block, std::span<const uint32_t> local, size_t begin) {
    encoded.Clear();
    AppendEncoded(block, local, begin, data_.labels, layout_, encoders_, &encoded, data_.weights);
    ids.resize(local.size());
    std::iota(ids.begin(), ids.end(), 0U);
    visit(encoded, ids);
    return absl::OkStatus();
  });
}

absl::StatusOr<EncodedRows> EncodedData::Copy(std::span<const uint32_t> rows) const {
  EncodedRows copy;
  const absl::Status read =
      ForEachBlock(data_, rows, [&](const Dataset& block, std::span<const uint32_t> local, size_t begin) {
        AppendEncoded(block, local, begin, data_.labels, layout_, encoders_, &copy, data_.weights);
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  return copy;
}

WindowReader::WindowReader(const EncodedData& data, std::span<const uint32_t> rows, size_t batch_rows,
                           uint64_t seed)
    : data_(data),
      rows_(rows),
      window_rows_(std::max<size_t>(data.window_rows_ / batch_rows, 1) * batch_rows),
      seed_(seed) {
  if (single()) buffers_[0].window = {&data.in_memory_, {rows.begin(), rows.end()}};
}

void WindowReader::DrawEpoch() {
  const Dataset& data = data_.data_;
  for (size_t block = 0; block < data.blocks(); ++block) {
    const auto first = std::lower_bound(rows_.begin(), rows_.end(), data.BlockBegin(block));
    const auto last = std::lower_bound(first, rows_.end(), data.BlockEnd(block));
    if (first != last) epoch_pieces_.push_back({block, {first, last}});
  }
  Random(seed_ ^ kBlockOrderKey, epoch_++).Shuffle(&epoch_pieces_);
}

std::vector<WindowReader::Piece> WindowReader::NextPieces() {
  if (epoch_pieces_.empty()) DrawEpoch();
  std::vector<Piece> pieces;
  for (size_t wanted = window_rows_; wanted > 0 && !epoch_pieces_.empty();) {
    Piece& last = epoch_pieces_.back();
    const size_t taken = std::min(wanted, last.rows.size());
    pieces.push_back({last.block, last.rows.first(taken)});
    last.rows = last.rows.subspan(taken);
    if (last.rows.empty()) epoch_pieces_.pop_back();
    wanted -= taken;
  }
  return pieces;
}

absl::Status WindowReader::Fill(const std::vector<Piece>& pieces, Buffer* buffer) const {
  size_t rows = 0;
  for (const Piece& piece : pieces) rows += piece.rows.size();
  buffer->encoded.Clear();
  buffer->encoded.Reserve(rows, data_.layout_, data_.heads());
  for (const Piece& piece : pieces) {
    absl::Status read = ForEachBlock(
        data_.data_, piece.rows, [&](const Dataset& block, std::span<const uint32_t> local, size_t begin) {
          AppendEncoded(block, local, begin, data_.data_.labels, data_.layout_, data_.encoders_,
                        &buffer->encoded, data_.data_.weights);
          return absl::OkStatus();
        });
    if (!read.ok()) return read;
  }
  buffer->window.encoded = &buffer->encoded;
  buffer->window.ids.resize(buffer->encoded.rows);
  std::iota(buffer->window.ids.begin(), buffer->window.ids.end(), 0U);
  return absl::OkStatus();
}

void WindowReader::Prefetch() {
  filled_ = std::async(std::launch::async, [this, pieces = NextPieces(), buffer = &buffers_[filling_]] {
    return Fill(pieces, buffer);
  });
}

absl::StatusOr<const WindowReader::Window*> WindowReader::Next() {
  if (single()) return &buffers_[0].window;
  if (!filled_.valid()) Prefetch();
  if (absl::Status filled = filled_.get(); !filled.ok()) return filled;
  const Window* window = &buffers_[filling_].window;
  filling_ = 1 - filling_;
  Prefetch();
  return window;
}

}  // namespace adscore::trainer
