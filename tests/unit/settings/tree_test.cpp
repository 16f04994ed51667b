#include "settings/tree.h"

#include "unit/expect_error.h"

namespace bascule {
namespace {

TEST(Tree, KeepsOrderAndFindsKeys) {
  Tree tree = Tree::map({{"b", 1}, {"a", Tree::map({{"c", "x"}})}});
  tree.set("z", 2.5);
  tree.set("b", true);
  ASSERT_EQ(tree.entries().size(), 3u);
  EXPECT_EQ(tree.entries()[0].key, "b");
  EXPECT_TRUE(tree.find("b")->boolean());
  EXPECT_EQ(tree.at("a.c")->string(), "x");
  EXPECT_EQ(tree.at("a.c.d"), nullptr);
  EXPECT_EQ(tree.at("q"), nullptr);
  EXPECT_TRUE(tree.erase("b"));
  EXPECT_FALSE(tree.erase("b"));
  EXPECT_EQ(tree.entries()[0].key, "a");
}

TEST(Tree, TellsTypesApart) {
  EXPECT_EQ(Tree(1), Tree(int64_t{1}));
  EXPECT_FALSE(Tree(1) == Tree(1.0));
  EXPECT_FALSE(Tree(1) == Tree(true));
  EXPECT_FALSE(Tree() == Tree(false));
  EXPECT_EQ(Tree(3).real(), 3.0);
  EXPECT_FALSE(Tree::map({{"a", 1}, {"b", 2}}) == Tree::map({{"b", 2}, {"a", 1}}));
  EXPECT_EQ(Tree::map({{"a", 1}, {"b", 2}}), Tree::map({{"b", 2}, {"a", 1}}).sorted());
}

TEST(Tree, RefusesOtherTypes) {
  expect_error(Kind::format, {"a string where an integer is needed", "\"x\""},
               [] { Tree("x").integer(); });
  expect_error(Kind::format, {"a number where an integer is needed", "1.0"},
               [] { Tree(1.0).integer(); });
  expect_error(Kind::format, {"null where a boolean is needed"}, [] { Tree().boolean(); });
  expect_error(Kind::format, {"an integer where a list"}, [] { Tree(1).list_items(); });
  expect_error(Kind::format, {"a list where a map"}, [] { Tree::list().set("a", 1); });
  expect_error(Kind::internal, {"key a is given twice"}, [] { Tree::map({{"a", 1}, {"a", 2}}); });
}

TEST(Tree, IsBriefInMessages) {
  EXPECT_EQ(brief(Tree::list({1, "a", Tree()})), "[1, \"a\", null]");
  EXPECT_EQ(brief(Tree(std::string(100, 'x')), 10), "\"xxxxxxxxx...");
  EXPECT_EQ(brief(Tree("ääääää"), 4), "\"ä...");
  EXPECT_EQ(brief(Tree(Tree::List(1000, Tree(1)))), "a list of 1000 values");
}

TEST(Tree, SpellsNumbersAsPythonDoes) {
  EXPECT_EQ(python_repr(1e-5), "1e-05");
  EXPECT_EQ(python_repr(0.0001), "0.0001");
  EXPECT_EQ(python_repr(10000), "10000.0");
  EXPECT_EQ(python_repr(1e15), "1000000000000000.0");
  EXPECT_EQ(python_repr(1e16), "1e+16");
  EXPECT_EQ(python_repr(0.1), "0.1");
  EXPECT_EQ(python_repr(-0.0), "-0.0");
}

}  // namespace
}  // namespace bascule
