// Publishes a model with one huge embedding table, to measure loading with: as a sparse file, and out of
// memory that is never there, so that neither the disk nor this machine's memory need to hold the table.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "data/cell.h"
#include "model/model.h"
#include "model/model_root.h"
#include "model/snapshot.h"

namespace adscore::bench {
namespace {

constexpr size_t kDim = 16;
constexpr size_t kTokens = 1'000'000;  // in the vocabulary; the rows beyond theirs are nobody's
constexpr size_t kFilledRows = 10'000;
constexpr size_t kHidden = 64;
constexpr size_t kGoldenRows = 64;

// Steps over what is zero instead of writing it: the file has a hole there.
class SparseCalls final : public model::SystemCalls {
 public:
  ssize_t Write(int fd, const void* data, size_t size) const override {
    constexpr size_t kBlock = size_t{1} << 20;
    static const std::vector<char> kZeros(kBlock);
    const size_t block = std::min(size, kBlock);
    if (block < kBlock || std::memcmp(data, kZeros.data(), block) != 0) {
      return SystemCalls::Write(fd, data, block);
    }
    return lseek(fd, static_cast<off_t>(block), SEEK_CUR) < 0 ? -1 : static_cast<ssize_t>(block);
  }
};

std::string Token(size_t i) { return absl::StrCat("item", i); }

absl::Status MakeLargeSnapshot(const std::string& root, const std::string& name, double gigabytes) {
  const auto rows = static_cast<size_t>(gigabytes * 1e9 / (kDim * sizeof(float)));
  void* memory = mmap(nullptr, rows * kDim * sizeof(float), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return absl::ResourceExhaustedError("no address space for the table");
  auto* table = static_cast<float*>(memory);
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  std::generate_n(table, std::min(rows, kFilledRows) * kDim, [&] { return 0.1f * normal(random); });

  std::vector<uint64_t> hashes(std::min(kTokens, rows - model::kFirstTokenId));
  for (size_t i = 0; i < hashes.size(); ++i) hashes[i] = data::TokenHash(Token(i));
  const model::VocabularySlots slots = model::BuildVocabulary(hashes);

  model::Snapshot snapshot;
  model::Feature feature;
  feature.name = "item";
  feature.kind = model::FeatureKind::kCategorical;
  snapshot.schema.features.push_back(feature);
  snapshot.encodings.push_back(
      {.numeric = {},
       .vocabulary = model::Vocabulary(slots.keys, slots.ids),
       .embedding = {.rows = rows, .dim = kDim, .values = std::span(table, rows * kDim)},
       .statistics = {}});
  std::vector<float> weights(kDim * kHidden + kHidden);
  std::generate(weights.begin(), weights.end(), [&] { return 0.2f * normal(random); });
  const std::vector<float> bias(kHidden);
  const std::span<const float> all(weights);
  snapshot.layers.push_back(
      {.inputs = kDim, .outputs = kHidden, .weights = all.first(kDim * kHidden), .bias = bias});
  snapshot.layers.push_back({.inputs = kHidden,
                             .outputs = 1,
                             .weights = all.subspan(kDim * kHidden),
                             .bias = std::span(bias).first(1)});
  snapshot.heads.push_back(
      {.name = "click", .label = {.column = "click", .positive = ""}, .base_rate = 0.1, .calibrator = {}});
  snapshot.provenance.trainer = "make_large_snapshot";
  snapshot.provenance.created_at = 1'700'000'000;

  std::vector<uint64_t> golden(kGoldenRows);
  for (uint64_t& hash : golden) hash = data::TokenHash(Token(random() % kFilledRows));
  snapshot.golden.rows = snapshot.golden.context.rows = snapshot.golden.candidates.rows = kGoldenRows;
  snapshot.golden.candidates.categorical = golden;
  std::vector<float> probabilities(kGoldenRows);
  model::ReferenceScore(snapshot, snapshot.golden.context, snapshot.golden.candidates, probabilities.data());
  snapshot.golden.probabilities = probabilities;

  const std::filesystem::path temporary = std::filesystem::path(root) / name / ".tmp-1";
  std::filesystem::create_directories(temporary);
  const absl::Status status =
      model::WriteSnapshot(snapshot, temporary / std::string(model::kSnapshotFile), SparseCalls());
  if (!status.ok()) return status;
  std::filesystem::rename(temporary, model::VersionDirectory(root, name, 1));
  munmap(memory, rows * kDim * sizeof(float));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const double gigabytes = argc == 4 ? std::atof(argv[3]) : 0;
  if (!(gigabytes > 0)) {
    std::fprintf(stderr,
                 "usage: make_large_snapshot MODEL_ROOT NAME GIGABYTES\n"
                 "Publishes version 1 of NAME: one categorical feature with an embedding table of that size\n"
                 "(6 or 0.5, in units of 1e9 bytes), mostly a hole in the file.\n");
    return 2;
  }
  const absl::Status status = MakeLargeSnapshot(argv[1], argv[2], gigabytes);
  if (status.ok()) return 0;
  std::fprintf(stderr, "make_large_snapshot: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }
