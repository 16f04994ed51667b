#include "convert/executor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>

#include "bascule/error.h"
#include "base/crc.h"
#include "convert/codec.h"
#include "store/memory_source.h"
#include "store/safetensors.h"
#include "store/safetensors_output.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

TEST(Windows, TileABoxInOrder) {
  for (const Shape& shape : {Shape{7, 5, 9}, Shape{1, 1, 1000}, Shape{3, 4000}, Shape{}, Shape{6}})
    for (const int64_t limit : {64, 200, 4096}) {
      const Box box{Shape(shape.size(), 2), shape};
      int64_t count = 0;
      Shape expected = box.at;
      for (const Box& window : windows(box, DType::bf16, limit)) {
        EXPECT_LE(bytes(DType::bf16, elements(window.extent)), std::max<int64_t>(limit, 128));
        EXPECT_TRUE(shape.empty() || window.at >= expected) << "not in row-major order";
        expected = window.at;
        count += elements(window.extent);
      }
      EXPECT_EQ(count, elements(shape));
    }
  EXPECT_TRUE(windows({{0, 0}, {0, 4}}, DType::f32, 100).empty());
}

TEST(Windows, StayWithinTheMemoryAsked) {
  EXPECT_EQ(window_bytes(int64_t{150} << 20, 2), int64_t{4} << 20);
  EXPECT_EQ(window_bytes(int64_t{64} << 20, 2), int64_t{3} << 20);
  EXPECT_EQ(window_bytes(int64_t{64} << 20, 64), int64_t{256} << 10);
}

/// Counts what it reads, and fails when told to.
class Watched final : public TensorSource {
 public:
  explicit Watched(const MemorySource& source) : source_(source) {}
  const std::vector<TensorInfo>& tensors() const override { return source_.tensors(); }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override {
    if (left && --left == 0) throw Error(Kind::environment, "the disk broke");
    total += static_cast<int64_t>(out.size());
    source_.read(index, box, out);
  }
  std::pair<size_t, int64_t> place(size_t index) const override { return source_.place(index); }
  mutable std::atomic<int64_t> left = 0, total = 0;

 private:
  const MemorySource& source_;
};

class Executor : public testing::Test {
 protected:
  Executor()
      : folder_(fs::temp_directory_path() / ("bascule-executor-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    for (int i = 0; i < 12; ++i) {
      std::vector<std::byte> data(static_cast<size_t>(kRows) * 1024 * 2);
      for (size_t k = 0; k < data.size(); ++k)
        data[k] = static_cast<std::byte>(k * 31 + k / 777 + static_cast<size_t>(i));
      source_.add({"t" + std::to_string(100 + i), DType::bf16, {kRows, 1024}}, std::move(data));
    }
    std::vector<SafetensorsShard> shards = {{"a.safetensors", {}}, {"b.safetensors", {}}};
    for (size_t i = 0; i < source_.tensors().size(); ++i)
      shards[i % 2].tensors.push_back(source_.tensors()[i].name);
    output_ = safetensors_output(source_.tensors(), shards);
    plan_ = identity(source_);
  }
  ~Executor() override { fs::remove_all(folder_); }

  std::vector<Manifest::Entry> run(const TensorSource& source, Workspace& workspace) {
    NullReporter quiet;
    return execute(output_, Gather(plan_, {&source}), workspace, quiet, {});
  }
  void expect_whole(const fs::path& directory) {
    const SafetensorsSource written({directory / "a.safetensors", directory / "b.safetensors"});
    ASSERT_EQ(written.tensors().size(), source_.tensors().size());
    for (size_t i = 0; i < written.tensors().size(); ++i) {
      std::vector<std::byte> data(source_.data(i).size());
      written.read(i, whole(written.tensors()[i].shape), data);
      EXPECT_TRUE(data == source_.data(i)) << written.tensors()[i].name;
    }
  }

  static constexpr int64_t kRows = 8192;  // 16 MiB a tensor
  fs::path folder_;
  MemorySource source_;
  Output output_;
  Plan plan_;
};

TEST_F(Executor, WritesEveryByteAndHashesIt) {
  Workspace workspace(folder_ / "out", "plan1");
  const auto entries = run(source_, workspace);
  expect_whole(workspace.directory());
  NullReporter quiet;
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(describe_file(workspace.directory() / output_.files[i].name, quiet), entries[i]);
}

TEST_F(Executor, ResumesWhatIsWholeAndReadsNoMore) {
  const Watched watched(source_);
  {
    Workspace workspace(folder_ / "out", "plan1");
    watched.left = 40;
    EXPECT_THROW(run(watched, workspace), Error);
  }
  watched.left = 0;
  watched.total = 0;
  Workspace workspace(folder_ / "out", "plan1");
  EXPECT_TRUE(workspace.resumed());
  run(watched, workspace);
  expect_whole(workspace.directory());
  EXPECT_LT(watched.total, 12 * kRows * 1024 * 2) << "nothing was resumed";
}

TEST_F(Executor, DoesNotTrustWhatItResumes) {
  const Watched watched(source_);
  {
    Workspace workspace(folder_ / "out", "plan1");
    watched.left = 40;
    EXPECT_THROW(run(watched, workspace), Error);
  }
  for (const char* name : {"a.safetensors", "b.safetensors"}) {
    Workspace workspace(folder_ / "out", "plan1");
    std::fstream file(workspace.directory() / name,
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1 << 20);
    file.put('\x55');
    file.put('\xAA');
  }
  watched.left = 0;
  Workspace workspace(folder_ / "out", "plan1");
  run(watched, workspace);
  expect_whole(workspace.directory());
}

TEST_F(Executor, ForgetsWhatAnotherPlanBegan) {
  {
    const Watched watched(source_);
    watched.left = 40;
    Workspace workspace(folder_ / "out", "plan1");
    EXPECT_THROW(run(watched, workspace), Error);
  }
  Workspace workspace(folder_ / "out", "plan2");
  EXPECT_FALSE(workspace.resumed());
  EXPECT_EQ(workspace.others().size(), 1u);
}

TEST_F(Executor, PutsTheCrcBehindTheData) {
  // One unit whose `after` wants the CRC at two places.
  Output output;
  output.tensors = {source_.tensors()[0]};
  const int64_t size = static_cast<int64_t>(source_.data(0).size());
  output.units.push_back(
      {.file = 0,
       .offset = 0,
       .frame = std::make_shared<const Frame>(Frame{"head", "....tail....", {0, 8}}),
       .tensor = 0,
       .box = whole(output.tensors[0].shape),
       .data_bytes = size});
  output.files.push_back({"one", output.units[0].end()});
  Workspace workspace(folder_ / "one", "plan3");
  NullReporter quiet;
  execute(output, Gather(plan_, {&source_}), workspace, quiet, {});
  std::ifstream file(workspace.directory() / "one", std::ios::binary);
  file.seekg(4 + size);
  char after[12];
  file.read(after, 12);
  uint32_t crcs[2];
  std::memcpy(&crcs[0], after, 4);
  std::memcpy(&crcs[1], after + 8, 4);
  EXPECT_EQ(crcs[0], crc32(0, source_.data(0)));
  EXPECT_EQ(crcs[1], crcs[0]);
  EXPECT_EQ(std::string(after + 4, 4), "tail");
}

}  // namespace
}  // namespace bascule
