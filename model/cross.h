// Crosses: features that no request carries, because they follow from two that it does. "sports ads on
// cooking sites" is the product of two columns, "the ad's category is among the visitor's interests" their
// match.
//
// A cross turns the values of two features into tokens. From there on it is like any categorical or
// multi-valued feature, with a vocabulary, an embedding and statistics of its own.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/schema.h"

namespace adscore::model {

// What a match comes to; 0, as ever, is missing.
inline constexpr uint64_t kNoMatchToken = 1;
inline constexpr uint64_t kMatchToken = 2;

// Values of a list that take part in a cross, the first ones: so that a request's cost is bounded by its
// size, and not by the product of its parts.
inline constexpr size_t kMostCrossedValues = 128;

// The token of two values, in this order: XXH3 (64 bits, seed 0) of the first and then the second, 8 bytes
// each, little-endian; 1 where that is 0. 0 (missing) if either is 0.
uint64_t ProductToken(uint64_t first, uint64_t second);

// Replaces `tokens` by those of a cross of these values: of a feature with one value a span of that one, 0 if
// it is missing; of a list all of them. A product has the token of each pair, all of the first one's first
// value before those of its second; a list drops the missing ones. A match has one token: whether any value
// is in both, or 0 if one of the features is missing.
void CrossTokens(CrossKind kind, bool list, std::span<const uint64_t> first, std::span<const uint64_t> second,
                 std::vector<uint64_t>* tokens);

// What nobody needs more of.
inline constexpr size_t kMostCrosses = 1000;

// The cross as if it were a feature: its name for people ("cross(site,category)"), its kind and its role.
Feature FeatureOf(const Schema& schema, const Cross& cross);

// All that is encoded, in the order of the encodings: the schema's features, then its crosses.
std::vector<Feature> EncodedFeatures(const Schema& schema);

// InvalidArgument, naming the cross, unless its features are there and are two different ones, no product is
// of two lists and no match has a number.
absl::Status CheckCross(const Schema& schema, const Cross& cross);

// The same of all crosses, of which none may be there twice and no more than kMostCrosses.
absl::Status CheckCrosses(const Schema& schema);

}  // namespace adscore::model
