// Every family against the published configurations of real models: their tensors' names and
// shapes, the number of parameters, and the configuration's way there and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/read_text.h"
#include "spec/spelled_tensors.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixtures = "tests/spec/fixtures";

std::vector<std::string> published_models() {
  std::vector<std::string> all;
  for (const auto& family : fs::directory_iterator(kFixtures))
    if (family.is_directory())
      for (const auto& model : fs::directory_iterator(family.path()))
        all.push_back(fs::relative(model.path(), kFixtures).string());
  std::sort(all.begin(), all.end());
  return all;
}

/// "a.{0-2}.b" stands for a.0.b, a.1.b and a.2.b.
void add_unfolded(const std::string& name, const Shape& shape, TensorShapes& into) {
  const size_t open = name.find('{');
  if (open == std::string::npos) {
    into[name] = shape;
    return;
  }
  const size_t dash = name.find('-', open), close = name.find('}', open);
  const int first = std::stoi(name.substr(open + 1)), last = std::stoi(name.substr(dash + 1));
  for (int i = first; i <= last; ++i)
    add_unfolded(name.substr(0, open) + std::to_string(i) + name.substr(close + 1), shape, into);
}

class PublishedModel : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder_ = fs::path(kFixtures) / GetParam();
  std::string file_ = (folder_ / "config.json").string();
  HfConfig config_ = read_hf_config(read_text(file_), file_);
  Tree fixture_ = parse_json(read_text(folder_ / "fixture.json"), "fixture.json");
};

TEST_P(PublishedModel, BelongsToItsFamily) {
  EXPECT_EQ(config_.family->name, folder_.parent_path().filename());
  EXPECT_FALSE(config_.family->planned);
  EXPECT_THAT(config_.family->architectures,
              testing::Contains(fixture_.find("architecture")->string()));
  EXPECT_NE(config_.dtype, "");
  EXPECT_TRUE(config_.ignored_keys.empty());
}

TEST_P(PublishedModel, HasThePublishedTensors) {
  TensorShapes wanted;
  for (const Tree::Entry& row : fixture_.find("tensors")->entries())
    add_unfolded(row.key, shape_of(row.value), wanted);
  const TensorShapes spelled = spelled_tensors(config_);
  EXPECT_EQ(spelled.size(), wanted.size());
  for (const auto& [name, shape] : wanted) {
    const auto found = spelled.find(name);
    ASSERT_NE(found, spelled.end()) << name << " is not spelled";
    EXPECT_EQ(found->second, shape) << name;
  }
}

TEST_P(PublishedModel, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(slots(config_.arch).parameters(), fixture_.find("parameters")->integer());
}

TEST_P(PublishedModel, ConfigurationComesBack) {
  const Tree written = write_hf_config(*config_.family, config_.arch, config_.dtype);
  const HfConfig again = read_hf_config(hf_config_text(written), "written.json");
  EXPECT_EQ(again.arch, config_.arch);
  EXPECT_EQ(again.dtype, config_.dtype);
  EXPECT_EQ(again.family, config_.family);
  // What both files say, they say alike.
  for (const Tree::Entry& entry : config_.tree.entries()) {
    const Tree* now = written.find(entry.key);
    if (!now || entry.value.is_null() || now->is_null()) continue;
    if (entry.value.is_map() || entry.key == "hidden_act" || entry.key == "max_window_layers" ||
        entry.key == "intermediate_size")
      continue;  // of these a part means nothing to the model
    if (now->type() == Tree::Type::real)
      EXPECT_EQ(now->real(), entry.value.real()) << entry.key;
    else
      EXPECT_EQ(*now, entry.value) << entry.key;
  }
}

INSTANTIATE_TEST_SUITE_P(Published, PublishedModel, testing::ValuesIn(published_models()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

TEST(PublishedModels, EveryFamilyHasOne) {
  for (const Family& family : families()) {
    if (family.planned) continue;
    const fs::path folder = fs::path(kFixtures) / family.name;
    EXPECT_TRUE(fs::is_directory(folder) && !fs::is_empty(folder))
        << family.name << " has no fixture: see docs/adding-a-family.md";
  }
}

TEST(PublishedModels, WhatNoSourceConfirmsIsSaid) {
  for (const Family& family : families()) {
    std::vector<std::string> marked;
    for (const std::string& model : published_models()) {
      if (!model.starts_with(family.name + "/")) continue;
      const std::string file = std::string(kFixtures) + "/" + model + "/fixture.json";
      const Tree fixture = parse_json(read_text(file), file);
      std::string keys;
      for (const Tree& key : fixture.find("unconfirmed")->list_items())
        keys += (keys.empty() ? "" : ", ") + key.string();
      if (!keys.empty()) marked.push_back(model.substr(family.name.size() + 1) + ": " + keys);
    }
    EXPECT_EQ(family.unconfirmed, marked) << family.name;
  }
}

}  // namespace
}  // namespace bascule
