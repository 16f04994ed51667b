// What the real megatron-core 0.16.1 built from tests/golden/data: every index, every cache file
// with its name, and the first samples of each split, byte for byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/dataset_builder.h"
#include "data/npy.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/sha256.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kSamples = 20;  // recorded of each split

Json read_cases() { return Json::parse(contents("tests/golden/data/cases.json")); }

DatasetBlend blend_of(const Json& names, const Json& weights) {
  DatasetBlend blend;
  // As they were named when Megatron ran: the caches' names depend on it.
  for (const Json& each : names) blend.prefixes.push_back("data/" + each.get<std::string>());
  if (!weights.is_null()) blend.weights = weights.get<std::vector<double>>();
  return blend;
}

DataSettings settings_of(const Json& given, const fs::path& cache) {
  DataSettings settings;
  if (given.contains("per_split")) {
    settings.blend_per_split.emplace();
    for (size_t i = 0; i < kSplits; ++i)
      if (const Json& each = given["per_split"][i]; !each.is_null())
        (*settings.blend_per_split)[i] = blend_of(each[0], each[1]);
  } else {
    settings.blend = blend_of(given["blend"], given.value("weights", Json()));
    settings.splits = given["split"];
  }
  for (size_t i = 0; i < kSplits; ++i)
    if (const Json& size = given["sizes"][i]; !size.is_null()) settings.samples[i] = size;
  settings.seed = given["random_seed"];
  settings.drop_last_partial_validation =
      given.value("drop_last_partial_validation_sequence", true);
  settings.rules = {.sequence_length = given["seq"],
                    .extra_token = given.value("add_extra_token_to_sequence", true),
                    .vocabulary = given["eod"].get<int64_t>() + 1,
                    .end_of_document = given["eod"],
                    .reset_position_ids = given["reset_position_ids"],
                    .eod_mask_loss = given["eod_mask_loss"]};
  settings.tokenizer = {
      {"class", "megatron.core.tokenizers.text.libraries.null_tokenizer.NullTokenizer"}};
  settings.cache = cache;
  return settings;
}

class MegatronCases : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    all_ = read_cases();
    fs::current_path("tests/golden");
  }
  void TearDown() override { fs::current_path(before_); }

  const Json& golden() const { return all_.at(GetParam()); }

  template <class T>
  void expect_array(const std::string& name, std::string_view dtype,
                    const std::vector<int64_t>& shape, std::span<const T> values) {
    const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    const Json& arrays = golden()["arrays"];
    ASSERT_TRUE(arrays.contains(name)) << name;
    EXPECT_EQ(sha256(npy_header(dtype, shape) + bytes), arrays[name].get<std::string>()) << name;
    ++compared_;
  }
  template <class T>
  void expect_index(const std::string& name, const HeldArray<T>& array, int64_t columns = 1) {
    std::vector<int64_t> shape = {array.size() / columns};
    if (columns > 1) shape.push_back(columns);
    expect_array(name, npy_dtype<T>(), shape, array.values());
  }

  void expect_indices(const std::string& prefix, const GptIndices& indices) {
    expect_index(prefix + "document_index.npy", indices.documents);
    expect_index(prefix + "sample_index.npy", indices.samples, 2);
    expect_index(prefix + "shuffle_index.npy", indices.shuffle);
  }

  void expect_samples(const std::string& split, const Dataset& dataset);
  void expect_attention(const std::string& split, const SampleBatch& batch);
  void expect_split(const std::string& split, const Dataset& dataset);

  size_t compared_ = 0;

 private:
  const fs::path before_ = fs::current_path();
  Json all_;
};

/// Megatron's mask, True where a token is hidden, from our starts of documents.
void MegatronCases::expect_attention(const std::string& split, const SampleBatch& batch) {
  std::string hidden;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const std::vector<int64_t> starts = own_document_starts(
        std::span(batch.tokens)
            .subspan(static_cast<size_t>(row * batch.length), static_cast<size_t>(batch.length)),
        golden()["settings"]["eod"]);
    for (int64_t query = 0; query < batch.length; ++query)
      for (int64_t key = 0; key < batch.length; ++key)
        hidden += static_cast<char>(key < starts.at(static_cast<size_t>(query)) || key > query);
  }
  expect_array<char>(split + "_attention_mask.npy", "|b1",
                     {batch.rows, 1, batch.length, batch.length}, hidden);
}

void MegatronCases::expect_samples(const std::string& split, const Dataset& dataset) {
  std::vector<int64_t> first(static_cast<size_t>(std::min(kSamples, dataset.size())));
  if (first.empty()) return;
  std::iota(first.begin(), first.end(), int64_t{0});
  const SampleBatch batch = read_batch(dataset, first);
  const std::vector<int64_t> shape = {batch.rows, batch.length};
  const auto expect_ids = [&](const std::string& what, const std::vector<int64_t>& values) {
    const std::vector<int32_t> narrow(values.begin(), values.end());
    expect_array<int32_t>(split + "_" + what + ".npy", "<i4", shape, narrow);
  };
  expect_ids("tokens", batch.tokens);
  expect_ids("labels", batch.labels);
  expect_ids("position_ids", batch.position_ids);
  expect_array<float>(split + "_loss_mask.npy", "<f4", shape, batch.loss_mask);
  if (golden()["settings"]["reset_attention_mask"]) expect_attention(split, batch);
}

void MegatronCases::expect_split(const std::string& split, const Dataset& dataset) {
  const Json& expected = golden()["splits"][split];
  EXPECT_EQ(dataset.size(), expected["len"]);
  ASSERT_EQ(dataset.parts().size(), expected["datasets"].size());
  const bool blended = expected.contains("size");
  for (size_t i = 0; i < dataset.parts().size(); ++i) {
    const GptDataset& part = dataset.parts()[i];
    const Json& wanted = expected["datasets"][i];
    EXPECT_EQ(part.size(), wanted["len"]);
    EXPECT_EQ(part.plan().epochs, wanted["epochs"]);
    EXPECT_EQ(part.plan().tokens_per_epoch, wanted["tokens_per_epoch"]);
    EXPECT_EQ(part.description().samples ? Json(*part.description().samples) : Json(),
              wanted["num_samples"]);
    EXPECT_EQ(md5_hex(description_of(part.description())), wanted["hash"]);
    expect_indices(split + (blended ? "_d" + std::to_string(i) : "") + "_", part.indices());
  }
  if (blended) {
    expect_index(split + "_dataset_index.npy", dataset.blend().parts);
    expect_index(split + "_dataset_sample_index.npy", dataset.blend().samples);
  }
  expect_samples(split, dataset);
}

TEST_P(MegatronCases, AreEqual) {
  const TemporaryDirectory cache;
  const DataSettings settings = settings_of(golden()["settings"], cache.path());
  // Built, then found in the cache, then built without one.
  for (const bool cached : {true, true, false}) {
    DataSettings now = settings;
    if (!cached) now.cache.reset();
    compared_ = 0;
    const auto built = build_datasets(now);
    for (size_t i = 0; i < kSplits; ++i) {
      const std::string split(name(static_cast<Split>(i)));
      SCOPED_TRACE(split);
      ASSERT_EQ(built[i].has_value(), golden()["splits"].contains(split));
      if (built[i]) expect_split(split, *built[i]);
    }
    EXPECT_EQ(compared_, golden()["arrays"].size()) << "an array that nobody looked at";
  }
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& file : fs::directory_iterator(cache.path()))
    files[file.path().filename().string()] = sha256(contents(file.path()));
  EXPECT_EQ(files, (golden()["cache"].get<std::map<std::string, std::string>>()));
}

std::vector<std::string> case_names() {
  return {"blend_nine",         "blend_one",        "blend_three",        "many_epochs",
          "partial_no_extra",   "blend_exhaustive", "blend_no_weights",

          "blend_weights",      "empty_sequence",   "eod_mask_loss",      "epochs_final_apart",
          "epochs_together",    "long_sequences",   "no_extra_token",     "int32_multi_sequence",
          "one_epoch",          "per_split",        "partial_validation", "reset_all",
          "reset_position_ids", "seed_77"};
}

INSTANTIATE_TEST_SUITE_P(All, MegatronCases, testing::ValuesIn(case_names()),
                         [](const auto& each) { return each.param; });

TEST(MegatronCaseNames, AreAll) { EXPECT_EQ(read_cases().size(), case_names().size()); }

}  // namespace
}  // namespace bascule
