// Enumerators and the words that stand for them in JSON and in messages.
//
// Thread-safe: pure functions.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace adscore::model {

template <typename Enum, size_t N>
using Words = std::array<std::pair<Enum, const char*>, N>;

// The word for `value`, or "?" if the table has none.
template <typename Enum, size_t N>
const char* WordOf(const Words<Enum, N>& words, Enum value) {
  for (const auto& [enumerator, word] : words) {
    if (enumerator == value) return word;
  }
  return "?";
}

// Sets *value to the enumerator that `word` stands for, or InvalidArgument listing the words; `where` says
// whose it is.
template <typename Enum, size_t N>
absl::Status ParseWord(const Words<Enum, N>& words, const std::string& word, const std::string& where,
                       Enum* value) {
  std::string known;
  for (const auto& [enumerator, text] : words) {
    if (word == text) {
      *value = enumerator;
      return absl::OkStatus();
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", text);
  }
  return absl::InvalidArgumentError(absl::StrCat(where, " is '", word, "'; known: ", known));
}

}  // namespace adscore::model
