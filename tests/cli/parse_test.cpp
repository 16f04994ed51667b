#include "cli/parse.h"

#include <gtest/gtest.h>

#include "bascule/error.h"

namespace bascule::cli {
namespace {

struct Told {
  std::string source, target, dtype;
  std::vector<std::string> keys;
  bool overwrite = false, verify = true;
  int64_t threads = 2, memory = 0;

  std::vector<Option> options() {
    return {argument("SRC", "", source),
            optional_argument("DST", "", target),
            choice("--dtype", "DTYPE", "", {"bfloat16", "float32"}, dtype),
            texts("--ignore-key", "KEY", "", keys),
            flag("--overwrite", "", overwrite),
            flag("--no-verify", "", verify, false),
            count("--threads", "", 1, 9, threads),
            bytes("--memory", "", int64_t{64} << 20, memory)};
  }
};

Told parsed(const std::vector<std::string>& words) {
  Told told;
  parse("verb", told.options(), words);
  return told;
}

std::string refused(const std::vector<std::string>& words) {
  try {
    parsed(words);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), Kind::user);
    return e.message();
  }
  return "";
}

TEST(Parse, StoresWhatWordsSay) {
  const Told told =
      parsed({"--threads", "3", "a", "--overwrite", "b", "--dtype=float32", "--ignore-key", "x",
              "--ignore-key=y", "--no-verify", "--memory", "64M"});
  EXPECT_EQ(told.source, "a");
  EXPECT_EQ(told.target, "b");
  EXPECT_EQ(told.dtype, "float32");
  EXPECT_EQ(told.keys, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(told.overwrite);
  EXPECT_FALSE(told.verify);
  EXPECT_EQ(told.threads, 3);
  EXPECT_EQ(told.memory, int64_t{64} << 20);
}

TEST(Parse, GivesWhatIsLeftToAnArgumentThatRepeats) {
  std::string action;
  std::vector<std::string> paths;
  bool quiet = false;
  const auto read = [&](const std::vector<std::string>& words) {
    paths.clear();
    Option path = texts("PATH", "PATH", "", paths);
    path.required = true;
    parse("verb", {argument("ACTION", "", action), path, flag("--quiet", "", quiet)}, words);
  };
  read({"list", "a", "--quiet", "b", "--", "--c"});
  EXPECT_EQ(action, "list");
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "b", "--c"}));
  EXPECT_TRUE(quiet);
  read({"list", "a"});
  EXPECT_EQ(paths, (std::vector<std::string>{"a"}));
  EXPECT_THROW(read({"list"}), Error);
  EXPECT_THROW(read({"list", "a", "--loud"}), Error);
}

TEST(Parse, LeavesTheRestAsItWas) {
  const Told told = parsed({"a"});
  EXPECT_EQ(told.target, "");
  EXPECT_TRUE(told.verify);
  EXPECT_EQ(told.threads, 2);
}

TEST(Parse, TakesTheLastOfTwo) {
  EXPECT_EQ(parsed({"a", "--threads=1", "--threads=5"}).threads, 5);
}

TEST(Parse, ARepeatedOptionTakesOneValueEach) {
  const Told told = parsed({"--ignore-key", "x", "a", "b"});
  EXPECT_EQ(told.keys, std::vector<std::string>{"x"});
  EXPECT_EQ(told.source, "a");
  EXPECT_EQ(told.target, "b");
}

TEST(Parse, WordsBehindDoubleDashAreArguments) {
  const Told told = parsed({"--overwrite", "--", "--odd", "-x"});
  EXPECT_EQ(told.source, "--odd");
  EXPECT_EQ(told.target, "-x");
}

TEST(Parse, PathsMayLookOdd) {
  EXPECT_EQ(parsed({"/a"}).source, "/a");
  EXPECT_EQ(parsed({"a b=c:d"}).source, "a b=c:d");
  EXPECT_EQ(parsed({"a", "--ignore-key", "-1"}).keys, std::vector<std::string>{"-1"});
  EXPECT_EQ(parsed({"[a,b]"}).source, "[a,b]");
  EXPECT_EQ(parsed({"a", "--ignore-key", "{}"}).keys, std::vector<std::string>{"{}"});
}

struct Mistake {
  std::vector<std::string> words;
  const char* message;
};

TEST(Parse, SaysWhatIsWrong) {
  const std::vector<Mistake> mistakes = {
      {{}, "SRC is missing; \"bascule verb --help\" has examples"},
      {{"--overwrite"}, "SRC is missing; \"bascule verb --help\" has examples"},
      {{"a", "b", "c"},
       "\"c\" is one argument too many; \"bascule verb --help\" lists what it takes"},
      {{"a", "--theads", "3"}, "unknown option \"--theads\"; did you mean --threads?"},
      {{"a", "--theads=3"}, "unknown option \"--theads\"; did you mean --threads?"},
      {{"a", "-v"}, "unknown option \"-v\"; \"bascule verb --help\" lists what it takes"},
      {{"a", "--threads"}, "--threads needs a value: --threads N"},
      {{"a", "--threads", "--overwrite"}, "--threads takes a whole number, not \"--overwrite\""},
      {{"a", "--threads="}, "--threads needs a value: --threads N"},
      {{"a", "--threads=3x"}, "--threads takes a whole number, not \"3x\""},
      {{"a", "--threads=0"}, "--threads takes a number from 1 to 9, not 0"},
      {{"a", "--threads=10"}, "--threads takes a number from 1 to 9, not 10"},
      {{"a", "--memory=1"}, "--memory takes at least 64 MiB, not \"1\""},
      {{"a", "--overwrite=1"}, "--overwrite takes no value"},
      {{"a", "--overwrite=false"}, "--overwrite takes no value"},
      {{"a", "--dtype", "float23"},
       "--dtype takes one of bfloat16, float32, not \"float23\"; did you mean float32?"},
      {{""}, "SRC is empty"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_EQ(refused(mistake.words), mistake.message);
}

TEST(Mentions, LooksBeforeDoubleDash) {
  EXPECT_TRUE(mentions({"a", "--json"}, "--json"));
  EXPECT_FALSE(mentions({"a", "--", "--json"}, "--json"));
  EXPECT_FALSE(mentions({"--json=1"}, "--json"));
}

}  // namespace
}  // namespace bascule::cli
