#include "data/dataset_build.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/indexed_dataset.h"
#include "data/indexed_writer.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/golden_data.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// A dataset of Megatron's as the numbers that a build is given.
struct Numbers {
  std::vector<int32_t> tokens, lengths, documents;
};

Numbers numbers_of(const fs::path& prefix) {
  const IndexedDataset dataset(prefix);
  const IndexView& index = dataset.index();
  Numbers all;
  for (int64_t i = 0; i < index.sequences(); ++i) {
    std::vector<int64_t> tokens(static_cast<size_t>(index.length(i)));
    dataset.read(i, 0, tokens);
    for (const int64_t each : tokens) all.tokens.push_back(static_cast<int32_t>(each));
    all.lengths.push_back(index.length(i));
  }
  for (int64_t i = 0; i < index.documents(); ++i)
    all.documents.push_back(
        static_cast<int32_t>(index.document_begin(i + 1) - index.document_begin(i)));
  return all;
}

void expect_same(const fs::path& made, const fs::path& golden) {
  for (const auto& path : {bin_path, idx_path})
    EXPECT_EQ(contents(path(made)), contents(path(golden)));
}

DatasetBuild build_of(const TemporaryDirectory& folder, std::string_view made_of = "this",
                      bool overwrite = false) {
  return {folder / "x", {folder / "x"}, TokenType::u16, made_of, overwrite};
}

fs::path workspace_in(const TemporaryDirectory& folder) {
  for (const fs::directory_entry& each : fs::directory_iterator(folder.path()))
    if (each.path().filename().string().starts_with(".x.partial-")) return each.path();
  return {};
}

TEST(DatasetBuild, WritesWhatMegatronWrites) {
  const TemporaryDirectory folder;
  const Numbers a = numbers_of(kGoldenData / "a"), c = numbers_of(kGoldenData / "c");
  DatasetBuild build(folder / "x", {folder / "a", folder / "c"}, TokenType::u16, "both", false);
  build.add(1, c.tokens, c.lengths, c.documents);
  build.add(0, a.tokens, a.lengths, a.documents);
  const std::vector<DatasetSummary> made = build.finish();
  ASSERT_EQ(made.size(), 2);
  EXPECT_EQ(made[1].tokens, 786);
  expect_same(folder / "a", kGoldenData / "a");
  expect_same(folder / "c", kGoldenData / "c");
  DatasetBuild wide(folder / "b", {folder / "b"}, TokenType::i32, "b", false);
  const Numbers b = numbers_of(kGoldenData / "b");
  wide.add(0, b.tokens, b.lengths, b.documents);
  wide.finish();
  expect_same(folder / "b", kGoldenData / "b");
}

TEST(DatasetBuild, GoesOnAtTheLastRecord) {
  const TemporaryDirectory folder;
  const Numbers a = numbers_of(kGoldenData / "a");
  std::span<const int32_t> tokens = a.tokens;
  for (size_t i = 0; i < a.lengths.size(); ++i) {
    const auto length = static_cast<size_t>(a.lengths[i]);
    DatasetBuild build = build_of(folder);
    EXPECT_EQ(build.position(), i == 0 ? "" : std::to_string(i - 1));
    build.add(0, tokens.first(length), {&a.lengths[i], 1}, {&a.documents[i], 1});
    build.record(std::to_string(i));
    build.add(0, a.tokens, a.lengths, a.documents);  // is not recorded
    tokens = tokens.subspan(length);
  }
  EXPECT_FALSE(fs::exists(folder / "x.bin"));
  DatasetBuild build = build_of(folder);
  build.finish();
  expect_same(folder / "x", kGoldenData / "a");
  EXPECT_EQ(workspace_in(folder), "");
}

TEST(DatasetBuild, OtherWorkIsLeftAlone) {
  const TemporaryDirectory folder;
  build_of(folder, "first").record("1");
  {
    DatasetBuild second = build_of(folder, "second");
    EXPECT_EQ(second.position(), "");
    ASSERT_EQ(second.notices().size(), 1);
    second.finish();
  }  // and leaves the target to others
  EXPECT_EQ(build_of(folder, "first", true).position(), "1");
}

TEST(DatasetBuild, EndsWhatWasInterruptedBetweenTwoNames) {
  const TemporaryDirectory folder;
  const Numbers a = numbers_of(kGoldenData / "a");
  {
    DatasetBuild build = build_of(folder);
    build.add(0, a.tokens, a.lengths, a.documents);
    fs::create_directories(folder / "x.bin");  // is in the way
    expect_error(Kind::user, {"x.bin is in the way"}, [&] { build.finish(); });
  }
  fs::remove(folder / "x.bin");
  fs::rename(workspace_in(folder) / "data/x.bin", folder / "x.bin");
  DatasetBuild build = build_of(folder);
  EXPECT_TRUE(build.complete());
  build.finish();
  expect_same(folder / "x", kGoldenData / "a");
}

TEST(DatasetBuild, RefusesWhatIsThereAndWhatDoesNotFit) {
  const TemporaryDirectory folder;
  DatasetBuild build = build_of(folder);
  const std::vector<int32_t> large = {1, 70000}, one = {1}, two = {2};
  expect_error(Kind::mismatch, {"token 70000, which uint16 cannot hold"},
               [&] { build.add(0, large, two, one); });
  expect_error(Kind::internal, {"do not add up"}, [&] { build.add(0, large, one, one); });
  expect_error(Kind::environment, {"another process"}, [&] { build_of(folder); });
  put(folder / "y.idx", "");
  expect_error(Kind::user, {"y.idx exists; --overwrite replaces it"},
               [&] { DatasetBuild(folder / "y", {folder / "y"}, TokenType::u16, "", false); });
}

TEST(DatasetBuild, NoticesDamage) {
  const TemporaryDirectory folder;
  const Numbers a = numbers_of(kGoldenData / "a");
  {
    DatasetBuild build = build_of(folder);
    build.add(0, a.tokens, a.lengths, a.documents);
    build.record("1");
  }
  const fs::path data = workspace_in(folder) / "data";
  for (const char* name : {"x.bin", "x.lengths", "x.documents"}) {
    const std::string kept = contents(data / name);
    std::string other = kept;
    other[3] ^= 1;
    put(data / name, other);
    expect_error(Kind::format, {name, "does not hold what was written", "rm -r"},
                 [&] { build_of(folder); });
    put(data / name, kept.substr(1));
    expect_error(Kind::format, {name, "bytes long, but"}, [&] { build_of(folder); });
    put(data / name, kept);
  }
  for (const char* journal : {"", "[]", R"({"position": 1})"}) {
    put(workspace_in(folder) / "journal", journal);
    expect_error(Kind::format, {"is no record of work"}, [&] { build_of(folder); });
  }
}

}  // namespace
}  // namespace bascule
