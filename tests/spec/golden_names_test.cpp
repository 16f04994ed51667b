// Every family, planned ones included, against the tensors that transformers wrote for a toy.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "spec/read_text.h"
#include "spec/spelled_tensors.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> goldens() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator("tests/golden"))
    if (fs::exists(entry.path() / "hf")) all.push_back(entry.path().filename().string());
  std::sort(all.begin(), all.end());
  return all;
}

TensorShapes stored_tensors(const fs::path& file) {
  const std::string bytes = read_text(file);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  TensorShapes shapes;
  const Tree header = parse_json(std::string_view(bytes).substr(8, length), file.string());
  for (const Tree::Entry& entry : header.entries())
    if (entry.key != "__metadata__") shapes[entry.key] = shape_of(*entry.value.find("shape"));
  return shapes;
}

HfConfig config_of(const std::string& golden) {
  const std::string file = "tests/golden/" + golden + "/hf/config.json";
  return read_hf_config(read_text(file), file, {}, true);
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, HasTheStoredTensors) {
  const TensorShapes stored =
      stored_tensors("tests/golden/" + GetParam() + "/hf/model.safetensors");
  EXPECT_EQ(spelled_tensors(config_of(GetParam())), stored);
}

TEST_P(Golden, ConfigurationComesBack) {
  const HfConfig config = config_of(GetParam());
  EXPECT_EQ(config.dtype, "bfloat16");
  const Tree written = write_hf_config(*config.family, config.arch, config.dtype);
  EXPECT_EQ(read_hf_config(to_json(written), "written.json", {}, true).arch, config.arch);
}

INSTANTIATE_TEST_SUITE_P(Toys, Golden, testing::ValuesIn(goldens()),
                         [](const auto& info) { return info.param; });

TEST(Goldens, EveryFamilyHasOne) {
  std::set<std::string> seen;
  for (const std::string& golden : goldens()) seen.insert(config_of(golden).family->name);
  for (const Family& family : families())
    EXPECT_TRUE(family.planned || seen.contains(family.name)) << family.name;
}

}  // namespace
}  // namespace bascule
