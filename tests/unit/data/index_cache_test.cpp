// Caches that are not what they should be: each row spoils one file of a good set.
#include "data/index_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "data/description.h"
#include "data/npy.h"
#include "unit/base/temporary_directory.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

const SampleOrder kOrder{
    .sequences = {2, 6}, .wanted = 5, .sequence_length = 4, .extra_tokens = 1, .seed = 3};

int64_t length(int64_t sequence) { return 3 + sequence; }  // 5, 6, 7, 8

struct Spoiled {
  std::string file;
  std::function<void(const fs::path&)> spoil;
  std::string text;
};

template <class T>
std::function<void(const fs::path&)> holding(std::vector<int64_t> shape, std::vector<T> values) {
  return [=](const fs::path& path) {
    write_npy(path, npy_dtype<T>(), shape, std::as_bytes(std::span(values)));
  };
}

std::function<void(const fs::path&)> with_bytes(const std::string& bytes) {
  return [=](const fs::path& path) { put(path, bytes); };
}

template <class T>
std::function<void(const fs::path&)> changed(int64_t at, T value) {
  return [=](const fs::path& path) {
    std::string bytes = contents(path);
    bytes.replace(128 + static_cast<size_t>(at) * sizeof value, sizeof value,
                  reinterpret_cast<const char*>(&value), sizeof value);
    put(path, bytes);
  };
}

class IndexCache : public testing::Test {
 protected:
  CachePlace place(std::string class_name = "GPTDataset") const {
    return {folder_ / "deep/cache", "{\n}", std::move(class_name), Split::valid};
  }

  const EpochPlan plan_ = plan_epochs(kOrder, 26);
  const TemporaryDirectory folder_;
};

TEST_F(IndexCache, IsNamedAsMegatronNamesIt) {
  EXPECT_EQ(place().file("sample_index.npy").filename(),
            md5_hex("{\n}") + "-GPTDataset-valid-sample_index.npy");
}

TEST_F(IndexCache, GivesBackWhatWasStored) {
  EXPECT_FALSE(load_indices(place(), kOrder, plan_, length));
  const GptIndices built = build_indices(kOrder, plan_, length);
  store_indices(place(), built);
  const std::optional<GptIndices> loaded = load_indices(place(), kOrder, plan_, length);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(std::ranges::equal(loaded->documents.values(), built.documents.values()));
  EXPECT_TRUE(std::ranges::equal(loaded->samples.values(), built.samples.values()));
  EXPECT_TRUE(std::ranges::equal(loaded->shuffle.values(), built.shuffle.values()));
  for (const std::string what :
       {"description.txt", "document_index.npy", "sample_index.npy", "shuffle_index.npy"}) {
    store_indices(place(), built);
    fs::remove(place().file(what));
    EXPECT_FALSE(load_indices(place(), kOrder, plan_, length)) << what << " is not there";
  }
}

TEST_F(IndexCache, RefusesWhatDoesNotFit) {
  ASSERT_EQ(plan_.epochs, 1);
  ASSERT_EQ(plan_.samples, 6);
  const std::vector<Spoiled> rows = {
      {"description.txt", with_bytes("{}"), "does not describe this dataset; remove it"},
      {"description.txt", with_bytes(""), "does not describe this dataset"},
      {"document_index.npy", with_bytes(""), "is not a .npy file"},
      {"document_index.npy", holding<int32_t>({3}, {2, 3, 4}), "<i4 of shape (4) belongs there"},
      {"document_index.npy", holding<int32_t>({2, 2}, {2, 3, 4, 5}), "of shape (2, 2), but"},
      {"document_index.npy", holding<int64_t>({4}, {2, 3, 4, 5}),
       "holds <i8 of shape (4), but <i4"},
      {"document_index.npy", changed<int32_t>(1, 6), "value 1 is 6, not from 2 to 5"},
      {"document_index.npy", changed<int32_t>(0, 1), "value 0 is 1, not from 2 to 5"},
      {"document_index.npy", changed<int32_t>(3, -1), "value 3 is -1, not from 2 to 5"},
      {"sample_index.npy", with_bytes("\x93NUMPY"), "is not a .npy file"},
      {"sample_index.npy", holding<int32_t>({6, 2}, std::vector<int32_t>(12, 0)),
       "of shape (6, 2), but <i4 of shape (7, 2)"},
      {"sample_index.npy", changed<int32_t>(12, 4), "value 12 is 4, no place"},
      {"sample_index.npy", changed<int32_t>(0, -1), "value 0 is -1, no place"},
      {"sample_index.npy", changed<int32_t>(0, 3), ", no place at or behind the one before"},
      {"sample_index.npy", changed<int32_t>(13, 9), "value 13 is 9, no token of its sequence"},
      {"sample_index.npy", changed<int32_t>(1, -1), "value 1 is -1, no token"},
      {"sample_index.npy", changed<int32_t>(1, INT32_MAX), "value 1 is 2147483647, no token"},
      {"shuffle_index.npy", changed<uint32_t>(2, 6), "value 2 is 6, not from 0 to 5"},
      {"shuffle_index.npy", changed<uint32_t>(2, UINT32_MAX), "is 4294967295, not from 0 to 5"},
      {"shuffle_index.npy", holding<int32_t>({6}, {0, 1, 2, 3, 4, 5}), "holds <i4 of shape (6)"},
      {"shuffle_index.npy", holding<uint32_t>({5}, {0, 1, 2, 3, 4}), "holds <u4 of shape (5)"},
  };
  for (const Spoiled& row : rows) {
    SCOPED_TRACE(row.text);
    store_indices(place(), build_indices(kOrder, plan_, length));
    row.spoil(place().file(row.file));
    expect_error(Kind::format, {row.file, row.text},
                 [&] { load_indices(place(), kOrder, plan_, length); });
  }
}

TEST_F(IndexCache, OfABlendIsCheckedToo) {
  const CachePlace blend = place("BlendedDataset");
  const std::vector<int64_t> sizes = {2, 3};
  EXPECT_FALSE(load_indices(blend, 5, sizes));
  store_indices(blend, blend_all(sizes));
  ASSERT_TRUE(load_indices(blend, 5, sizes));
  const std::vector<Spoiled> rows = {
      {"description.txt", with_bytes("x"), "does not describe"},
      {"dataset_index.npy", holding<int16_t>({4}, {0, 0, 1, 1}), "<i2 of shape (5) belongs there"},
      {"dataset_index.npy", changed<int16_t>(4, 2), "value 4 is 2, not from 0 to 1"},
      {"dataset_index.npy", changed<int16_t>(0, -1), "value 0 is -1, not from 0 to 1"},
      {"dataset_sample_index.npy", changed<int64_t>(0, 3), "value 0 is 3, but dataset 1 has 3"},
      {"dataset_sample_index.npy", changed<int64_t>(0, -1), "value 0 is -1, but dataset 1 has 3"},
      {"dataset_sample_index.npy", holding<int32_t>({5}, {0, 0, 0, 0, 0}), "holds <i4"},
  };
  for (const Spoiled& row : rows) {
    SCOPED_TRACE(row.text);
    store_indices(blend, blend_all(sizes));
    row.spoil(blend.file(row.file));
    expect_error(Kind::format, {row.file, row.text}, [&] { load_indices(blend, 5, sizes); });
  }
}

}  // namespace
}  // namespace bascule
