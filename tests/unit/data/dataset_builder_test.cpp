#include "data/dataset_builder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/workers.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/sha256.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

const std::string kA = "tests/golden/data/a", kB = "tests/golden/data/b",
                  kC = "tests/golden/data/c";

DataSettings settings_of(std::optional<DatasetBlend> blend, const std::string& splits = "8,1,1") {
  DataSettings settings;
  settings.blend = std::move(blend);
  settings.splits = splits;
  settings.samples = {20, 2, 0};
  settings.rules.sequence_length = 16;
  return settings;
}

SampleBatch all_of(const Dataset& dataset) {
  std::vector<int64_t> samples(static_cast<size_t>(dataset.size()));
  std::iota(samples.begin(), samples.end(), int64_t{0});
  return read_batch(dataset, samples);
}

TEST(BuildDatasets, MakesUpDataWhereNoneAreNamed) {
  DataSettings settings = settings_of({});
  settings.rules = {.sequence_length = 64, .vocabulary = 500, .end_of_document = 499};
  settings.samples = {100, 10, {}};
  const auto built = build_datasets(settings);
  for (const auto& each : built) ASSERT_TRUE(each);
  EXPECT_GE(built[0]->size(), 100);
  const std::vector<int64_t> some = {0, 17, 99};
  const SampleBatch once = read_batch(*built[0], some),
                    again = read_batch(*build_datasets(settings)[0], some);
  EXPECT_EQ(once.tokens, again.tokens);
  for (size_t i = 0; i + 1 < 64; ++i) {
    const int64_t here = once.tokens[i], next = once.tokens[i + 1];
    EXPECT_TRUE(next == (here + 1) % 500 || next == 499 || here == 499) << here << " " << next;
  }
  settings.rules.vocabulary = 0;
  expect_error(Kind::user, {"mock data need a vocabulary"}, [&] { build_datasets(settings); });
}

struct MockSplit {
  int64_t size;
  std::string description, tokens, labels;  // MD5; SHA-256 of the first 20 samples
};

TEST(BuildDatasets, MakesUpMegatronsData) {
  DataSettings settings = settings_of({});
  settings.rules = {.sequence_length = 64, .vocabulary = 500, .end_of_document = 499};
  settings.samples = {1000, 10, {}};
  settings.tokenizer = {
      {"class", "megatron.core.tokenizers.text.libraries.null_tokenizer.NullTokenizer"}};
  const std::vector<MockSplit> expected = {
      {1065473, "2391b41eb26813512af4400da00d2e63",
       "0531c38d82e790192df5dff5600731d9fd8eae519b0101fb2b22ea2e3a6821ce",
       "fc1c5611150f1e4f80bb6e89b1efb0f77fd7a8694f1164b95d59846ce19aa301"},
      {1064995, "c49a68e967fcdf9d888b8c20a616ef0e",
       "0e057643e25ec161f246a42819be72dae9661db1c30fe33bb383230f9ebb9a81",
       "341354bdeac35d294321653d083de611c9e1f8e7fe83429bcc3d36aec9a6d71f"},
      {1066985, "f23fc979cb69dc3933044e357a3b22db",
       "548d971a703e212e74a3408c7feea729fb72e0bbab1891c547612801b891df83",
       "24eab6d6de6e1f019dcad241b0808f740532e7e47cac6ba3602040cac04c9509"}};
  std::vector<int64_t> first(20);
  std::iota(first.begin(), first.end(), int64_t{0});
  const auto built = build_datasets(settings);
  for (size_t i = 0; i < kSplits; ++i) {
    ASSERT_TRUE(built[i]);
    EXPECT_EQ(built[i]->size(), expected[i].size);
    EXPECT_EQ(md5_hex(description_of(built[i]->parts().front().description())),
              expected[i].description);
    const SampleBatch batch = read_batch(*built[i], first);
    EXPECT_EQ(sha256_of(std::span<const int64_t>(batch.tokens)), expected[i].tokens);
    EXPECT_EQ(sha256_of(std::span<const int64_t>(batch.labels)), expected[i].labels);
  }
}

TEST(BuildDatasets, RefusesSettingsThatCannotBe) {
  const auto refused = [](Kind kind, const std::string& text, const DataSettings& settings) {
    SCOPED_TRACE(text);
    expect_error(kind, {text}, [&] { build_datasets(settings); });
  };
  refused(Kind::user, "a blend has 1 to 32766 datasets, not 0", settings_of(DatasetBlend{{}, {}}));
  refused(Kind::user, "2 datasets and 1 weights", settings_of(DatasetBlend{{kA, kC}, {{1.0}}}));
  for (const double weight : {0.0, -1.0, HUGE_VAL, std::nan("")})
    refused(Kind::user, "it must be above 0", settings_of(DatasetBlend{{kA, kC}, {{1.0, weight}}}));
  refused(Kind::environment, "none.idx", settings_of(DatasetBlend{{"none"}, {}}));
  refused(Kind::user, "is not up to three numbers", settings_of(DatasetBlend{{kA}, {}}, "a,b"));
  refused(Kind::user, "2 samples are wanted of a split of 0 sequences",
          settings_of(DatasetBlend{{kA}, {}}, "999,1,0"));
  DataSettings settings = settings_of(DatasetBlend{{kA}, {}});
  settings.rules.sequence_length = 0;
  refused(Kind::user, "a sequence length of 0", settings);
  settings = settings_of(DatasetBlend{{kA, kC}, {{1.0, 2.0}}});
  settings.samples[1] = std::nullopt;
  refused(Kind::user, "split valid has weights, so a number of samples must be given", settings);
  settings = settings_of(DatasetBlend{{kA, kC}, {{1.0, 2.0}}});
  settings.surplus = -0.1;
  refused(Kind::user, "a surplus of samples of -0.1", settings);
  settings = settings_of(DatasetBlend{{kA}, {}});
  settings.blend_per_split.emplace();
  refused(Kind::user, "exclude each other", settings);
  settings = settings_of(DatasetBlend{{kA, kC}, {}});
  settings.rules.sequence_length = 800;
  refused(Kind::user, "split train of the blend has no sample, not 20", settings);
}

TEST(BuildDatasets, NamesADatasetWithoutSamples) {
  DataSettings settings = settings_of(DatasetBlend{{kA, kC}, {}}, "1");
  settings.samples = {5, 0, 0};
  settings.rules.sequence_length = 800;  // a has 899 tokens, c 786
  expect_error(Kind::user, {"data/c has no sample in split train: take it out of the blend"},
               [&] { build_datasets(settings); });
}

TEST(BuildDatasets, LeavesOutSplitsWithoutAShare) {
  const auto built = build_datasets(settings_of(DatasetBlend{{kA}, {}}, "9,1"));
  EXPECT_TRUE(built[0]);
  EXPECT_TRUE(built[1]);
  EXPECT_FALSE(built[2]);
  DataSettings settings = settings_of({});
  settings.blend_per_split.emplace();
  (*settings.blend_per_split)[1] = DatasetBlend{{kB}, {}};
  const auto each = build_datasets(settings);
  EXPECT_FALSE(each[0]);
  ASSERT_TRUE(each[1]);
  EXPECT_EQ(each[1]->parts().front().plan().tokens_per_epoch, 1028);
}

TEST(BuildDatasets, KeepsAnEmptyBlendThatNobodyNeeds) {
  DataSettings settings = settings_of(DatasetBlend{{kA, kC}, {}}, "98,1,1");
  settings.samples = {20, 0, 0};
  const auto built = build_datasets(settings);
  ASSERT_TRUE(built[1]);
  EXPECT_EQ(built[1]->size(), 0);
}

TEST(BuildDatasets, GivesTheSameThroughACache) {
  const TemporaryDirectory folder;
  DataSettings settings = settings_of(DatasetBlend{{kA, kC}, {{1.0, 2.0}}});
  const SampleBatch without = all_of(*build_datasets(settings)[0]);
  settings.cache = folder / "cache";
  EXPECT_EQ(all_of(*build_datasets(settings)[0]).tokens, without.tokens);
  EXPECT_EQ(all_of(*build_datasets(settings)[0]).tokens, without.tokens);
  settings.seed = 5;
  EXPECT_NE(all_of(*build_datasets(settings)[0]).tokens, without.tokens);
}

TEST(BuildDatasets, MayBeDoneAndReadByManyAtOnce) {
  const TemporaryDirectory folder;
  DataSettings settings = settings_of(DatasetBlend{{kA, kC}, {{1.0, 2.0}}});
  const SampleBatch alone = all_of(*build_datasets(settings)[0]);
  settings.cache = folder / "cache";
  parallel(4, 8, [&](size_t, int) {
    const auto built = build_datasets(settings);
    EXPECT_EQ(all_of(*built[0]).tokens, alone.tokens);
  });
  const Dataset shared = *build_datasets(settings)[0];
  parallel(4, 8, [&](size_t, int) { EXPECT_EQ(all_of(shared).labels, alone.labels); });
}

}  // namespace
}  // namespace bascule
