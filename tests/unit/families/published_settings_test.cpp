// Published models: which of them Megatron builds otherwise than transformers, and what is left of
// each in Megatron's settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "families/hf_config.h"
#include "families/megatron_gaps.h"
#include "families/run_config.h"
#include "spec/read_text.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

std::vector<HfConfig> published() {
  std::vector<HfConfig> all;
  for (const auto& entry : fs::recursive_directory_iterator("tests/spec/fixtures"))
    if (entry.path().filename() == "config.json")
      all.push_back(read_hf_config(read_text(entry.path()), entry.path().string()));
  return all;
}

TEST(PublishedSettings, HoldAllOfEveryModel) {
  const std::vector<HfConfig> models = published();
  ASSERT_GE(models.size(), 9u);
  for (const HfConfig& model : models)
    EXPECT_TRUE(as_megatron_holds(*model.family, model.arch) == model.arch)
        << brief(model.tree, 400);
}

TEST(PublishedSettings, OnlyGemma2IsBuiltOtherwise) {
  for (const HfConfig& model : published()) {
    const std::vector<std::string> gaps = megatron_gaps(*model.family, model.arch);
    if (model.family->name == "gemma2") {
      EXPECT_THAT(gaps, testing::ElementsAre(testing::HasSubstr("sliding_window is 4096")));
    } else {
      EXPECT_THAT(gaps, testing::IsEmpty()) << model.family->name;
    }
  }
}

TEST(PublishedSettings, NameTheFamilysProvider) {
  for (const HfConfig& model : published()) {
    RunConfig config;
    config.model.arch = model.arch;
    const Tree written = parse_yaml(run_config_yaml(*model.family, config), "ours");
    EXPECT_EQ(*written.at("model._target_"), Tree(model.family->provider));
    for (const char* section : {"dataset", "logger", "optimizer", "scheduler", "train"})
      EXPECT_TRUE(written.find(section) && written.find(section)->is_null()) << section;
  }
}

}  // namespace
}  // namespace bascule
