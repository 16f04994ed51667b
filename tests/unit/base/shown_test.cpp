#include "base/shown.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

TEST(Shown, IsOneShortPrintableLine) {
  EXPECT_EQ(shown(""), "\"\"");
  EXPECT_EQ(shown("model.norm"), "\"model.norm\"");
  EXPECT_EQ(shown("é世😀"), "\"é世😀\"");
  EXPECT_EQ(shown("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(shown(std::string_view("\0\n\x1b[31m\x7f", 8)), R"("\x00\x0a\x1b[31m\x7f")");
  EXPECT_EQ(shown(std::string(10, 'x'), 4), "\"xxxx...\"");
}

TEST(Shown, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(shown("\xff"), R"("\xff")");
  EXPECT_EQ(shown("\xc3"), R"("\xc3")") << "cut within a character";
  EXPECT_EQ(shown("\xc0\xaf"), R"("\xc0\xaf")") << "an overlong spelling";
  EXPECT_EQ(shown("\xc2\x9b"), R"("\xc2\x9b")") << "a control character beyond ASCII";
  EXPECT_EQ(shown("a\u202eb"), R"("a\xe2\x80\xaeb")") << "what turns the direction of text";
  EXPECT_EQ(shown("\xe4\xb8x"), R"("\xe4\xb8x")");
  EXPECT_EQ(shown("\xf5\x80\x80\x80"), R"("\xf5\x80\x80\x80")");
}

}  // namespace
}  // namespace bascule
