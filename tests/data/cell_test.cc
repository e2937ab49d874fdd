#include "data/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

namespace adscore::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Cell, NumbersInTheNotationsOfExports) {
  EXPECT_EQ(ParseNumber("0"), 0.0F);
  EXPECT_EQ(ParseNumber("-17"), -17.0F);
  EXPECT_EQ(ParseNumber("+3.5"), 3.5F);
  EXPECT_EQ(ParseNumber(".5"), 0.5F);
  EXPECT_EQ(ParseNumber("5."), 5.0F);
  EXPECT_EQ(ParseNumber("1e3"), 1000.0F);
  EXPECT_EQ(ParseNumber("1.5E-2"), 0.015F);
  EXPECT_EQ(ParseNumber(" 42\t"), 42.0F);
  EXPECT_EQ(ParseNumber("0.1"), 0.1F);
}

TEST(Cell, ShortNumbersAreTheFloatsThatTheLongWayGives) {
  for (uint32_t digits = 0; digits < 10'000'000; digits += 1 + digits / 500) {
    std::string text = std::to_string(digits);
    EXPECT_EQ(ParseNumber(text), std::strtof(text.c_str(), nullptr)) << text;
    text.insert(digits % (text.size() + 1), ".");
    EXPECT_EQ(ParseNumber(text), std::strtof(text.c_str(), nullptr)) << text;
    text = "0." + std::string(digits % 4, '0') + std::to_string(digits);
    EXPECT_EQ(ParseNumber(text), std::strtof(text.c_str(), nullptr)) << text;
    text.insert(0, "-");
    EXPECT_EQ(ParseNumber(text), std::strtof(text.c_str(), nullptr)) << text;
  }
  EXPECT_TRUE(std::signbit(ParseNumber("-0").value()));
}

TEST(Cell, OneOtherByteAnywhereInAShortNumberIsSeen) {
  for (size_t size = 1; size <= 8; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, '4');
        text[at] = static_cast<char>(byte);
        const bool digit = byte >= '0' && byte <= '9';
        const bool sign = at == 0 && size > 1 && (byte == '-' || byte == '+');
        const bool point = byte == '.' && size > 1;
        const bool blank = (at == 0 || at + 1 == size) && size > 1 && (byte == ' ' || byte == '\t');
        const bool exponent = at > 0 && at + 1 < size && (byte == 'e' || byte == 'E');
        const std::optional<float> number = ParseNumber(text);
        if (exponent) continue;  // a number, or one too large for a float
        ASSERT_EQ(number.has_value(), digit || sign || point || blank) << "'" << text << "', byte " << byte;
        EXPECT_EQ(number.value_or(0), number ? std::strtof(text.c_str(), nullptr) : 0) << text;
      }
    }
  }
}

TEST(Cell, NoNumberIsNan) {
  EXPECT_EQ(NumberOrNan("-2.5"), -2.5F);
  for (const char* cell : {"", "nan", "1e39", "abc"}) EXPECT_TRUE(std::isnan(NumberOrNan(cell))) << cell;
}

TEST(Cell, NumbersTooSmallForAFloatAreZeroAndTooLargeOnesAreNone) {
  EXPECT_EQ(ParseNumber("1e-60"), 0.0F);
  EXPECT_EQ(ParseNumber("3e38"), 3e38F);
  EXPECT_EQ(ParseNumber("1e39"), std::nullopt);
  EXPECT_EQ(ParseNumber("-1e400"), std::nullopt);
}

TEST(Cell, WhatIsNotWhollyAFiniteNumberIsNone) {
  for (const char* cell : {"", " ", "+", "-", ".", "e5", "+-1", "--1", "1,5", "1 2", "12px", "$5", "0x10",
                           "inf", "-infinity", "nan", "?", "1e", "1_000"}) {
    EXPECT_EQ(ParseNumber(cell), std::nullopt) << "'" << cell << "'";
  }
}

TEST(Cell, MissingNumbersAsExportsWriteThem) {
  for (const char* cell : {"", "  ", "NA", "n/a", "NaN", "NULL", "null", "None", "?", "\\N", " na "}) {
    EXPECT_TRUE(IsMissingNumber(cell)) << "'" << cell << "'";
  }
  for (const char* cell : {"0", "-", "nil", "N", "missing", "nana", "??"}) {
    EXPECT_FALSE(IsMissingNumber(cell)) << "'" << cell << "'";
  }
}

// These are part of the wire contract: a client in another language computes the same.
TEST(Cell, TokenHashIsXxh3OfTheBytes) {
  EXPECT_EQ(TokenHash(""), kMissingToken);
  EXPECT_EQ(TokenHash("a"), 0xe6c632b61e964e1fULL);
  EXPECT_EQ(TokenHash("abc"), 0x78af5f94892f3950ULL);
  EXPECT_NE(TokenHash("a"), TokenHash("A"));
  EXPECT_NE(TokenHash("a"), TokenHash(" a"));
}

TEST(Cell, AMultiValuedCellHasOneHashPerTokenThatIsNotEmpty) {
  const auto hashes = [](std::string_view cell) {
    std::vector<uint64_t> all;
    AppendTokenHashes(cell, '|', &all);
    return all;
  };
  EXPECT_THAT(hashes("a|b"), ElementsAre(TokenHash("a"), TokenHash("b")));
  EXPECT_THAT(hashes("|a||b|"), ElementsAre(TokenHash("a"), TokenHash("b")));
  EXPECT_THAT(hashes("a;b"), ElementsAre(TokenHash("a;b")));
  EXPECT_THAT(hashes("a|a"), ElementsAre(TokenHash("a"), TokenHash("a")));
  EXPECT_THAT(hashes(""), IsEmpty());
  EXPECT_THAT(hashes("||"), IsEmpty());
}

}  // namespace
}  // namespace adscore::data
