#include "data/gpt_dataset.h"

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/index_bytes.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

std::shared_ptr<const Corpus> golden() {
  return std::make_shared<const Corpus>(std::in_place_type<IndexedDataset>,
                                        std::filesystem::path("tests/golden/data/a"));
}

GptDataset dataset_of(std::shared_ptr<const Corpus> corpus, const SampleRules& rules,
                      std::optional<int64_t> samples = {},
                      std::optional<SequenceRange> range = {}) {
  const GptDescription description{.path = "x",
                                   .samples = samples,
                                   .sequence_length = rules.sequence_length,
                                   .splits = {},
                                   .tokenizer = {}};
  const SequenceRange all{0, sequences_in(*corpus)};
  return GptDataset(std::move(corpus), description, range.value_or(all), rules, true, {});
}

TEST(GptDataset, ShiftsLabelsByOne) {
  const Dataset dataset(dataset_of(golden(), {.sequence_length = 10}));
  EXPECT_EQ(dataset.size(), 89);
  const std::vector<int64_t> first = {0, 1};
  const SampleBatch batch = read_batch(dataset, first);
  EXPECT_EQ(batch.rows, 2);
  for (size_t row = 0; row < 2; ++row)
    for (size_t i = 0; i + 1 < 10; ++i)
      EXPECT_EQ(batch.labels[row * 10 + i], batch.tokens[row * 10 + i + 1]);
  EXPECT_EQ(batch.position_ids[19], 9);
  EXPECT_EQ(batch.loss_mask, std::vector<float>(20, 1.0F));
}

TEST(GptDataset, MasksAPaddingTokenOfTheTokenizer) {
  // A token that data hold is padding: it is not trained on, and the embedding sees 0.
  const Dataset plain(dataset_of(golden(), {.sequence_length = 10}));
  const std::vector<int64_t> first = {0};
  const SampleBatch before = read_batch(plain, first);
  const int64_t padding = before.labels[4];
  const SampleBatch after =
      read_batch(Dataset(dataset_of(golden(), {.sequence_length = 10, .padding = padding})), first);
  EXPECT_EQ(after.labels[4], 0);
  EXPECT_EQ(after.loss_mask[4], 0.0F);
  EXPECT_EQ(after.tokens[5], 0);
  EXPECT_EQ(after.loss_mask[0], before.labels[0] == padding ? 0.0F : 1.0F);
}

TEST(GptDataset, RefusesTokensBeyondTheVocabulary) {
  const GptDataset narrow = dataset_of(golden(), {.sequence_length = 890, .vocabulary = 599});
  std::vector<int64_t> tokens(890), labels(890), positions(890);
  std::vector<float> mask(890);
  const SampleView out{tokens, labels, positions, mask};
  expect_error(Kind::format, {"x.bin: token", "is 599, beyond the vocabulary of 599"},
               [&] { narrow.read(0, out); });
  dataset_of(golden(), {.sequence_length = 890, .vocabulary = 600}).read(0, out);
  for (const int64_t index : {-1, 1})
    expect_error(Kind::internal, {"does not go there"}, [&] { narrow.read(index, out); });
  expect_error(Kind::internal, {"does not go there"}, [&] {
    narrow.read(0, {.tokens = std::span(tokens).first(5),
                    .labels = labels,
                    .position_ids = positions,
                    .loss_mask = mask});
  });
}

TEST(GptDataset, RefusesWhatItCannotOrder) {
  expect_error(Kind::user, {"x.bin, split train: 1 samples are wanted of a split of 0 sequences"},
               [] {
                 dataset_of(golden(), {.sequence_length = 4}, 1, SequenceRange{5, 5});
               });
  expect_error(Kind::unsupported, {"sequences 0 to 30 of 29"}, [] {
    dataset_of(golden(), {.sequence_length = 4}, 1, SequenceRange{0, 30});
  });
  EXPECT_EQ(dataset_of(golden(), {.sequence_length = 4}, {}, SequenceRange{5, 5}).size(), 0);
  EXPECT_EQ(dataset_of(golden(), {.sequence_length = 5000}).size(), 0);
  const TemporaryDirectory folder;
  IndexBytes floats{.code = 7, .offsets = {0, 12, 12}};
  put(folder / "f.idx", floats.text());
  put(folder / "f.bin", std::string(20, '\1'));
  expect_error(Kind::unsupported, {"holds float32 elements"}, [&] {
    dataset_of(std::make_shared<const Corpus>(std::in_place_type<IndexedDataset>, folder / "f"),
               {.sequence_length = 4});
  });
}

TEST(DocumentStarts, FollowEachEnd) {
  using Starts = std::vector<int64_t>;
  EXPECT_EQ(document_starts(Starts{1, 2, 9, 3, 9, 9, 4}, 9), (Starts{0, 3, 5, 6}));
  EXPECT_EQ(document_starts(Starts{1, 9}, 9), (Starts{0}));
  EXPECT_EQ(document_starts(Starts{9, 9}, 9), (Starts{0, 1}));
  EXPECT_EQ(document_starts(Starts{}, 9), (Starts{0}));
  EXPECT_EQ(own_document_starts(Starts{1, 2, 9, 3, 9, 9, 4}, 9), (Starts{0, 0, 0, 3, 3, 5, 6}));
  EXPECT_EQ(own_document_starts(Starts{1, 2, 9}, 9), (Starts{0, 0, 0}));
  EXPECT_EQ(own_document_starts(Starts{}, 9), (Starts{}));
}

}  // namespace
}  // namespace bascule
