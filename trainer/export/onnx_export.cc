#include "trainer/export/onnx_export.h"

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "trainer/export/graph_writer.h"

namespace adscore::trainer {
namespace {

using model::ActivationKind;
using model::EmbeddingTable;
using model::Feature;
using model::FeatureEncoding;
using model::FeatureKind;
using model::FeatureRole;

constexpr int64_t kFloatType = 1;
constexpr int64_t kInt64Type = 7;

// Floats in their order, as whole numbers.
int64_t OrderOf(float x) {
  const auto bits = std::bit_cast<int32_t>(x);
  return bits < 0 ? -static_cast<int64_t>(bits & 0x7fffffff) : bits;
}
float AtOrder(int64_t order) {
  const float magnitude = std::bit_cast<float>(static_cast<int32_t>(order < 0 ? -order : order));
  return order < 0 ? -magnitude : magnitude;
}

// The least raw number whose bin is above the edge: what the runtime's logarithm would round otherwise, our
// encoder has decided here.
float RawEdge(const Feature& feature, float edge) {
  model::NumericEncoding one;
  one.low = std::numeric_limits<float>::lowest();
  one.high = std::numeric_limits<float>::max();
  one.edges = {edge};
  int64_t below = OrderOf(std::numeric_limits<float>::lowest());
  int64_t above = OrderOf(std::numeric_limits<float>::max());
  while (above - below > 1) {
    const int64_t middle = below + (above - below) / 2;
    const bool reached = model::EncodeNumber(feature, one, AtOrder(middle)).bin > model::kFirstBinId;
    (reached ? above : below) = middle;
  }
  return AtOrder(above);
}

class Exporter {
 public:
  explicit Exporter(const model::Snapshot& snapshot) : snapshot_(snapshot) {}

  absl::StatusOr<std::string> Run() {
    if (!snapshot_.schema.crosses.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(model::FeatureOf(snapshot_.schema, snapshot_.schema.crosses[0]).name,
                       " hashes two values into one, which ONNX has no operator for; fit a model without "
                       "crosses and matches "
                       "to export it"));
    }
    parts_.resize(snapshot_.members);
    for (const Feature& feature : snapshot_.schema.features) {
      if (feature.kind == FeatureKind::kMultiCategorical) {
        return absl::InvalidArgumentError(absl::StrCat(
            "feature '", feature.name,
            "' is multi-valued, and ONNX has no tensor of rows of different lengths; fit a model "
            "without it to export it"));
      }
      feature.kind == FeatureKind::kNumeric ? writer_.AddFloatInput(feature.name)
                                            : writer_.AddHashInput(feature.name);
    }
    for (size_t f = 0; f < snapshot_.schema.features.size(); ++f) {
      if (snapshot_.encodings[f].vocabulary.buckets() == 0) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "feature '", snapshot_.schema.features[f].name,
          "' has hashed buckets for its rarer tokens, which can't be exported; fit a model with a larger "
          "--max-vocabulary to export it"));
    }
    for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
      for (size_t f = 0; f < snapshot_.schema.features.size(); ++f) {
        const Feature& feature = snapshot_.schema.features[f];
        if (feature.role != role) continue;
        feature.kind == FeatureKind::kNumeric ? AddNumber(feature, snapshot_.encodings[f])
                                              : AddToken(feature, snapshot_.encodings[f]);
      }
    }
    std::string logits;
    for (size_t member = 0; member < snapshot_.members; ++member) {
      const std::string one = Network(member);
      logits = member == 0 ? one : writer_.Node("Add", {logits, one});
    }
    if (snapshot_.members > 1) {
      logits = writer_.Node("Div", {logits, writer_.Float(static_cast<float>(snapshot_.members))});
    }
    AddHeads(logits);
    const onnx::Model& model = writer_.Finish("adscore", snapshot_.provenance.trainer);
    std::string bytes;
    if (model.ByteSizeLong() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
        !model.SerializeToString(&bytes)) {
      return absl::InvalidArgumentError("the snapshot is too large for one ONNX file, which may have 2 GiB");
    }
    return bytes;
  }

 private:
  // The rows of a table by their ids, [rows, 1] → [rows, dim]: `dim` columns from `first` on.
  std::string Look(const EmbeddingTable& table, size_t first, size_t dim, const std::string& ids) {
    std::vector<float> rows;
    rows.reserve(table.rows * dim);
    for (size_t row = 0; row < table.rows; ++row) {
      const float* from = table.Row(static_cast<uint32_t>(row)) + first;
      rows.insert(rows.end(), from, from + dim);
    }
    const auto width = static_cast<int64_t>(dim);
    const std::string looked =
        writer_.Node("Gather", {writer_.Floats({static_cast<int64_t>(table.rows), width}, rows), ids});
    const int64_t shape[] = {-1, width};
    return writer_.Node("Reshape", {looked, writer_.Integers({2}, shape)});
  }

  void AddNumber(const Feature& feature, const FeatureEncoding& encoding) {
    const model::NumericEncoding& number = encoding.numeric;
    const std::string missing = writer_.Node("IsNaN", {feature.name});
    std::string x = feature.name;
    if (feature.transform == model::NumericTransform::kSignedLog1p) {
      const std::string log =
          writer_.Node("Log", {writer_.Node("Add", {writer_.Node("Abs", {x}), writer_.Float(1)})});
      x = writer_.Node("Mul", {writer_.Node("Sign", {x}), log});
    }
    std::string value = writer_.Node("Clip", {x, writer_.Float(number.low), writer_.Float(number.high)});
    value = writer_.Node("Sub", {value, writer_.Float(number.mean)});
    value = writer_.Node("Mul", {value, writer_.Float(number.scale)});
    if (feature.missing != model::MissingRule::kRefuse) {
      const float stands =
          model::EncodeNumber(feature, number, std::numeric_limits<float>::quiet_NaN()).value;
      value = writer_.Node("Where", {missing, writer_.Float(stands), value});
    }
    std::string flag;
    if (number.flag) flag = writer_.Cast(missing, kFloatType);
    std::string bin;
    if (encoding.embedding.dim > 0) bin = Bin(feature, number, missing);
    const size_t dim = encoding.embedding.dim / snapshot_.members;
    for (size_t member = 0; member < snapshot_.members; ++member) {
      parts_[member].push_back(value);
      if (number.flag) parts_[member].push_back(flag);
      if (dim > 0) parts_[member].push_back(Look(encoding.embedding, member * dim, dim, bin));
    }
  }

  // One more than the number of edges that the raw number has reached; the missing bin without a number.
  std::string Bin(const Feature& feature, const model::NumericEncoding& number, const std::string& missing) {
    std::vector<float> edges;
    for (const float edge : number.edges) edges.push_back(RawEdge(feature, edge));
    std::string bin = writer_.Integer(model::kFirstBinId);
    if (!edges.empty()) {
      const std::string reached = writer_.Node(
          "GreaterOrEqual", {feature.name, writer_.Floats({1, static_cast<int64_t>(edges.size())}, edges)});
      const int64_t axis[] = {1};
      const std::string count =
          writer_.Node("ReduceSum", {writer_.Cast(reached, kInt64Type), writer_.Integers({1}, axis)});
      bin = writer_.Node("Add", {count, bin});
    }
    return writer_.Node("Where", {missing, writer_.Integer(model::kMissingId), bin});
  }

  // The ids in one of the feature's tables of a token's hash.
  template <typename IdOf>
  std::string Ids(const std::string& hash, const model::Vocabulary& vocabulary, const IdOf& id_of) {
    std::vector<int64_t> keys = {0};
    std::vector<int64_t> ids = {id_of(model::kMissingId)};
    for (size_t slot = 0; slot < vocabulary.keys().size(); ++slot) {
      if (vocabulary.keys()[slot] == 0) continue;
      keys.push_back(static_cast<int64_t>(vocabulary.keys()[slot]));
      ids.push_back(id_of(vocabulary.ids()[slot]));
    }
    return writer_.Map(hash, keys, ids, id_of(model::kUnknownId));
  }

  void AddToken(const Feature& feature, const FeatureEncoding& encoding) {
    const std::string ids =
        Ids(feature.name, encoding.vocabulary, [&](uint32_t id) { return encoding.EmbeddingId(id); });
    std::string statistics;
    if (encoding.statistics.dim > 0) {
      statistics = Look(
          encoding.statistics, 0, encoding.statistics.dim,
          Ids(feature.name, encoding.vocabulary, [&](uint32_t id) { return encoding.StatisticsId(id); }));
    }
    const size_t dim = encoding.embedding.dim / snapshot_.members;
    for (size_t member = 0; member < snapshot_.members; ++member) {
      parts_[member].push_back(Look(encoding.embedding, member * dim, dim, ids));
      if (!statistics.empty()) parts_[member].push_back(statistics);
    }
  }

  std::string Activate(const model::Activation& activation, const std::string& x) {
    switch (activation.kind) {
      case ActivationKind::kRelu:
        return writer_.Node("Relu", {x});
      case ActivationKind::kLeakyRelu:
        return writer_.LeakyOrElu("LeakyRelu", x, activation.alpha);
      case ActivationKind::kElu:
        return writer_.LeakyOrElu("Elu", x, activation.alpha);
      case ActivationKind::kSelu:
        return writer_.Node("Selu", {x});
      case ActivationKind::kTanh:
        return writer_.Node("Tanh", {x});
      case ActivationKind::kSigmoid:
        return writer_.Node("Sigmoid", {x});
      case ActivationKind::kSoftplus:
        return writer_.Node("Softplus", {x});
      case ActivationKind::kGelu:
        return writer_.Gelu(x, "none");
      case ActivationKind::kGeluTanh:
        return writer_.Gelu(x, "tanh");
    }
    return x;
  }

  // A member's logits, [rows, heads].
  std::string Network(size_t member) {
    std::string x = writer_.Concat(parts_[member]);
    const std::span<const model::Layer> layers = snapshot_.LayersOf(member);
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto inputs = static_cast<int64_t>(layers[i].inputs);
      const auto outputs = static_cast<int64_t>(layers[i].outputs);
      x = writer_.Node("Gemm", {x, writer_.Floats({inputs, outputs}, layers[i].weights),
                                writer_.Floats({outputs}, layers[i].bias)});
      if (i + 1 < layers.size()) x = Activate(layers[i].activation, x);
    }
    return x;
  }

  // A calibrator's curve of z, [rows, 1]: the sum of what each of its straight pieces adds as z grows, so
  // that nothing cancels out. The pieces before the first knot and after the last one have no end.
  std::string Bend(const std::vector<model::CalibratorKnot>& knots, const std::string& z) {
    constexpr float kNoEnd = std::numeric_limits<float>::max();
    std::vector<float> from = {knots.front().from};
    std::vector<float> least = {-kNoEnd};
    std::vector<float> most = {0};
    std::vector<float> slopes = {1};
    for (size_t i = 0; i + 1 < knots.size(); ++i) {
      from.push_back(knots[i].from);
      least.push_back(0);
      most.push_back(knots[i + 1].from - knots[i].from);
      slopes.push_back((knots[i + 1].to - knots[i].to) / most.back());
    }
    from.push_back(knots.back().from);
    least.push_back(0);
    most.push_back(kNoEnd);
    slopes.push_back(1);
    const auto pieces = static_cast<int64_t>(from.size());
    std::string parts = writer_.Node("Sub", {z, writer_.Floats({1, pieces}, from)});
    parts = writer_.Node("Max", {parts, writer_.Floats({1, pieces}, least)});
    parts = writer_.Node("Min", {parts, writer_.Floats({1, pieces}, most)});
    parts = writer_.Node("MatMul", {parts, writer_.Floats({pieces, 1}, slopes)});
    return writer_.Node("Add", {parts, writer_.Float(knots.front().to)});
  }

  void AddHeads(const std::string& logits) {
    std::vector<float> slopes;
    std::vector<float> offsets;
    for (const model::Head& head : snapshot_.heads) {
      slopes.push_back(head.calibrator.slope);
      offsets.push_back(head.calibrator.offset);
    }
    const auto heads = static_cast<int64_t>(snapshot_.heads.size());
    std::vector<std::string> probabilities;
    std::string z = writer_.Node("Mul", {logits, writer_.Floats({heads}, slopes)});
    z = writer_.Node("Add", {z, writer_.Floats({heads}, offsets)});
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t index[] = {h};
      const int64_t rows[] = {-1};
      const int64_t axis[] = {1};
      const int64_t end[] = {h + 1};
      const std::vector<model::CalibratorKnot>& knots =
          snapshot_.heads[static_cast<size_t>(h)].calibrator.knots;
      std::string column = writer_.Node("Slice", {z, writer_.Integers({1}, index), writer_.Integers({1}, end),
                                                  writer_.Integers({1}, axis)});
      if (!knots.empty()) column = Bend(knots, column);
      column = writer_.Node("Sigmoid", {column});
      if (const std::optional<size_t> after = snapshot_.heads[static_cast<size_t>(h)].after) {
        column = writer_.Node("Mul", {column, probabilities[*after]});
      }
      probabilities.push_back(column);
      writer_.AddOutput(writer_.Node("Reshape", {column, writer_.Integers({1}, rows)}),
                        snapshot_.heads[static_cast<size_t>(h)].name);
    }
  }

  const model::Snapshot& snapshot_;
  GraphWriter writer_;
  std::vector<std::vector<std::string>> parts_;  // [members]: the parts of the input vector, in order
};

}  // namespace

absl::StatusOr<std::string> ExportOnnx(const model::Snapshot& snapshot) { return Exporter(snapshot).Run(); }

}  // namespace adscore::trainer
