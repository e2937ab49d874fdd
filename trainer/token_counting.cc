#include "trainer/token_counting.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "trainer/cross_cells.h"
#include "trainer/encoder_fitting.h"

namespace adscore::trainer {
namespace {

// What has faded to less than this many rows is forgotten. A token of a single row is to outlast some
// increments: what most rare tokens have to say comes from a row now and then.
constexpr double kForgotten = 0.5;
// Entries of a full vocabulary per bucket for those beyond.
constexpr size_t kEntriesPerBucket = 2;

// The embedded ones first, each kind by falling count; equal counts by hash.
bool ComesFirst(const TokenCount& a, const TokenCount& b) {
  if (a.embedded != b.embedded) return a.embedded;
  return a.count != b.count ? a.count > b.count : a.token < b.token;
}

// The tokens with entries of their own.
class OwnTokens {
 public:
  OwnTokens(const EncoderOptions& options, size_t most) : options_(options), most_(most) {}

  void Add(uint64_t token, double count, uint32_t previous) {
    tokens_.push_back(
        {count, token, previous,
         previous != model::kUnknownId || count >= static_cast<double>(options_.minimum_count)});
    // Those that can't be among the first ones are let go while there are more to come.
    if (tokens_.size() > 2 * most_) KeepFirst();
  }

  // A token that the rows have so often and that was not known before.
  void AddNew(uint64_t token, uint32_t count) {
    if (count >= options_.statistics_minimum_count) AddCounted(token, count, model::kUnknownId);
  }

  void AddPast(const PastToken& token, double count) {
    if (count >= kForgotten) AddCounted(token.token, count, token.embedding_id);
  }

  // Whether there are more than entries.
  bool TooMany() const { return singles_ + others_ > most_; }

  // In their order; those beyond the largest size are left out.
  std::vector<TokenCount> Take() {
    KeepFirst();
    std::sort(tokens_.begin(), tokens_.end(), ComesFirst);
    return std::move(tokens_);
  }

 private:
  // Those of a single row, or of one that has faded since, are let go where they are too many.
  void AddCounted(uint64_t token, double count, uint32_t previous) {
    const bool single = count < 2 && previous == model::kUnknownId && options_.minimum_count > 1;
    if (single && !keep_single_) return;
    Add(token, count, previous);
    ++(single ? singles_ : others_);
    if (!single || singles_ <= options_.most_single_tokens) return;
    keep_single_ = false;
    singles_ = 0;
    std::erase_if(tokens_, [](const TokenCount& of) { return of.count < 2 && !of.embedded; });
  }

  void KeepFirst() {
    if (tokens_.size() <= most_) return;
    const auto end = tokens_.begin() + static_cast<ptrdiff_t>(most_);
    std::nth_element(tokens_.begin(), end, tokens_.end(), ComesFirst);
    tokens_.erase(end, tokens_.end());
  }

  const EncoderOptions& options_;
  const size_t most_;
  std::vector<TokenCount> tokens_;
  bool keep_single_ = true;
  size_t singles_ = 0;  // added, of one row or less, that may have to go again
  size_t others_ = 0;   // added
};

// The tokens that stand for `buckets` buckets, into which those go that `own` lacks: rows, and what is known
// of those from before.
absl::StatusOr<std::vector<TokenCount>> CountBuckets(const Dataset& data, const TokenFeature& feature,
                                                     std::span<const uint32_t> training,
                                                     std::span<const model::FeatureEncoding> encodings,
                                                     const EncoderOptions& options, const PastTokens& past,
                                                     const std::vector<TokenCount>& own, uint64_t buckets) {
  absl::flat_hash_set<uint64_t> owned;
  owned.reserve(own.size());
  for (const TokenCount& of : own) owned.insert(of.token);
  std::vector<uint64_t> rows(buckets);
  absl::Status read = ForEachEncodedCell(data, feature.index, training, encodings,
                                         [&](const Column& column, size_t local, uint32_t) {
                                           ForEachToken(column, feature.kind, local, [&](uint64_t token) {
                                             if (!owned.contains(token)) ++rows[token % buckets];
                                           });
                                         });
  if (!read.ok()) return read;
  std::vector<TokenCount> counted;
  for (uint64_t bucket = 0; bucket < buckets; ++bucket) {
    const auto before = past.find(model::BucketToken(bucket));
    const double count =
        static_cast<double>(rows[bucket]) + (before == past.end() ? 0.0 : before->second.rows);
    if (count == 0) continue;
    const uint32_t previous = before == past.end() ? model::kUnknownId : before->second.embedding_id;
    const bool embedded =
        previous != model::kUnknownId || count >= static_cast<double>(options.minimum_count);
    counted.push_back({count, model::BucketToken(bucket), previous, embedded});
  }
  return counted;
}

}  // namespace

// Most of the different tokens of a large log come once, and to count them all would take more memory than
// everything else. So the hashes are counted in ranges: as many passes over the column as it takes, and in
// each no more than `counted_at_once` different tokens.
absl::StatusOr<KnownTokens> CountTokens(const Dataset& data, const TokenFeature& feature,
                                        std::span<const uint32_t> training,
                                        std::span<const model::FeatureEncoding> encodings,
                                        const EncoderOptions& options, const PastTokens& past,
                                        uint64_t buckets_before) {
  OwnTokens own(options, feature.max_vocabulary);
  absl::flat_hash_map<uint64_t, uint32_t> counts;
  absl::flat_hash_map<uint64_t, uint32_t> seen_again;  // of the past ones
  for (uint64_t first = 0, last = UINT64_MAX;; first = last + 1, last = UINT64_MAX) {
    counts.clear();
    const auto count_row = [&](const Column& column, size_t local, uint32_t) {
      ForEachToken(column, feature.kind, local, [&](uint64_t token) {
        if (token < first || token > last) return;
        ++counts[token];
        while (counts.size() > options.counted_at_once) {
          last = first + (last - first) / 2;
          absl::erase_if(counts, [last](const auto& counted) { return counted.first > last; });
        }
      });
    };
    absl::Status read = ForEachEncodedCell(data, feature.index, training, encodings, count_row);
    if (!read.ok()) return read;
    for (const auto& [token, count] : counts) {
      if (past.contains(token)) {
        seen_again[token] = count;
      } else {
        own.AddNew(token, count);
      }
    }
    if (last == UINT64_MAX) break;
  }
  absl::flat_hash_set<uint64_t> stand_for_buckets;
  for (uint64_t bucket = 0; bucket < buckets_before; ++bucket)
    stand_for_buckets.insert(model::BucketToken(bucket));
  for (const auto& [token, from_before] : past) {
    if (stand_for_buckets.contains(token)) continue;
    const auto again = seen_again.find(token);
    own.AddPast(from_before, from_before.rows + (again == seen_again.end() ? 0 : again->second));
  }

  KnownTokens known;
  if (buckets_before > 0 || own.TooMany()) {
    // A version that has some keeps them, since its embeddings are of those.
    known.buckets =
        buckets_before > 0 ? buckets_before : std::max<size_t>(1, feature.max_vocabulary / kEntriesPerBucket);
  }
  known.tokens = own.Take();
  if (known.buckets == 0) return known;
  const absl::StatusOr<std::vector<TokenCount>> buckets =
      CountBuckets(data, feature, training, encodings, options, past, known.tokens, known.buckets);
  if (!buckets.ok()) return buckets.status();
  known.tokens.insert(known.tokens.end(), buckets->begin(), buckets->end());
  std::sort(known.tokens.begin(), known.tokens.end(), ComesFirst);
  return known;
}

}  // namespace adscore::trainer
