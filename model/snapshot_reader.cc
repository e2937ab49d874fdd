// MappedSnapshot::Open: from a verified section file to a snapshot whose spans point into it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "model/section_file.h"
#include "model/snapshot.h"
#include "model/snapshot_meta.h"

namespace adscore::model {
namespace {

class MappedSnapshotImpl final : public MappedSnapshot {
 public:
  MappedSnapshotImpl(std::unique_ptr<const SectionFile> file, Snapshot snapshot)
      : file_(std::move(file)), snapshot_(std::move(snapshot)) {}

  const Snapshot& snapshot() const override { return snapshot_; }
  size_t file_bytes() const override { return file_->file().bytes().size(); }
  bool damaged() const override { return file_->file().damaged(); }
  void MarkDamaged() const override { file_->file().MarkDamaged(); }

 private:
  std::unique_ptr<const SectionFile> file_;  // what the snapshot's spans point into
  Snapshot snapshot_;
};

// Fetches sections, and keeps the first error so that the caller can ask once at the end.
class Sections {
 public:
  explicit Sections(const SectionFile& file) : file_(file) {}

  template <typename T>
  std::span<const T> Get(const std::string& name) {
    absl::StatusOr<std::span<const T>> values = file_.Get<T>(name);
    status_.Update(values.status());
    return values.ok() ? *values : std::span<const T>();
  }

  RawColumns GetGolden(FeatureRole role, size_t rows) {
    return {.rows = rows,
            .numeric = Get<float>(GoldenSection(role, "numeric")),
            .categorical = Get<uint64_t>(GoldenSection(role, "categorical")),
            .multi_count = Get<uint32_t>(GoldenSection(role, "multi_count")),
            .multi = Get<uint64_t>(GoldenSection(role, "multi"))};
  }

  const absl::Status& status() const { return status_; }

 private:
  const SectionFile& file_;
  absl::Status status_;
};

absl::StatusOr<Snapshot> Read(const SectionFile& file) {
  absl::StatusOr<std::span<const char>> meta = file.Get<char>(kMetaSection);
  if (!meta.ok()) return meta.status();
  absl::StatusOr<Snapshot> snapshot = MetaFromJson(std::string_view(meta->data(), meta->size()));
  if (!snapshot.ok()) return snapshot.status();
  for (const Head& head : snapshot->heads) {
    if (!head.after || file.format_version() >= kChainsFormatVersion) continue;
    // A reader of that format takes the factor for the product.
    return absl::InvalidArgumentError(absl::StrCat("head '", head.name, "' follows another, which format ",
                                                   file.format_version(),
                                                   " does not have; publish the model again"));
  }

  Sections sections(file);
  const std::vector<Feature> features = EncodedFeatures(snapshot->schema);
  for (size_t i = 0; i < snapshot->encodings.size(); ++i) {
    FeatureEncoding& encoding = snapshot->encodings[i];
    if (features[i].kind != FeatureKind::kNumeric) {
      encoding.vocabulary =
          Vocabulary(sections.Get<uint64_t>(FeatureSection(i, "keys")),
                     sections.Get<uint32_t>(FeatureSection(i, "ids")), encoding.vocabulary.buckets());
      encoding.statistics.values = sections.Get<float>(FeatureSection(i, "statistics"));
    }
    encoding.embedding.values = sections.Get<float>(FeatureSection(i, "embedding"));
  }
  for (size_t i = 0; i < snapshot->layers.size(); ++i) {
    snapshot->layers[i].weights = sections.Get<float>(LayerSection(i, "weights"));
    snapshot->layers[i].bias = sections.Get<float>(LayerSection(i, "bias"));
  }
  GoldenRows& golden = snapshot->golden;
  golden.context = sections.GetGolden(FeatureRole::kContext, golden.rows);
  golden.candidates = sections.GetGolden(FeatureRole::kCandidate, golden.rows);
  golden.probabilities = sections.Get<float>(kGoldenProbabilities);
  if (!sections.status().ok()) return sections.status();
  if (absl::Status status = Validate(*snapshot); !status.ok()) return status;
  return snapshot;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const MappedSnapshot>> MappedSnapshot::Open(const std::string& path,
                                                                           const SystemCalls& calls) {
  absl::StatusOr<std::unique_ptr<const SectionFile>> file = SectionFile::Open(path, calls);
  if (!file.ok()) return file.status();
  absl::StatusOr<Snapshot> snapshot = Read(**file);
  const absl::Status unchanged = (*file)->file().CheckUnchanged();
  if (!unchanged.ok()) return unchanged;
  if (!snapshot.ok()) {
    return absl::Status(snapshot.status().code(), absl::StrCat(path, ": ", snapshot.status().message()));
  }
  return std::make_unique<const MappedSnapshotImpl>(*std::move(file), *std::move(snapshot));
}

absl::StatusOr<std::vector<SectionInfo>> ListSections(const std::string& path) {
  absl::StatusOr<std::unique_ptr<const SectionFile>> file = SectionFile::Open(path);
  if (!file.ok()) return file.status();
  std::vector<SectionInfo> sections;
  for (const SectionEntry& entry : (*file)->table()) {
    sections.push_back(
        {.name = entry.name, .offset = entry.offset, .size = entry.size, .checksum = entry.checksum});
  }
  return sections;
}

}  // namespace adscore::model
