// What an importer makes of somebody else's model: columns of input, levels of hidden units over them, and
// sums of units. Whatever is linear folds into the sums (scalers, batch norm, dense layers without an
// activation, concatenations), in double precision, so that what is left is what a snapshot can say.
//
// Not thread-safe: one owner while it is built, constant afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/activation.h"
#include "trainer/import/lookup_table.h"

namespace adscore::trainer {

// What a number of weights may not exceed, in one matrix and in all of a model: beyond, a file is no model
// for ads but a mistake or an attack.
inline constexpr size_t kMostWeights = size_t{1} << 27;

inline constexpr size_t kMostColumns = size_t{1} << 17;  // of the input

// rows × columns; nothing if there are more than kMostWeights.
std::optional<size_t> WeightCount(size_t rows, size_t columns);

// One column of the model's input: a number, or a token with what its tables say of it.
struct InputColumn {
  enum class Use : uint8_t { kNone, kNumber, kToken };
  std::string name;
  Use use = Use::kNone;
  // How the model standardises the number, if it does: (x - mean) · scale, scale > 0.
  std::optional<double> mean;
  double scale = 1;
  std::optional<double> missing;  // what the model takes for a missing number; nothing: it has no answer
  std::vector<LookupTable> tables;
};

// `width` sums over the units of one level, as `plain` (each of them one unit, scaled) or as a full matrix.
struct Form {
  size_t level = 0;  // 0: the input
  size_t width = 0;
  bool plain = true;
  std::vector<size_t> unit;     // plain: [width]
  std::vector<double> scale;    // plain: [width]
  std::vector<double> weights;  // otherwise [units][width], of the units that there were when it was made
  std::vector<double> offset;   // [width]
};

class DenseGraph {
 public:
  // A level's unit: an input column's number or one element of what its tables say, or a hidden unit.
  struct InputUnit {
    size_t column = 0;
    size_t table = 0;  // of a token column
    size_t element = 0;
  };
  struct HiddenUnit {
    std::vector<double> weights;  // of the level below, as many as it had then
    double offset = 0;
  };
  struct Level {
    model::Activation activation;
    std::vector<HiddenUnit> units;
  };

  size_t AddColumn(std::string name);
  const std::vector<InputColumn>& columns() const { return columns_; }
  const std::vector<InputUnit>& input_units() const { return input_; }
  const std::vector<Level>& hidden() const { return hidden_; }  // level 1 is hidden()[0]
  size_t Units(size_t level) const { return level == 0 ? input_.size() : hidden_[level - 1].units.size(); }

  // The columns' numbers. InvalidArgument if one of them is used as a token elsewhere. All errors below are
  // InvalidArgument too, and say what is wrong, not where.
  absl::StatusOr<Form> Numbers(std::span<const size_t> columns);
  // What `table` says of the column's token.
  absl::StatusOr<Form> Look(size_t column, LookupTable table);
  // `value` stands for a missing number of the column.
  absl::Status SetMissing(size_t column, double value);

  // x · scale + shift, element by element; both have x's width.
  Form ScaleShift(const Form& x, std::span<const double> scale, std::span<const double> shift) const;
  // x · w, w being [x.width][outputs].
  absl::StatusOr<Form> Multiply(const Form& x, std::span<const float> w, size_t outputs);
  absl::StatusOr<Form> Add(const Form& a, const Form& b) const;
  absl::StatusOr<Form> Concatenate(std::span<const Form> parts) const;
  // Those elements of x, in that order; they may repeat.
  Form Select(const Form& x, std::span<const size_t> elements) const;
  // The activation of each element: hidden units of the next level, which has one activation for all of them.
  absl::StatusOr<Form> Activate(const Form& x, const model::Activation& activation);

  // Of x with two elements: each one minus the other. Softmax of x is the sigmoid of these.
  absl::StatusOr<Form> Differences(const Form& x);

  // Whether two forms are the same sums but for roundings.
  bool Same(const Form& a, const Form& b) const;
  // x with a full matrix over all units that there are now.
  absl::StatusOr<Form> Full(const Form& x) const;

 private:
  // Numbers that are standardised before anything else happens to them are standardised by the encoder.
  void NoteStandardisation(const Form& x);

  std::vector<InputColumn> columns_;
  std::vector<InputUnit> input_;
  std::vector<Level> hidden_;
};

}  // namespace adscore::trainer
