// Help, schema and the page of settings.
#include "recipe/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "recipe/settings.h"
#include "spec/read_text.h"

namespace bascule {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Fields, are_named_once_and_explained_on_one_line) {
  Settings settings;
  std::set<std::string> paths;
  for (const Field& field : fields_of(settings)) {
    EXPECT_TRUE(paths.insert(field.path).second) << field.path;
    EXPECT_FALSE(field.help.empty()) << field.path;
    EXPECT_EQ(field.help.find('\n'), std::string::npos) << field.path;
    EXPECT_FALSE(field.help.ends_with('.')) << field.path;
  }
  EXPECT_GT(paths.size(), 150u);
}

TEST(Fields, take_their_defaults_back) {
  Settings settings;
  for (const Field& field : fields_of(settings)) {
    EXPECT_TRUE(field.set(field.fallback)) << field.path;
    EXPECT_EQ(field.get(), field.fallback) << field.path;
  }
  EXPECT_TRUE(settings == Settings{});
}

TEST(Fields, are_changed_by_nothing_that_they_do_not_take) {
  Settings settings;
  const Tree wrong = Tree::map({{"a", Tree::list({1})}});
  for (const Field& field : fields_of(settings)) EXPECT_FALSE(field.set(wrong)) << field.path;
  EXPECT_TRUE(settings == Settings{});
}

TEST(Schema, has_every_setting_and_no_other_key) {
  const Tree schema = parse_json(to_json(recipe_schema()), "schema");
  EXPECT_EQ(*schema.find("additionalProperties"), Tree(false));
  Settings settings;
  for (const Field& field : fields_of(settings)) {
    const std::string at = field.group().empty() ? "properties." + field.path
                                                 : "properties." + std::string(field.group()) +
                                                       ".properties." + std::string(field.name());
    const Tree* found = schema.at(at);
    ASSERT_TRUE(found) << field.path;
    EXPECT_EQ(*found->find("description"), Tree(field.help));
  }
  EXPECT_EQ(*schema.at("properties.optimizer.properties.lr.anyOf"),
            parse_json(R"([{"type": "number", "minimum": 0}, {"type": "null"}])", "x"));
  EXPECT_EQ(*schema.at("properties.train.properties.exit_duration_in_mins.anyOf"),
            parse_json(R"([{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}])", "x"));
  EXPECT_EQ(*schema.at("properties.scheduler.properties.weight_decay_incr_style.enum"),
            parse_json(R"(["constant", "linear", "cosine"])", "x"));
  EXPECT_EQ(
      *schema.at("properties.model.properties.no_rope_freq.anyOf"),
      parse_json(R"([{"type": "array", "items": {"type": "integer"}}, {"type": "null"}])", "x"));
  EXPECT_EQ(*schema.at("properties.model.properties.moe_layer_freq.anyOf"),
            parse_json(R"([{"anyOf": [{"type": "integer"}, {"type": "array", "items": )"
                       R"({"type": "integer"}}]}, {"type": "null"}])",
                       "x"));
  EXPECT_EQ(*schema.at("properties.rng.properties.seed.maximum"), Tree(int64_t{9007199254740992}));
  EXPECT_EQ(*schema.at("properties.train.additionalProperties"), Tree(false));
}

TEST(Help, lists_a_group_or_names) {
  EXPECT_THAT(settings_help("rng"), testing::StartsWith("  rng.seed=1234\n      "));
  EXPECT_THAT(settings_help("rng"), Not(HasSubstr("random_seed")));
  EXPECT_THAT(settings_help("seed"), HasSubstr("  dataset.random_seed=1234\n"));
  EXPECT_THAT(settings_help(""), HasSubstr("  mixed_precision=null\n"));
  EXPECT_EQ(settings_help("nothing of the kind"), "");
}

TEST(Page, is_the_one_in_docs) {
  EXPECT_EQ(read_text("docs/settings.md"), settings_reference());
  EXPECT_EQ(read_text("docs/recipe.schema.json"), to_json(recipe_schema()) + "\n");
}

TEST(Page, has_settings_recipes_and_refusals) {
  const std::string page = settings_reference();
  EXPECT_THAT(page, HasSubstr("| `lr` | `null` | a number of at least 0, or null | peak learning"));
  EXPECT_THAT(page, HasSubstr("| `llama32_1b` | Llama 3.2 1B. Megatron Bridge 0.3.1: llama32_1b_"));
  EXPECT_THAT(page, HasSubstr("| `ddp.*` | training runs on one device so far |"));
  EXPECT_THAT(page, HasSubstr("`train.eval_iters` for `validation.eval_iters`"));
}

}  // namespace
}  // namespace bascule
