#include "bridge/pickled_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "families/megatron_args.h"
#include "store/torch_dist/torch_archive.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

using pickle::Value;

Value name_space(const Value& state) {
  return Value::object(Value::global("argparse", "Namespace"), Value::tuple({}), state);
}

Tree object(const char* name) { return Tree::map({{"_call_", false}, {"_target_", name}}); }

TEST(PickledSettings, ArePlainValuesAndNames) {
  const Value dtype = Value::global("torch", "bfloat16");
  const Value backend = Value::reduced(
      Value::global("megatron.core.transformer.enums", "AttnBackend"), Value::tuple({5}));
  const Tree read = pickled_settings(name_space(Value::dict({
      {"none", Value()},
      {"flag", true},
      {"number", 3},
      {"real", 0.5},
      {"text", "rope"},
      {"window", Value::tuple({7, 0})},
      {"mixed", Value::list({"a", Value::list({dtype})})},
      {"dtype", dtype},
      {"backend", backend},
      {"system", Value::reduced(Value::global("os", "system"), Value::tuple({"touch owned"}))},
      {"raw", Value::bytes("abc")},
      {"pairs", Value::dict({{"a", 1}})},
  })));
  const Tree expected = Tree::map({
      {"none", Tree()},
      {"flag", true},
      {"number", 3},
      {"real", 0.5},
      {"text", "rope"},
      {"window", Tree::list({7, 0})},
      {"mixed", Tree::list({"a", Tree::list({object("torch.bfloat16")})})},
      {"dtype", object("torch.bfloat16")},
      {"backend", object("megatron.core.transformer.enums.AttnBackend")},
      {"system", object("os.system")},
      {"raw", object("bytes")},
      {"pairs", object("dict")},
  });
  EXPECT_TRUE(read == expected) << to_json(read);
}

TEST(PickledSettings, AreThoseOfANamespace) {
  for (const Value& other :
       {Value(), Value("args"), Value::dict({{"num_layers", 3}}), name_space(Value()),
        name_space(Value::list({})),
        Value::object(Value::global("os", "Namespace"), Value::tuple({}), Value::dict({})),
        Value::reduced(Value::global("argparse", "Namespace"), Value::tuple({}))})
    expect_error(Kind::format, {"args is ", ", not an argparse.Namespace"},
                 [&] { pickled_settings(other); });
}

TEST(PickledSettings, HaveNoMoreThanSettingsCan) {
  expect_error(Kind::format, {"args has \"a\" twice"}, [] {
    pickled_settings(name_space(Value::dict({{"a", 1}, {"a", 2}})));
  });
  expect_error(Kind::format, {"an attribute of args: a int where a str belongs"}, [] {
    pickled_settings(name_space(Value::dict({{1, 1}})));
  });

  Value deep = Value::list({1});
  for (int level = 0; level < 8; ++level) deep = Value::list({deep});
  expect_error(Kind::format, {"args.\"deep\"", "more than 8 levels"}, [&] {
    pickled_settings(name_space(Value::dict({{"deep", deep}})));
  });

  // A small pickle whose lists share their members.
  Value wide = Value::list(std::vector<Value>(1000, Value(1)));
  wide = Value::list(std::vector<Value>(1000, wide));
  const Value twice = Value::list({wide, wide});
  expect_error(Kind::format, {"args.\"wide\"", "more than 1048576 values"}, [&] {
    pickled_settings(name_space(Value::dict({{"wide", twice}})));
  });
}

/// What Megatron-LM's own parser made, all of its arguments.
RunConfig golden(const std::string& name) {
  const std::string file = "tests/golden/megatron_lm/" + name + ".pt";
  return read_megatron_args(pickled_settings(open_torch_file(file).value()["args"]), file);
}

TEST(PickledSettings, OfMegatronLMMakeALlama) {
  const RunConfig read = golden("llama");
  const Arch& arch = read.model.arch;
  EXPECT_THAT(read.families, testing::ElementsAre("llama", "mistral"));
  EXPECT_EQ(read.model.dtype, "bfloat16");
  EXPECT_EQ(arch.vocab, 259);
  EXPECT_FALSE(arch.tied);
  EXPECT_EQ(arch.norm.eps, 1e-5);
  EXPECT_EQ(arch.rope.theta, 50000);
  ASSERT_TRUE(arch.rope.scaling);
  EXPECT_EQ(arch.rope.scaling->factor, 8);
  EXPECT_EQ(arch.first<Gqa>(), (Gqa{.heads = 6, .kv_heads = 2, .head_dim = 16}));
  EXPECT_EQ(arch.first<Mlp>(), Mlp{.width = 152});
}

TEST(PickledSettings, OfMegatronLMMakeAQwen3Moe) {
  const RunConfig read = golden("qwen3_moe");
  const Arch& arch = read.model.arch;
  EXPECT_THAT(read.families, testing::ElementsAre("qwen3_moe"));
  EXPECT_EQ(read.model.dtype, "float32");
  EXPECT_TRUE(arch.tied);
  EXPECT_EQ(arch.norm.eps, 1e-6);
  EXPECT_EQ(arch.first<Gqa>(),
            (Gqa{.heads = 6, .kv_heads = 2, .head_dim = 24, .qk_norm = Gqa::QkNorm::per_head}));
  EXPECT_EQ(std::get<Mlp>(arch.layers[0].feed_forward), Mlp{.width = 152});
  EXPECT_EQ(std::get<Moe>(arch.layers[1].feed_forward),
            (Moe{.experts = 8, .top_k = 2, .width = 40, .aux_coefficient = 0.001}));
}

}  // namespace
}  // namespace bascule
