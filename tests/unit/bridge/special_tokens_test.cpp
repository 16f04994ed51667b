#include "bridge/special_tokens.h"

#include <gtest/gtest.h>

#include <fstream>

#include "bascule/error.h"
#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

/// What is added for a model of 300 tokens with these files: "bos eos pad", and the sentence.
struct Added {
  std::string ids, sentence;
};

Added added(const std::map<std::string, std::string>& texts) {
  const TemporaryDirectory directory;
  TravellingFiles files;
  for (const auto& [name, text] : texts) {
    files[name] = directory.path() / name;
    std::ofstream(files[name]) << text;
  }
  Tree config = Tree::map({{"zeta", 1}, {"alpha", 2}});
  Added result;
  result.sentence = add_special_tokens(config, files, 300);
  EXPECT_EQ(config.entries().front().key, "alpha");
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    result.ids += (result.ids.empty() ? "" : " ") +
                  (config.find(key) ? to_json(*config.find(key), {.indent = -1}) : "-");
  return result;
}

constexpr const char* kNames =
    R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null})";
constexpr const char* kAdded =
    R"({"added_tokens": [{"id": 256, "content": "<s>"}, {"content": "</s>", "id": 257}],
        "model": {"vocab": {"<s>": 7, "a": 1}, "merges": [["a", "b"]]}})";

TEST(SpecialTokens, AreThoseOfTheTokenizer) {
  const Added found = added({{"tokenizer_config.json", kNames}, {"tokenizer.json", kAdded}});
  EXPECT_EQ(found.ids, "256 257 null");
  EXPECT_EQ(found.sentence, "");
}

TEST(SpecialTokens, AreNumberedByTheVocabulary) {
  EXPECT_EQ(added({{"tokenizer_config.json", kNames},
                   {"tokenizer.json",
                    R"({"model": {"type": "BPE", "vocab": {"x": 0, "</s>": 2, "<s>": 1}}})"}})
                .ids,
            "1 2 null");
  // Unigram: by place.
  EXPECT_EQ(added({{"tokenizer_config.json", kNames},
                   {"tokenizer.json",
                    R"({"model": {"vocab": [["<unk>", 0.0], ["<s>", -1.5], ["</s>", 0]]}})"}})
                .ids,
            "1 2 null");
  EXPECT_EQ(added({{"tokenizer_config.json",
                    R"({"bos_token": "<s>", "eos_token": "</s>", "added_tokens_decoder":
                        {"3": {"content": "<s>"}, "4": {"content": "</s>"}}})"}})
                .ids,
            "3 4 null");
}

TEST(SpecialTokens, AreNamedByTheMapWhereTheConfigurationDoesNot) {
  EXPECT_EQ(added({{"special_tokens_map.json", kNames}, {"tokenizer.json", kAdded}}).ids,
            "256 257 null");
}

TEST(SpecialTokens, AreThoseOfAnOriginalThenOfGeneration) {
  const std::map<std::string, std::string> files = {
      {"tokenizer_config.json", kNames},
      {"tokenizer.json", kAdded},
      {"generation_config.json", R"({"eos_token_id": [5, 6], "pad_token_id": 9})"}};
  EXPECT_EQ(added(files).ids, "256 [5, 6] 9");
  std::map<std::string, std::string> with_original = files;
  with_original["config.json"] = R"({"eos_token_id": 8, "bos_token_id": null})";
  EXPECT_EQ(added(with_original).ids, "null 8 9");
}

TEST(SpecialTokens, AreSaidToBeUnknownInOneSentence) {
  const Added none = added({});
  EXPECT_EQ(none.ids, "- - -");
  EXPECT_NE(none.sentence.find("tells bos_token_id, eos_token_id, pad_token_id: transformers"),
            std::string::npos)
      << none.sentence;
  const Added some =
      added({{"tokenizer_config.json", R"({"bos_token": null, "eos_token": "</s>"})"}});
  EXPECT_EQ(some.ids, "null - null");
  EXPECT_NE(some.sentence.find("tells eos_token_id: "), std::string::npos) << some.sentence;
}

TEST(SpecialTokens, AreUnknownBecauseOfABrokenFileWhichIsSaid) {
  const std::string huge(size_t{65} << 20, ' ');
  const std::pair<std::string, std::string> rows[] = {{R"({"added_tokens": [)", "tokenizer.json"},
                                                      {huge, "tokenizer.json is too large"}};
  for (const auto& [text, said] : rows) {
    const Added found = added({{"tokenizer_config.json", kNames}, {"tokenizer.json", text}});
    EXPECT_EQ(found.ids, "- - null");
    EXPECT_EQ(found.sentence.find("nothing in the checkpoint"), std::string::npos)
        << found.sentence;
    EXPECT_NE(found.sentence.find(said), std::string::npos) << found.sentence;
    EXPECT_NE(found.sentence.find("; nothing else tells bos_token_id, eos_token_id: "),
              std::string::npos)
        << found.sentence;
  }
  const Added names = added({{"tokenizer_config.json", "[]"}, {"tokenizer.json", kAdded}});
  EXPECT_NE(names.sentence.find("tokenizer_config.json holds no JSON object; nothing else tells"),
            std::string::npos)
      << names.sentence;
  // What is broken does not matter where another file tells all.
  EXPECT_EQ(added({{"tokenizer.json", "{"},
                   {"tokenizer_config.json", kNames},
                   {"generation_config.json",
                    R"({"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3})"}})
                .sentence,
            "");
}

TEST(SpecialTokens, AreNotTakenFromWhatMakesNoSense) {
  for (const char* names : {"", "[]", "{", R"({"bos_token": 3, "eos_token": {}})"})
    EXPECT_EQ(added({{"tokenizer_config.json", names}, {"tokenizer.json", kAdded}}).ids, "- - -")
        << names;
  for (const char* tokenizer :
       {"", "{", "[]", R"({"added_tokens": 1, "model": 2})", R"({"model": {"vocab": "<s>"}})",
        R"({"added_tokens": [{"id": 300, "content": "<s>"}, {"id": -1, "content": "</s>"}]})",
        R"({"added_tokens": [{"content": "<s>"}, {"id": 1.5, "content": "</s>"}]})",
        R"({"added_tokens": [["<s>", 1], ["</s>", 2]]})",
        R"({"model": {"vocab": {"<s>": {"id": 1}, "</s>": [2]}}, "vocab": {"<s>": 1}})"})
    EXPECT_EQ(added({{"tokenizer_config.json", kNames}, {"tokenizer.json", tokenizer}}).ids,
              "- - null")
        << tokenizer;
  // Beyond the vocabulary, where torch's embedding has no row.
  EXPECT_EQ(added({{"generation_config.json",
                    R"({"bos_token_id": 300, "eos_token_id": [1, 300], "pad_token_id": []})"}})
                .ids,
            "- - -");
}

}  // namespace
}  // namespace bascule
