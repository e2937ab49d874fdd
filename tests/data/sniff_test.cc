#include "data/sniff.h"

#include <gtest/gtest.h>

#include <string>

namespace adscore::data {
namespace {

char Sniff(std::string_view sample) { return SniffDelimiter(sample, true); }

TEST(Sniff, EveryDelimiterThatPeopleUse) {
  EXPECT_EQ(Sniff("a,b\n1,2\n"), ',');
  EXPECT_EQ(Sniff("a;b\n1;2\n"), ';');
  EXPECT_EQ(Sniff("a\tb\n1\t2\n"), '\t');
  EXPECT_EQ(Sniff("a|b\n1|2\n"), '|');
}

TEST(Sniff, DecimalCommasDoNotSplitASemicolonFile) { EXPECT_EQ(Sniff("a;b;c\n1,5;2,5;0\n0,1;3,2;1\n"), ';'); }

TEST(Sniff, MultiValuedCellsDoNotSplitACommaFile) {
  EXPECT_EQ(Sniff("id,tags\n1,a|b|c\n2,b|c|d\n3,a|b|c\n"), ',');
}

TEST(Sniff, DelimitersInsideQuotesDoNotCount) {
  EXPECT_EQ(Sniff("name;note\n\"a,b,c\";\"d,e\nf\"\n\"x,y,z\";\"u,v\"\n"), ';');
}

TEST(Sniff, ADelimiterThatOnlyTheHeaderHasLoses) { EXPECT_EQ(Sniff("a;share, in %;c\n1;2;3\n4;5;6\n"), ';'); }

TEST(Sniff, TrailingDelimitersAndAHeaderAlone) {
  EXPECT_EQ(Sniff("a,b\n1,2,\n3,4,\n"), ',');
  EXPECT_EQ(Sniff("a;b;c"), ';');
}

TEST(Sniff, OneColumnIsAComma) { EXPECT_EQ(Sniff("click\n1\n0\n"), ','); }

std::string Line(size_t cells, const std::string& first, const std::string& others) {
  std::string line = first;
  for (size_t i = 1; i < cells; ++i) line += "\t" + others;
  return line;
}

TEST(Sniff, CriteoByItsShape) {
  EXPECT_TRUE(LooksLikeCriteo(Line(40, "0", "12")));
  EXPECT_TRUE(LooksLikeCriteo(Line(40, "1", "")));
  EXPECT_TRUE(LooksLikeCriteo(Line(39, "", "7")));
  EXPECT_TRUE(LooksLikeCriteo(Line(39, "7", "?")));
}

TEST(Sniff, NotCriteo) {
  EXPECT_FALSE(LooksLikeCriteo(Line(40, "label", "I1"))) << "a header";
  EXPECT_FALSE(LooksLikeCriteo(Line(40, "2", "1"))) << "no label";
  EXPECT_FALSE(LooksLikeCriteo(Line(41, "0", "1")));
  EXPECT_FALSE(LooksLikeCriteo("a,b,c"));
  EXPECT_FALSE(LooksLikeCriteo(""));
}

TEST(Sniff, WhatIsNoTextIsNamed) {
  EXPECT_TRUE(CheckText("a,b\n").ok());
  EXPECT_TRUE(CheckText("caf\xc3\xa9").ok());
  EXPECT_NE(CheckText(std::string("PK\x03\x04", 4)).message().find("spreadsheet"), std::string::npos);
  EXPECT_NE(CheckText(std::string("\xff\xfe"
                                  "a\0",
                                  4))
                .message()
                .find("UTF-16"),
            std::string::npos);
  EXPECT_NE(CheckText(std::string("a\0b", 3)).message().find("binary"), std::string::npos);
}

}  // namespace
}  // namespace adscore::data
