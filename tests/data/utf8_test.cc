#include "data/utf8.h"

#include <gtest/gtest.h>

#include <string_view>

namespace adscore::data {
namespace {

TEST(IsUtf8, AcceptsCharactersOfEveryLength) {
  for (const std::string_view text : {"", "click", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82!",
                                      "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
}

TEST(IsUtf8, RefusesLatin1AndWhatNoEncoderWrites) {
  for (const std::string_view text :
       {"caf\xe9", "\xe9t\xe9", "\x80", "\xc3", "\xe2\x82", "\xc0\xaf", "\xc1\x81", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3\xa9\xa9"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace adscore::data
