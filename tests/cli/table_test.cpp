#include "cli/table.h"

#include <gtest/gtest.h>

namespace bascule::cli {
namespace {

const std::vector<Column> kColumns = {
    {.heading = "NAME"}, {.heading = "MODELS", .wraps = true}, {.heading = "SIZE", .right = true}};

TEST(Table, AlignsColumns) {
  EXPECT_EQ(table(kColumns, {{"a", "one", "1"}, {"longer", "two", "1,000"}}, {}),
            "  NAME    MODELS   SIZE\n"
            "  a       one         1\n"
            "  longer  two     1,000\n");
}

TEST(Table, WrapsWhatGivesWayOnANarrowTerminal) {
  const Terminal narrow{.columns = 36};
  EXPECT_EQ(table(kColumns, {{"llama", "Llama 2, Llama 3, Llama 3.1, SmolLM2", "1"}}, narrow),
            "  NAME   MODELS                 SIZE\n"
            "  llama  Llama 2, Llama 3,         1\n"
            "         Llama 3.1, SmolLM2\n");
}

TEST(Table, KeepsWordsWhole) {
  const Terminal narrow{.columns = 20};
  EXPECT_EQ(table({{.heading = "A", .wraps = true}, {.heading = "B", .wraps = true}},
                  {{"longestword x", "some more words"}}, narrow),
            "  A            B\n"
            "  longestword  some\n"
            "  x            more\n"
            "               words\n");
}

TEST(Table, KeepsWholeLinesWithoutATerminal) {
  const std::string text = table(kColumns, {{"a", std::string(300, 'x') + " y", "1"}}, {});
  EXPECT_NE(text.find("x y  "), std::string::npos);
}

TEST(Table, CountsCharactersNotBytes) {
  EXPECT_EQ(listing({{"größe", "1"}, {"a", "2"}}, {}), "  größe  1\n  a      2\n");
}

TEST(Table, ShowsNoControlCharacters) {
  EXPECT_EQ(listing({{"a\x1b[31m", "b\nc"}}, {}), "  a?[31m  b?c\n");
}

TEST(Line, GoesOnBelowWhereItDoesNotFit) {
  EXPECT_EQ(line("note: ", "one two three four", {}), "note: one two three four\n");
  EXPECT_EQ(line("note: ", "one two three four", {.columns = 19}),
            "note: one two\n    three four\n");
  EXPECT_EQ(line("  ", "one two three four", {.columns = 19}), "  one two three\n    four\n");
  EXPECT_EQ(line("  ", "a\nb", {.columns = 19}), "  a?b\n");
}

TEST(Printable, ReplacesWhatCouldSteerATerminal) {
  EXPECT_EQ(printable("a\tb\r\n\x7f"), "a?b???");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // U+009B is CSI
  EXPECT_EQ(printable("größe \xe2\x86\x92"), "größe \xe2\x86\x92");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Wrapped, BreaksAtBlanks) {
  EXPECT_EQ(wrapped("aa bb cc", 5), (std::vector<std::string>{"aa bb", "cc"}));
  EXPECT_EQ(wrapped("a  longerthanthat b", 5),
            (std::vector<std::string>{"a", "longerthanthat", "b"}));
  EXPECT_EQ(wrapped("", 5), std::vector<std::string>{""});
}

}  // namespace
}  // namespace bascule::cli
