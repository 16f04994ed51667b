#include "data/dataset_tools.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/indexed_dataset.h"
#include "data/indexed_writer.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/golden_data.h"
#include "unit/data/index_bytes.h"
#include "unit/data/sha256.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

class Count final : public Reporter {
 public:
  void phase(std::string_view, int64_t total_bytes) override { total = total_bytes; }
  void advance(int64_t bytes) override { done += bytes; }
  void note(std::string_view) override {}
  void warn(std::string_view) override {}

  int64_t total = 0, done = 0;
};

DatasetCheck checked(const fs::path& prefix, int64_t vocabulary = 0) {
  NullReporter nobody;
  return check_dataset(prefix, vocabulary, nobody);
}

TEST(Summary, CountsWhatIsThere) {
  const DatasetSummary b = summary_of(kGoldenData / "b");
  EXPECT_EQ(b.type, TokenType::i32);
  EXPECT_EQ(b.documents, 20);
  EXPECT_EQ(b.sequences, 40);
  EXPECT_EQ(b.tokens, 1028);
  EXPECT_EQ(b.bytes, 4112 + 682);
}

TEST(DatasetsAt, AreThoseOfAFolder) {
  const std::vector<fs::path> all = {kGoldenData / "a", kGoldenData / "b", kGoldenData / "c"};
  EXPECT_EQ(datasets_at(kGoldenData), all);
  EXPECT_EQ(datasets_at(kGoldenData / "b.idx"), std::vector<fs::path>{all[1]});
  EXPECT_EQ(datasets_at("no/such"), std::vector<fs::path>{"no/such"});
  const TemporaryDirectory folder;
  expect_error(Kind::user, {"has no indexed dataset"}, [&] { datasets_at(folder.path()); });
  // Megatron keeps caches in a folder with the dataset's own name.
  put(folder / "x/cache/y.idx", "");
  put(folder / "x.idx", "");
  EXPECT_EQ(datasets_at(folder / "x"), std::vector<fs::path>{folder / "x"});
}

TEST(Check, FindsNothingInGoodOnes) {
  Count count;
  const DatasetCheck c = check_dataset(kGoldenData / "c", 600, count);
  EXPECT_EQ(c.empty_sequences, 1);
  EXPECT_EQ(c.longest_sequence, 59);
  EXPECT_GE(c.smallest_token, 0);
  EXPECT_EQ(c.largest_token, 599);
  EXPECT_EQ(count.total, 1572);
  EXPECT_EQ(count.done, count.total);
  EXPECT_EQ(checked(kGoldenData / "a").largest_token, 599);
  EXPECT_EQ(checked(kGoldenData / "b", 100000).largest_token, 99999);
}

TEST(Check, NamesTheFirstProblem) {
  expect_error(Kind::format, {"a.bin: token", "is 599, beyond the vocabulary of 599"},
               [] { checked(kGoldenData / "a", 599); });
  const TemporaryDirectory folder;
  const auto with = [&](const IndexBytes& index, const std::string& bin) {
    put(folder / "x.idx", index.text());
    put(folder / "x.bin", bin);
    checked(folder / "x");
  };
  with({}, std::string(10, '\1'));
  expect_error(Kind::format, {"x.bin is short: 9 bytes"}, [&] { with({}, std::string(9, '\1')); });
  expect_error(Kind::format, {"x.bin is 11 bytes long, but its last sequence ends at byte 10"},
               [&] { with({}, std::string(11, '\1')); });
  expect_error(Kind::format, {"sequence 1 begins at byte 4, but the one before ends at byte 6"},
               [&] {
                 with({.offsets = {0, 4, 6}}, std::string(10, '\1'));
               });
  expect_error(Kind::format, {"sequence 0 begins at byte 2"}, [&] {
    with({.offsets = {2, 8, 8}}, std::string(12, '\1'));
  });
  expect_error(Kind::format, {"x.bin: token 2 of sequence 0 is -1, below 0"}, [&] {
    with({.code = 2, .offsets = {0, 3, 3}}, std::string("\1\1\xff\1\1", 5));
  });
  expect_error(Kind::format, {"x.idx holds float32 elements, which are no tokens"}, [&] {
    with({.code = 7, .offsets = {0, 12, 12}}, std::string(20, '\1'));
  });
}

TEST(Merge, PutsDocumentsOneAfterTheOther) {
  const TemporaryDirectory folder;
  const std::vector<fs::path> inputs = {kGoldenData / "a", kGoldenData / "c", kGoldenData / "a"};
  Count count;
  const DatasetSummary made = merge_datasets(folder / "all", inputs, false, count);
  EXPECT_EQ(made.documents, 29 + 23 + 29);
  EXPECT_EQ(made.tokens, 899 + 786 + 899);
  EXPECT_EQ(count.done, count.total);
  EXPECT_EQ(contents(folder / "all.bin"), contents(kGoldenData / "a.bin") +
                                              contents(kGoldenData / "c.bin") +
                                              contents(kGoldenData / "a.bin"));
  // What Megatron's own IndexedDatasetBuilder.add_index made of these three.
  EXPECT_EQ(sha256(contents(folder / "all.bin")),
            "995961c711c7d1c5629a42ea6205e0da0f78a8f159c8137f64658e53284ac283");
  EXPECT_EQ(sha256(contents(folder / "all.idx")),
            "c3b3226dd50899fb2b048e0d3b89bbdcd8158fa81839325ac4e4825c0a9a5ba0");
  const IndexedDataset all(folder / "all"), c(kGoldenData / "c");
  for (int64_t i = 0; i < 23; ++i) EXPECT_EQ(all.index().length(29 + i), c.index().length(i));
  EXPECT_EQ(all.index().document_begin(29 + 5), 29 + 5);
  EXPECT_EQ(checked(folder / "all", 600).empty_sequences, 1);
}

TEST(Merge, OfOneIsACopy) {
  const TemporaryDirectory folder;
  NullReporter nobody;
  const std::vector<fs::path> inputs = {kGoldenData / "b"};
  merge_datasets(folder / "copy", inputs, false, nobody);
  EXPECT_EQ(contents(folder / "copy.idx"), contents(kGoldenData / "b.idx"));
  EXPECT_EQ(contents(folder / "copy.bin"), contents(kGoldenData / "b.bin"));
}

TEST(Merge, MayReplaceAnInput) {
  const TemporaryDirectory folder;
  NullReporter nobody;
  fs::copy(kGoldenData / "a.idx", folder / "a.idx");
  fs::copy(kGoldenData / "a.bin", folder / "a.bin");
  const std::vector<fs::path> inputs = {folder / "a", folder / "a"};
  expect_error(Kind::user, {"a.bin exists"},
               [&] { merge_datasets(folder / "a", inputs, false, nobody); });
  EXPECT_EQ(merge_datasets(folder / "a", inputs, true, nobody).tokens, 2 * 899);
}

TEST(Merge, RefusesWhatDoesNotFit) {
  const TemporaryDirectory folder;
  NullReporter nobody;
  const std::vector<fs::path> mixed = {kGoldenData / "a", kGoldenData / "b"};
  expect_error(Kind::unsupported, {"a holds uint16 and", "b holds int32", "of one type"},
               [&] { merge_datasets(folder / "x", mixed, false, nobody); });
  expect_error(Kind::user, {"nothing to merge"},
               [&] { merge_datasets(folder / "x", {}, false, nobody); });
  IndexBytes modes;
  modes.rest = std::string(3, '\1');
  put(folder / "m.idx", modes.text());
  put(folder / "m.bin", std::string(10, '\1'));
  const std::vector<fs::path> multimodal = {folder / "m"};
  expect_error(Kind::unsupported, {"m has a mode for each sequence"},
               [&] { merge_datasets(folder / "x", multimodal, false, nobody); });
  EXPECT_FALSE(fs::exists(folder / "x.bin"));
}

}  // namespace
}  // namespace bascule
