#include "store/hf_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <optional>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/store/safetensors_bytes.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kFirst = "model-00001-of-00002.safetensors";
constexpr const char* kSecond = "model-00002-of-00002.safetensors";

std::vector<std::string> names(const std::vector<HfFile>& files) {
  std::vector<std::string> names;
  names.reserve(files.size());
  for (const HfFile& file : files) names.push_back(file.name);
  return names;
}

std::string index_of(const std::string& entries, const std::string& total = "5") {
  return R"({"metadata":{"total_size":)" + total + R"(,"note":{"x":[1,null]}},"weight_map":{)" +
         entries + "}}";
}

const std::string kGoodEntries = R"("a":"model-00001-of-00002.safetensors",)"
                                 R"("b":"model-00002-of-00002.safetensors")";

void put_shards(const fs::path& directory) {
  put(directory / kFirst, one_tensor("a", "aa"));
  put(directory / kSecond, one_tensor("b", "bbb"));
}

TEST(HfDirectory, OneFile) {
  const TemporaryDirectory dir;
  put(dir / "model.safetensors", one_tensor("a", "aa"));
  put(dir / "config.json", "{}");
  const HfDirectory model = open_hf_directory(dir.path());
  EXPECT_EQ(model.weights->tensors().size(), 1u);
  EXPECT_THAT(names(model.other_files), ElementsAre("config.json"));
  EXPECT_THAT(model.warnings, IsEmpty());
}

TEST(HfDirectory, ShardsWithIndex) {
  const TemporaryDirectory dir;
  put_shards(dir.path());
  put(dir / kIndex, index_of(kGoodEntries));
  const HfDirectory model = open_hf_directory(dir.path());
  EXPECT_EQ(model.weights->tensors().size(), 2u);
  EXPECT_EQ(model.weights->shards()[1].name, kSecond);
  EXPECT_THAT(model.warnings, IsEmpty());
  EXPECT_THAT(model.other_files, IsEmpty());
}

TEST(HfDirectory, WrongTotalSizeAndUnreadFilesAreWarnings) {
  const TemporaryDirectory dir;
  put_shards(dir.path());
  put(dir / "consolidated.safetensors", one_tensor("a", "aa"));
  put(dir / kIndex, index_of(kGoodEntries, "6"));
  EXPECT_THAT(open_hf_directory(dir.path()).warnings,
              ElementsAre(HasSubstr("total_size is 6, and the tensors take 5 bytes"),
                          HasSubstr("consolidated.safetensors is not part of the model")));
  put(dir / kIndex, R"({"metadata":{"total_size":5.0},"weight_map":{)" + kGoodEntries + "}}");
  EXPECT_EQ(open_hf_directory(dir.path()).warnings.size(), 1u) << "a float is let pass";
}

TEST(HfDirectory, OtherNamesWithoutIndex) {
  const TemporaryDirectory dir;
  put(dir / "weights.safetensors", one_tensor("a", "aa"));
  put(dir / "adapter_model.safetensors", one_tensor("lora", "l"));
  const HfDirectory model = open_hf_directory(dir.path());
  EXPECT_EQ(model.weights->tensors().size(), 1u);
  EXPECT_THAT(model.warnings, ElementsAre(HasSubstr("adapter_model.safetensors is not part")));

  const TemporaryDirectory shards;
  put_shards(shards.path());
  EXPECT_EQ(open_hf_directory(shards.path()).weights->tensors().size(), 2u);
}

TEST(HfDirectory, SortsWhatTravels) {
  const TemporaryDirectory dir;
  put(dir / "model.safetensors", one_tensor("a", "aa"));
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "vocab.json", "merges.txt", "tokenizer.model",
        "added_tokens.json", "chat_template.jinja", "additional_chat_templates/tool.jinja",
        "modeling_x.py", "LICENSE", "README.md", "preprocessor_config.json", "assets/picture.png",
        "qwen.tiktoken",
        // These stay behind.
        "pytorch_model.bin", "x.pth", "x.gguf", "model.fp16.safetensors",
        "pytorch_model.bin.index.json", "tf_model.h5", ".gitattributes", ".git/config", ".cache/x",
        "onnx/model.json", "openvino/x.xml", "original/params.json", "bascule/manifest.json",
        "checkpoint-500/config.json", "__pycache__/x.pyc", "global_step100/x.json"})
    put(dir / name, "content");
  put(dir / "assets/deep/er.txt", "x");
  fs::create_directory_symlink("assets", dir / "linked");
  const HfDirectory model = list_hf_directory(dir.path());
  EXPECT_EQ(model.weights, nullptr);
  EXPECT_THAT(
      names(model.tokenizer_files),
      ElementsAre("added_tokens.json", "additional_chat_templates/tool.jinja",
                  "chat_template.jinja", "merges.txt", "qwen.tiktoken", "special_tokens_map.json",
                  "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json"));
  EXPECT_THAT(names(model.other_files),
              ElementsAre("LICENSE", "README.md", "assets/picture.png", "config.json",
                          "generation_config.json", "modeling_x.py", "preprocessor_config.json"));
  EXPECT_EQ(model.other_files[0].size, 7);
  EXPECT_THAT(model.warnings,
              ElementsAre(HasSubstr("assets/deep does not travel along: it is nested"),
                          HasSubstr("linked does not travel along: it is a symlink")));
}

TEST(HfDirectory, WhatHasTheNameOfOurFolderStaysBehind) {
  const TemporaryDirectory dir;
  put(dir / "bascule", "a note of someone");
  const HfDirectory model = list_hf_directory(dir.path());
  EXPECT_TRUE(model.other_files.empty());
  EXPECT_THAT(model.warnings, ElementsAre(HasSubstr("bascule does not travel along: an export")));
}

TEST(HfDirectory, RefusesWithTheRemedy) {
  const std::string shard = one_tensor("a", "aa"), other = one_tensor("b", "bbb");
  struct Row {
    std::vector<std::pair<std::string, std::string>> files;
    std::string text;
  };
  const std::vector<Row> rows = {
      {{}, "holds no weights: neither model.safetensors nor model.safetensors.index.json"},
      {{{"config.json", "{}"}}, "holds no weights"},
      {{{"pytorch_model.bin", "x"}},
       "as pytorch_model.bin, a pickle; convert it with transformers"},
      {{{"pytorch_model-00001-of-00002.bin", "x"}}, "as pytorch_model.bin, a pickle"},
      {{{"x-q4.gguf", "x"}}, "as GGUF, most often quantized"},
      {{{"consolidated.00.pth", "x"}}, "as consolidated.*.pth, the publisher's own format"},
      {{{"model.pt", "x"}}, "holds PyTorch pickles only (*.pt)"},
      {{{"model.pth", "x"}}, "holds PyTorch pickles only (*.pth)"},
      {{{"adapter_model.bin", "x"}}, "holds PyTorch pickles only (*.bin)"},
      {{{"tf_model.h5", "x"}}, "holds TensorFlow weights only"},
      {{{"adapter_model.safetensors", shard}}, "holds an adapter and no model"},
      {{{kFirst, shard}}, "holds 1 of 2 shards of \"model\" and no model.safetensors.index.json"},
      {{{kFirst, shard}, {"model-00003-of-00002.safetensors", other}},
       "holds shard 3 of 2 of \"model\", which there cannot be"},
      {{{"model-00000-of-00002.safetensors", shard}, {kFirst, other}}, "holds shard 0 of 2 of"},
      {{{"model.safetensors", "x"}}, "too short for the header's length"},
      {{{"a.safetensors", shard}, {"b.safetensors", shard}}, "tensor \"a\" is in two files"},
      // The index.
      {{{kFirst, shard}, {kIndex, index_of(kGoodEntries)}},
       "names model-00002-of-00002.safetensors, which is not there; the download may be "
       "incomplete"},
      {{{kFirst, shard},
        {kSecond, other},
        {"model.safetensors", shard},
        {kIndex, index_of(kGoodEntries)}},
       "holds both model.safetensors and an index of other files"},
      {{{kFirst, shard},
        {kSecond, other},
        {kIndex, index_of(kGoodEntries + ",\"c\":\"" + kFirst + "\"")}},
       "tensor \"c\" is listed in model-00001-of-00002.safetensors, which does not hold it"},
      {{{kFirst, shard},
        {kSecond, other},
        {kIndex, index_of(kGoodEntries + ",\"aa\":\"" + kFirst + "\"")}},
       "tensor \"aa\" is listed in model-00001-of-00002.safetensors, which does not hold it"},
      {{{kFirst, shard}, {kSecond, safetensors("{}")}, {kIndex, index_of(kGoodEntries)}},
       "tensor \"b\" is listed in model-00002-of-00002.safetensors, which does not hold it"},
      {{{kFirst, shard},
        {kSecond, one_tensor("c", "c")},
        {kIndex, index_of("\"a\":\"" + std::string(kFirst) + "\",\"x\":\"" + kSecond + "\"")}},
       "holds tensor \"c\", which the index does not list"},
      {{{kFirst, one_tensor("b", "b")}, {kSecond, shard}, {kIndex, index_of(kGoodEntries)}},
       "tensor \"a\" is listed in model-00001-of-00002.safetensors, but "
       "model-00002-of-00002.safetensors holds it"},
      {{{kIndex, ""}}, "not valid JSON"},
      {{{kIndex, "{}"}}, "it has no weight_map"},
      {{{kIndex, "[]"}}, "it has no weight_map"},
      {{{kIndex, R"({"weight_map":["a"]})"}}, "weight_map maps tensors to file names"},
      {{{kIndex, R"({"weight_map":"a"})"}}, "weight_map maps tensors to file names"},
      {{{kIndex, R"({"weight_map":{"a":1}})"}}, "maps tensors to file names, and \"a\" is not so"},
      {{{kIndex, R"({"weight_map":{"a":null}})"}},
       "maps tensors to file names, and \"a\" is not so"},
      {{{kIndex, R"({"weight_map":{"a":{}}})"}}, "maps tensors to file names, and \"a\" is not so"},
      {{{kIndex, R"({"weight_map":{"a":["x"]}})"}},
       "maps tensors to file names, and \"a\" is not so"},
      {{{kIndex, R"({"weight_map":{},"weight_map":{}})"}}, "weight_map is there twice"},
      {{{kIndex, index_of(kGoodEntries + "," + kGoodEntries)}}, "tensor \"a\" is listed twice"},
      {{{kIndex, index_of(R"("a":"../model.safetensors")")}},
       "\"../model.safetensors\" for tensor \"a\" is not the name of a file"},
      {{{kIndex, index_of(R"("a":"sub/model.safetensors")")}},
       "is not the name of a file in its own folder"},
      {{{kIndex, index_of(R"("a":"/etc/passwd")")}},
       "\"/etc/passwd\" for tensor \"a\" is not the name"},
      {{{kIndex, index_of(R"("a":"x\\y.safetensors")")}},
       "is not the name of a file in its own folder"},
      {{{kIndex, index_of(R"("a":"..")")}}, "is not the name of a file in its own folder"},
      {{{kIndex, index_of(R"("a":"")")}}, "is not the name of a file in its own folder"},
      {{{kIndex, index_of(R"("a":"x\u0000.safetensors")")}},
       "is not the name of a file in its own folder"},
      {{{kIndex, index_of("\"a\":\"" + std::string(300, 'x') + ".safetensors\"")}},
       "is not the name of a file"},
      {{{kIndex, index_of(R"("a":"pytorch_model.bin")")}},
       "\"pytorch_model.bin\" for tensor \"a\" is not a .safetensors"},
      {{{kIndex, "{\"x\":" + std::string(100'000, '[')}}, "nested deeper than 32"},
  };
  for (const Row& row : rows) {
    const TemporaryDirectory dir;
    for (const auto& [name, bytes] : row.files) put(dir / name, bytes);
    SCOPED_TRACE("expected: " + row.text);
    expect_error(Kind::format, row.text, [&] { open_hf_directory(dir.path()); });
  }
  expect_error(Kind::user, "is not a directory", [] { open_hf_directory("/dev/null"); });
  expect_error(Kind::user, "is not a directory", [] { open_hf_directory("absent"); });
}

TEST(HfDirectory, RefusesFifosAndDanglingLinks) {
  struct Row {
    std::string name, text;
    bool fifo;
    Kind kind;
  };
  const std::vector<Row> rows = {
      {"model.safetensors", "is a FIFO, not a regular file", true, Kind::environment},
      {kIndex, "is a FIFO, not a regular file", true, Kind::environment},
      {"tokenizer.json", "tokenizer.json is not a regular file; remove it", true, Kind::format},
      {"model.safetensors", "is a symlink to nothing; the download may be incomplete", false,
       Kind::format},
      {"config.json", "is a symlink to nothing; the download may be incomplete", false,
       Kind::format},
  };
  for (const Row& row : rows) {
    const TemporaryDirectory dir;
    if (row.fifo)
      ASSERT_EQ(::mkfifo((dir / row.name).c_str(), 0600), 0);
    else
      fs::create_symlink("../nowhere", dir / row.name);
    expect_error(row.kind, row.text, [&] { open_hf_directory(dir.path()); });
  }
}

TEST(HfDirectory, IsRecognised) {
  const TemporaryDirectory dir;
  EXPECT_FALSE(is_hf_directory(dir.path()));
  EXPECT_FALSE(is_hf_directory(dir / "absent"));
  for (const char* name : {"config.json", "a.safetensors", "pytorch_model.bin", "x.gguf", kIndex}) {
    const TemporaryDirectory model;
    put(model / name, "x");
    EXPECT_TRUE(is_hf_directory(model.path())) << name;
  }
  put(dir / "iter_0000001/.metadata", "x");
  put(dir / "latest_checkpointed_iteration.txt", "1");
  EXPECT_FALSE(is_hf_directory(dir.path()));
}

/// Sets environment variables and puts them back.
class Environment {
 public:
  void set(const char* name, const std::string& value) {
    const char* old = std::getenv(name);
    saved_.emplace_back(name, old == nullptr ? std::optional<std::string>() : old);
    value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    for (auto at = saved_.rbegin(); at != saved_.rend(); ++at)
      at->second ? ::setenv(at->first, at->second->c_str(), 1) : ::unsetenv(at->first);
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> saved_;
};

TEST(ResolveHf, FindsACachedSnapshot) {
  const TemporaryDirectory dir;
  Environment environment;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
    environment.set(name, "");
  const std::string commit(40, 'a');
  const fs::path model = "models--org--some.model-1B";
  for (const fs::path& hub :
       {dir / "1", dir / "2/hub", dir / "3/huggingface/hub", dir / "4/.cache/huggingface/hub"}) {
    put(hub / model / "blobs/b1", one_tensor("a", "aa"));
    put(hub / model / "refs/main", commit);
    put(hub / model / "snapshots" / commit / "config.json", "{}");
    put(hub / model / "snapshots" / std::string(40, 'b') / "config.json", "{}");
    fs::create_symlink("../../blobs/b1", hub / model / "snapshots" / commit / "model.safetensors");
  }
  const auto snapshot = [&](const std::string& hub) {
    return dir / hub / model / "snapshots" / commit;
  };
  environment.set("HOME", (dir / "4").string());
  EXPECT_EQ(resolve_hf("org/some.model-1B"), snapshot("4/.cache/huggingface/hub"));
  environment.set("XDG_CACHE_HOME", (dir / "3").string());
  EXPECT_EQ(resolve_hf("org/some.model-1B"), snapshot("3/huggingface/hub"));
  environment.set("HF_HOME", (dir / "2").string());
  EXPECT_EQ(resolve_hf("org/some.model-1B"), snapshot("2/hub"));
  environment.set("HF_HUB_CACHE", (dir / "1").string());
  EXPECT_EQ(resolve_hf("org/some.model-1B"), snapshot("1"));
  const HfDirectory opened = open_hf_directory(resolve_hf("org/some.model-1B"));
  EXPECT_EQ(opened.weights->tensors().size(), 1u) << "a snapshot is made of symlinks";

  fs::remove(dir / "1" / model / "refs/main");
  expect_error(Kind::user, "hf download org/some.model-1B",
               [] { resolve_hf("org/some.model-1B"); });
  fs::remove_all(dir / "1" / model / "snapshots" / std::string(40, 'b'));
  EXPECT_EQ(resolve_hf("org/some.model-1B"), snapshot("1")) << "the only one";
}

TEST(ResolveHf, PathsAndErrors) {
  const TemporaryDirectory dir;
  Environment environment;
  environment.set("HF_HUB_CACHE", (dir / "hub").string());
  EXPECT_EQ(resolve_hf(dir.path().string()), dir.path());
  expect_error(Kind::user, "the model's name is empty", [] { resolve_hf(""); });
  expect_error(Kind::user, "org/name is neither a path nor a model in the local cache",
               [] { resolve_hf("org/name"); });
  expect_error(Kind::user, (dir / "hub/models--gpt2").string(), [] { resolve_hf("gpt2"); });
  for (const char* bad :
       {"/no/such", "./no", "../no", "a/b/c", "org/../x", "org/", "/x", "a b/c", "-x/y"})
    expect_error(Kind::user, " does not exist", [&] { resolve_hf(bad); });
  put(dir / "hub/models--org--evil/refs/main", "../../../../../etc");
  expect_error(Kind::format, "holds \"../../../../../etc\", which is not a commit",
               [] { resolve_hf("org/evil"); });
  put(dir / "hub/models--org--gone/refs/main", std::string(40, 'c') + "\n");
  expect_error(Kind::user, "snapshots/" + std::string(40, 'c'), [] { resolve_hf("org/gone"); });
}

}  // namespace
}  // namespace bascule
