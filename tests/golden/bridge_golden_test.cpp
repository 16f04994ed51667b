// The whole way: import and export of the toys, against what real Megatron Bridge wrote.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "bascule/bridge.h"
#include "bridge/write_hf.h"
#include "golden/goldens.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

class BridgeGolden : public testing::TestWithParam<std::string> {
 protected:
  BridgeGolden()
      : root_(fs::path("tests/golden") / GetParam()),
        work_(fs::temp_directory_path() /
              ("bascule-golden-" + GetParam() + "-" + std::to_string(::getpid()))) {
    fs::create_directories(work_);
  }
  ~BridgeGolden() override { fs::remove_all(work_); }

  fs::path root_, work_;
  NullReporter quiet_;
  Options options_;
};

std::vector<std::byte> data_of(const TensorSource& source, size_t index) {
  const TensorInfo& info = source.tensors()[index];
  std::vector<std::byte> data(static_cast<size_t>(bytes(info.dtype, elements(info.shape))));
  source.read(index, whole(info.shape), data);
  return data;
}

/// Names, shapes, dtypes and bytes, tensor by tensor.
void expect_same_tensors(const TensorSource& ours, const TensorSource& theirs) {
  ASSERT_EQ(ours.tensors().size(), theirs.tensors().size());
  for (size_t i = 0; i < ours.tensors().size(); ++i) {
    const TensorInfo &a = ours.tensors()[i], &b = theirs.tensors()[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.shape, b.shape) << a.name;
    EXPECT_EQ(a.dtype, b.dtype) << a.name;
    EXPECT_TRUE(data_of(ours, i) == data_of(theirs, i)) << a.name;
  }
}

std::string family_of(const std::string& golden) {
  for (const char* end : {"_tied", "_tp2"})
    if (golden.ends_with(end)) return golden.substr(0, golden.size() - std::string(end).size());
  return golden;
}

TEST_P(BridgeGolden, OurImportEqualsThePeers) {
  const Outcome outcome =
      import_checkpoint((root_ / "hf").string(), (work_ / "m").string(), options_, quiet_);
  EXPECT_TRUE(outcome.verified);
  const auto ours = TorchDistSource::open(work_ / "m/iter_0000000");
  const auto theirs = TorchDistSource::open(root_ / "megatron/iter_0000000");
  expect_same_tensors(*ours, *theirs);
  EXPECT_EQ(ours->objects(), theirs->objects());
  for (const std::string& object : ours->objects())
    EXPECT_TRUE(ours->read_object(object) == theirs->read_object(object)) << object;
  EXPECT_EQ(ours->content_metadata(), theirs->content_metadata());
  EXPECT_EQ(ours->train_state(), theirs->train_state());
  EXPECT_EQ(text_of(work_ / "m/latest_checkpointed_iteration.txt"),
            text_of(root_ / "megatron/latest_checkpointed_iteration.txt"));
}

TEST_P(BridgeGolden, OurExportOfThePeersGivesTheOriginalBack) {
  options_.family = family_of(GetParam());
  export_checkpoint((root_ / "megatron").string(), (work_ / "hf").string(), options_, quiet_);
  expect_same_tensors(*open_hf_directory(work_ / "hf").weights,
                      *open_hf_directory(root_ / "hf").weights);
}

TEST_P(BridgeGolden, ARoundTripReturnsEveryByte) {
  import_checkpoint((root_ / "hf").string(), (work_ / "m").string(), options_, quiet_);
  export_checkpoint((work_ / "m").string(), (work_ / "hf").string(), options_, quiet_);
  for (const auto& entry : fs::directory_iterator(root_ / "hf")) {
    const fs::path name = entry.path().filename();
    EXPECT_TRUE(text_of(entry.path()) == text_of(work_ / "hf" / name)) << name;
  }
}

TEST_P(BridgeGolden, AModelInMemoryGivesEveryByteBack) {
  const std::string origin = (root_ / "hf").string();
  import_checkpoint(origin, (work_ / "m").string(), options_, quiet_);
  const Opened tensors = open_megatron(work_ / "m", options_);  // in the place of memory
  const TrainedModel model = trained_model(open_hf(origin, options_), origin);
  const Outcome outcome = export_model(model, tensors.source(), tensors.dialect, tensors.dtype,
                                       (work_ / "hf").string(), options_, quiet_);
  EXPECT_TRUE(outcome.verified);
  EXPECT_EQ(outcome.parameters, model.slots.parameters());
  for (const auto& entry : fs::directory_iterator(root_ / "hf")) {
    const fs::path name = entry.path().filename();
    EXPECT_TRUE(text_of(entry.path()) == text_of(work_ / "hf" / name)) << name;
  }
}

TEST_P(BridgeGolden, AModelInMemoryOfAnotherDtypeSaysSo) {
  const std::string origin = (root_ / "hf").string();
  options_.dtype = "float32";
  import_checkpoint(origin, (work_ / "m").string(), options_, quiet_);
  options_.dtype.clear();
  const Opened tensors = open_megatron(work_ / "m", options_);
  const TrainedModel model = trained_model(open_hf(origin, options_), origin);
  export_model(model, tensors.source(), tensors.dialect, "float32", (work_ / "hf").string(),
               options_, quiet_);
  const Opened written = open_hf((work_ / "hf").string(), options_);
  EXPECT_EQ(written.dtype, "float32");
  for (const TensorInfo& tensor : written.source().tensors())
    EXPECT_EQ(tensor.dtype, DType::f32) << tensor.name;
}

TEST_P(BridgeGolden, WideCheckpointsHoldTheSameTensors) {
  options_.wide = true;
  options_.padded_vocab_multiple = 128;
  import_checkpoint((root_ / "hf").string(), (work_ / "m").string(), options_, quiet_);
  const auto wide = TorchDistSource::open(work_ / "m/iter_0000000");
  const auto embedding = find(*wide, "embedding.word_embeddings.weight");
  ASSERT_TRUE(embedding);
  EXPECT_EQ(wide->tensors()[*embedding].shape[0], 384);
  EXPECT_TRUE(std::ranges::count(wide->objects(), "common_state/shard_0_1"));
  const Report report =
      verify_checkpoints((root_ / "hf").string(), (work_ / "m").string(), options_, quiet_);
  EXPECT_TRUE(report.equal());
  export_checkpoint((work_ / "m").string(), (work_ / "hf").string(), options_, quiet_);
  expect_same_tensors(*open_hf_directory(work_ / "hf").weights,
                      *open_hf_directory(root_ / "hf").weights);
}

TEST_P(BridgeGolden, AnotherDtypeIsWrittenAndVerified) {
  options_.dtype = "float32";
  import_checkpoint((root_ / "hf").string(), (work_ / "m").string(), options_, quiet_);
  const auto wide = TorchDistSource::open(work_ / "m/iter_0000000");
  for (const TensorInfo& tensor : wide->tensors())
    EXPECT_EQ(tensor.dtype, DType::f32) << tensor.name;
  options_.dtype = "bfloat16";  // and back: nothing is lost on the way through the wider type
  export_checkpoint((work_ / "m").string(), (work_ / "hf").string(), options_, quiet_);
  expect_same_tensors(*open_hf_directory(work_ / "hf").weights,
                      *open_hf_directory(root_ / "hf").weights);
}

INSTANTIATE_TEST_SUITE_P(All, BridgeGolden, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace bascule
