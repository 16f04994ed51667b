#include "convert/journal.h"

#include <gtest/gtest.h>

#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

const Hash kOne = hash_from_hex("0123456789abcdef0123456789abcdef");
const Hash kTwo = hash_from_hex("fedcba9876543210fedcba9876543210");

std::string line(size_t file, int64_t bytes, const Hash& hash = kOne) {
  return journal_line(file, {bytes, hash});
}

TEST(Journal, ReadsWhatItWrote) {
  const std::string text = line(0, 8) + line(2, 5, kTwo) + line(0, 16, kTwo);
  EXPECT_EQ(line(2, 5), "2 5 0123456789abcdef0123456789abcdef\n");
  const Marks marks = parse_journal(text, 3);
  EXPECT_EQ(marks.end, text.size());
  EXPECT_EQ(marks.of, (std::vector<std::vector<Mark>>{{{8, kOne}, {16, kTwo}}, {}, {{5, kTwo}}}));
}

TEST(Journal, EndsAtALineThatMakesNoSense) {
  const std::string hex = kOne.hex(), good = line(0, 8);
  const std::string bad[] = {
      "0 16 " + hex.substr(1) + "\n",  // torn, or another hash
      "0 16 " + hex,                   // without its end
      "0 16\n",                        //
      "0 16 " + hex + " 1\n",          // more than a line has
      " 0 16 " + hex + "\n",           //
      "0  16 " + hex + "\n",           //
      "2 16 " + hex + "\n",            // no such file
      "-1 16 " + hex + "\n",           //
      "0 -16 " + hex + "\n",           //
      "0 0 " + hex + "\n",             //
      "0 8 " + hex + "\n",             // not farther than before
      "0 99999999999999999999 " + hex + "\n",
      "0 16 " + std::string(32, 'g') + "\n",
      "\n",
      std::string(40, '\0') + "\n",
  };
  for (const std::string& text : bad) {
    const Marks marks = parse_journal(good + text + line(0, 32), 2);
    EXPECT_EQ(marks.end, good.size()) << text;
    EXPECT_EQ(marks.of[0], (std::vector<Mark>{{8, kOne}})) << text;
  }
}

TEST(Journal, CutsOffWhatMakesNoSenseAndGoesOn) {
  const TemporaryDirectory temporary;
  const auto path = temporary.path() / "journal";
  { Journal(path, 2).add(1, {8, kOne}); }
  {
    const File file = File::modify(path);
    file.pwrite_all(file.size(), as_bytes(std::string_view("1 1")));
  }
  Journal again(path, 2);
  EXPECT_EQ(again.marks(1), (std::vector<Mark>{{8, kOne}}));
  again.add(1, {9, kTwo});
  EXPECT_EQ(read_small_file(path, 1000), line(1, 8) + line(1, 9, kTwo));
}

}  // namespace
}  // namespace bascule
