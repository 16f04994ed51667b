#include "data/indexed_dataset.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/indexed_writer.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/golden_data.h"
#include "unit/data/index_bytes.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

std::vector<int64_t> tokens_of(const IndexedDataset& dataset, int64_t sequence) {
  std::vector<int64_t> tokens(static_cast<size_t>(dataset.index().length(sequence)));
  dataset.read(sequence, 0, tokens);
  return tokens;
}

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(IndexedDataset, ReadsWhatMegatronWrote) {
  const IndexedDataset a(kGoldenData / "a"), b(kGoldenData / "b"), c(kGoldenData / "c");
  EXPECT_EQ(a.index().type(), TokenType::u16);
  EXPECT_EQ(a.index().documents(), 29);
  EXPECT_EQ(a.index().tokens(), 899);
  EXPECT_EQ(b.index().type(), TokenType::i32);
  EXPECT_EQ(b.index().documents(), 20);
  EXPECT_EQ(b.index().sequences(), 40);
  EXPECT_EQ(c.index().documents(), 23);
  EXPECT_EQ(c.index().length(11), 0);
  for (int64_t i = 0; i < 29; ++i) EXPECT_EQ(tokens_of(a, i).back(), 599) << i;
  std::vector<int64_t> part(2);
  a.read(0, a.index().length(0) - 2, part);
  EXPECT_EQ(part[1], 599);
}

TEST(IndexedDataset, RefusesToReadBeyond) {
  const IndexedDataset a(kGoldenData / "a");
  std::vector<int64_t> out(static_cast<size_t>(a.index().length(3)) + 1);
  for (const auto& [sequence, first] :
       {std::pair<int64_t, int64_t>{3, 0}, {3, -1}, {3, 1000}, {29, 0}, {-1, 0}})
    expect_error(Kind::internal, {"a.idx"}, [&, s = sequence, f = first] { a.read(s, f, out); });
}

TEST(IndexedDataset, TakesAnyOfTheNames) {
  EXPECT_EQ(dataset_prefix("x/a"), "x/a");
  EXPECT_EQ(dataset_prefix("x/a.idx"), "x/a");
  EXPECT_EQ(dataset_prefix("x/a.bin"), "x/a");
  EXPECT_EQ(dataset_prefix("x/a.v2"), "x/a.v2");
  EXPECT_EQ(idx_path("x/a.v2"), "x/a.v2.idx");
  EXPECT_EQ(bin_path("x/a.v2"), "x/a.v2.bin");
}

TEST(IndexedDataset, RefusesBrokenPairs) {
  const TemporaryDirectory folder;
  expect_error(Kind::environment, {"cannot open", "none.idx"},
               [&] { IndexedDataset(folder / "none"); });
  put(folder / "x.idx", IndexBytes{}.text());
  expect_error(Kind::environment, {"cannot open", "x.bin"}, [&] { IndexedDataset(folder / "x"); });
  put(folder / "x.bin", "123456789");
  expect_error(Kind::format, {"x.bin is short: 9 bytes", "x.idx ends at byte 10", "make it again"},
               [&] { IndexedDataset(folder / "x"); });
  put(folder / "x.bin", "");
  expect_error(Kind::format, {"x.bin is short: 0 bytes"}, [&] { IndexedDataset(folder / "x"); });
  put(folder / "x.bin", "1234567890");
  EXPECT_EQ(IndexedDataset(folder / "x").index().tokens(), 5);
  put(folder / "x.idx", "");
  expect_error(Kind::format, {"x.idx is not the index"}, [&] { IndexedDataset(folder / "x"); });
  fs::remove(folder / "x.idx");
  fs::create_directory(folder / "x.idx");
  expect_error(Kind::environment, {"x.idx is a directory"}, [&] { IndexedDataset(folder / "x"); });
}

TEST(IndexedDatasetWriter, WritesMegatronsBytes) {
  const TemporaryDirectory folder;
  for (const std::string name : {"a", "b", "c"}) {
    const IndexedDataset golden(kGoldenData / name);
    IndexedDatasetWriter writer(folder / name, golden.index().type());
    for (int64_t document = 0; document < golden.index().documents(); ++document) {
      for (int64_t i = golden.index().document_begin(document);
           i < golden.index().document_begin(document + 1); ++i)
        writer.add_sequence(tokens_of(golden, i));
      writer.end_document();
    }
    writer.finish();
    EXPECT_EQ(contents(folder / (name + ".idx")), contents(kGoldenData / (name + ".idx")));
    EXPECT_EQ(contents(folder / (name + ".bin")), contents(kGoldenData / (name + ".bin")));
  }
  EXPECT_EQ(files_in(folder.path()), 6U) << "something else was left behind";
}

TEST(IndexedDatasetWriter, WritesEveryType) {
  const TemporaryDirectory folder;
  struct Bounds {
    TokenType type;
    int64_t least, most;
  };
  for (const auto& [type, least, most] :
       {Bounds{TokenType::u8, 0, 255}, Bounds{TokenType::i8, -128, 127},
        Bounds{TokenType::i16, -32768, 32767}, Bounds{TokenType::u16, 0, 65535},
        Bounds{TokenType::i32, INT32_MIN, INT32_MAX},
        Bounds{TokenType::i64, INT64_MIN, INT64_MAX}}) {
    const std::vector<int64_t> tokens = {least, most, 1};
    IndexedDatasetWriter writer(folder / "x", type, true);
    writer.add_sequence(tokens);
    for (const int64_t step : {-1, 1}) {
      if (type == TokenType::i64) continue;  // nothing is beyond
      const int64_t beyond = (step < 0 ? least : most) + step;
      const std::vector<int64_t> bad = {0, beyond};
      expect_error(Kind::user, {"token 1 of sequence 1 is", std::string(name(type))},
                   [&] { writer.add_sequence(bad); });
    }
    writer.end_document();
    writer.finish();
    const IndexedDataset read(folder / "x");
    EXPECT_EQ(read.index().type(), type);
    EXPECT_EQ(read.index().sequences(), 1);
    EXPECT_EQ(tokens_of(read, 0), tokens);
  }
  IndexedDatasetWriter floats(folder / "f", TokenType::f32);
  const std::vector<int64_t> one = {1};
  expect_error(Kind::unsupported, {"float32 are no tokens"}, [&] { floats.add_sequence(one); });
}

TEST(IndexedDatasetWriter, WritesNothingAtAll) {
  const TemporaryDirectory folder;
  IndexedDatasetWriter(folder / "x", TokenType::i32).finish();
  EXPECT_EQ(IndexedDataset(folder / "x").index().documents(), 0);
}

TEST(IndexedDatasetWriter, ReplacesOnlyWhenAsked) {
  const TemporaryDirectory folder;
  IndexedDatasetWriter(folder / "x", TokenType::i32).finish();
  expect_error(Kind::user, {"x.bin exists; --overwrite"},
               [&] { IndexedDatasetWriter(folder / "x", TokenType::u16); });
  fs::remove(folder / "x.bin");
  expect_error(Kind::user, {"x.idx exists; --overwrite"},
               [&] { IndexedDatasetWriter(folder / "x", TokenType::u16); });
  IndexedDatasetWriter(folder / "x", TokenType::u16, true).finish();
  EXPECT_EQ(IndexedDataset(folder / "x").index().type(), TokenType::u16);
  fs::remove(folder / "x.bin");
  fs::create_symlink("elsewhere", folder / "x.bin");
  expect_error(Kind::user, {"x.bin is in the way"},
               [&] { IndexedDatasetWriter(folder / "x", TokenType::u16, true); });
}

TEST(IndexedDatasetWriter, LeavesNothingWhenItIsGivenUp) {
  const TemporaryDirectory folder;
  {
    IndexedDatasetWriter writer(folder / "x", TokenType::u16);
    const std::vector<int64_t> tokens = {1, 2};
    writer.add_sequence(tokens);
    expect_error(Kind::user, {"the last document of", "is not ended"}, [&] { writer.finish(); });
    EXPECT_FALSE(fs::exists(folder / "x.bin"));
  }
  EXPECT_EQ(files_in(folder.path()), 0U);
  expect_error(Kind::environment, {"cannot create"},
               [&] { IndexedDatasetWriter(folder / "no/such/x", TokenType::u16); });
  expect_error(Kind::user, {"names no dataset"},
               [&] { IndexedDatasetWriter(folder.path() / "", TokenType::u16); });
}

}  // namespace
}  // namespace bascule
