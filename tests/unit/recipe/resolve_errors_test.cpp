// What a recipe or an override may get wrong, and what is said of it.
#include <gtest/gtest.h>

#include "families/run_config.h"
#include "recipe/resolve.h"
#include "unit/base/temporary_directory.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

struct Row {
  std::vector<std::string> overrides;
  std::vector<std::string> says;
  Kind kind = Kind::user;
};

void expect_says(const Error& error, const Row& row) {
  EXPECT_EQ(name(error.kind()), name(row.kind)) << error.what();
  for (const std::string& part : row.says) EXPECT_THAT(error.what(), testing::HasSubstr(part));
}

void expect_refused(const std::string& recipe, const std::vector<Row>& rows) {
  for (const Row& row : rows) try {
      resolve(recipe, row.overrides, "");
      ADD_FAILURE() << "taken: " << testing::PrintToString(row.overrides);
    } catch (const Error& error) {
      expect_says(error, row);
    }
}

TEST(Refused, values_of_the_wrong_kind) {
  expect_refused(
      "llama32_1b",
      {
          {{"optimizer.lr=fast"},
           {"override: optimizer.lr is \"fast\"", "a number of at least 0, or null"}},
          {{"optimizer.lr=-1"}, {"optimizer.lr is \"-1\"", "of at least 0"}},
          {{"optimizer.lr=true"}, {"optimizer.lr is \"true\""}},
          {{"optimizer.lr=[1]"}, {"optimizer.lr is \"[1]\""}},
          {{"optimizer.lr=.nan"}, {"optimizer.lr"}},
          {{"optimizer.optimizer=sgd"}, {"optimizer.optimizer is \"sgd\"; accepted is adam"}},
          {{"train.micro_batch_size=0"}, {"an integer of at least 1, or null"}},
          {{"train.micro_batch_size=1.5"}, {"train.micro_batch_size is \"1.5\"", "an integer"}},
          {{"train.micro_batch_size="}, {"train.micro_batch_size is not set"}},
          {{"train.rampup_batch_size=16"}, {"a list, each an integer of at least 0, or null"}},
          {{"train.rampup_batch_size=[16,a,3]"}, {"train.rampup_batch_size is \"[16,a,3]\""}},
          {{"train.exit_signal_handler=yes please"}, {"true or false"}},
          {{"train.exit_signal_handler=1"}, {"true or false"}},
          {{"train.exit_duration_in_mins=0"}, {"a number above 0, or null"}},
          {{"scheduler.lr_decay_style=exponential"},
           {"one of constant, linear, cosine, inverse-square-root, WSD"}},
          {{"scheduler.lr_decay_style=null"}, {"scheduler.lr_decay_style is \"null\""}},
          {{"scheduler.lr_warmup_fraction=1.5"}, {"a number from 0 to 1, or null"}},
          {{"mixed_precision=fp16"}, {"mixed_precision is \"fp16\"", "bf16_mixed"}},
          {{"mixed_precision=bf16_with_fp8_delayed_scaling_mixed"}, {"accepted is one of bf16"}},
          {{"model.num_layers=4096"}, {"an integer from 1 to 1024, or null"}},
          {{"model.seq_length=0"}, {"an integer from 1 to 2147483647"}},
          {{"model.window_size={a: 1}"}, {"an integer, or a list, each an integer, or null"}},
          {{"model.rope_scaling=8"}, {"true or false, or null"}},
          {{"model.rotary_base=[1, -1]"}, {"model.rotary_base"}},
          {{"model.family=[llama]"}, {"accepted is a text, or null"}},
          {{"model.recompute_granularity=partial"}, {"one of selective, full, or null"}},
          {{"dataset.blend=[[a],[1,2]]"}, {"dataset.blend is", "a list of paths"}},
          {{"dataset.random_seed=4294967296"}, {"from 0 to 4294967295"}},
          {{"checkpoint.most_recent_k=-2"}, {"of at least -1"}},
          {{"checkpoint.ckpt_format=zarr"}, {"accepted is torch_dist"}},
          {{"tokenizer.tokenizer_type=TikTokenizer"}, {"one of NullTokenizer, HuggingFace"}},
          {{"rng.seed=-1"}, {"an integer from 0"}},
          {{"logger.mlflow_tags=[a]"}, {"accepted is a map of texts, or null"}},
          {{"logger.mlflow_tags={a: [b]}"}, {"accepted is a map of texts, or null"}},
      });
}

TEST(Refused, names_that_do_not_exist) {
  expect_refused("llama32_1b",
                 {
                     {{"optimizer.lrr=1"},
                      {"override: \"optimizer.lrr\" is no setting; did you mean optimizer.lr?"}},
                     {{"lr=1"}, {"\"lr\" is no setting; did you mean optimizer.lr?"}},
                     {{"train.lr=1"}, {"did you mean optimizer.lr?"}},
                     {{"optimiser.lr=1"}, {"did you mean optimizer.lr?"}},
                     {{"model.hidden=1"}, {"\"model.hidden\" is no setting"}},
                     {{"model.num_layer=1"}, {"did you mean model.num_layers?"}},
                     {{"Optimizer.LR=1"}, {"did you mean optimizer.lr?"}},
                     {{"train=5"}, {"train is a group of settings", "train.micro_batch_size"}},
                     {{"model.=1"}, {"\"model.\" is no setting"}},
                     {{".=1"}, {"\".\" is no setting"}},
                     {{"optimizer.lr.x=1"}, {"\"optimizer.lr.x\" is no setting"}},
                     {{"base=llama3_8b"}, {"\"base\" is no setting"}},
                     {{"completely_different=1"}, {"\"completely_different\" is no setting"}},
                     {{std::string("a\x1b[31m=1")}, {R"("a\x1b[31m" is no setting)"}},
                     {{"optimizer.lr"}, {"an override is key=value"}},
                 });
}

TEST(Refused, settings_of_megatrons_that_are_not_supported) {
  const Kind kind = Kind::unsupported;
  expect_refused(
      "llama32_1b",
      {
          {{"train.manual_gc=true"},
           {"train.manual_gc is a setting of Megatron's", "Python"},
           kind},
          {{"ddp.overlap_grad_reduce=true"}, {"ddp.overlap_grad_reduce", "one device"}, kind},
          {{"ddp=null"}, {"ddp is a setting of Megatron's"}, kind},
          {{"scheduler.max_lr=1"}, {"scheduler.max_lr", "the peak is optimizer.lr"}, kind},
          {{"optimizer.bf16=true"}, {"optimizer.bf16", "mixed_precision decides"}, kind},
          {{"optimizer.muon_momentum=1"}, {"AdamW is the only optimizer"}, kind},
          {{"model.fp8=hybrid"}, {"model.fp8", "fp32 and bf16"}, kind},
          {{"model.attention_dropout=0.1"}, {"dropout is not built"}, kind},
          {{"model.calculate_per_token_loss=false"}, {"does not depend on micro batches"}, kind},
          {{"model._target_=x"}, {"model.family says which model"}, kind},
          {{"logger.log_energy=true"}, {"logger.log_energy", "a service"}, kind},
          {{"logger.comet_api_key=x"}, {"logger.comet_api_key", "COMET_API_KEY"}, kind},
          {{"peft.dim=8"}, {"adapters are not trained yet"}, kind},
          {{"dataset.num_workers=8"}, {"dataset.num_workers"}, kind},
          {{"model.tensor_model_parallel_size=2"}, {"is 2, but training runs on one device"}, kind},
          {{"model.expert_tensor_parallel_size=2"}, {"expert_tensor_parallel_size is 2"}, kind},
          {{"model.sequence_parallel=true"}, {"model.sequence_parallel is true"}, kind},
          {{"model.recompute_granularity=selective", "model.recompute_modules=[mlp,layernorm]"},
           {"names layernorm", "core_attn, mlp, moe", "full"},
           kind},
          {{"model.recompute_granularity=selective", "model.recompute_modules=[mla_up_proj]"},
           {"names mla_up_proj"},
           kind},
      });
}

TEST(Refused, settings_that_do_not_fit_each_other) {
  const std::string samples = "train.train_samples=4096", no_iters = "train.train_iters=null";
  expect_refused(
      "llama32_1b",
      {
          {{no_iters}, {"recipe llama32_1b", "neither train.train_iters nor train.train_samples"}},
          {{samples}, {"train.train_iters is 1168251 and train.train_samples is 4096", "only one"}},
          {{samples, no_iters}, {"scheduler.lr_warmup_iters is set", "counted in samples"}},
          {{"scheduler.lr_warmup_samples=5"}, {"lr_warmup_samples", "counted in iterations"}},
          {{"scheduler.lr_decay_samples=5"}, {"lr_decay_samples", "counted in iterations"}},
          {{"train.train_samples=100", no_iters, "scheduler.lr_warmup_iters=0"},
           {"train.train_samples is 100, less than one global batch of 512"}},
          {{samples, no_iters, "scheduler.lr_warmup_iters=0", "train.rampup_batch_size=[1,1,1]"},
           {"train.rampup_batch_size needs train.train_iters"}},
          {{"train.micro_batch_size=3"}, {"train.global_batch_size is 512", "3"}},
          {{"train.rampup_batch_size=[1,2]"}, {"has 2 numbers"}},
          {{"optimizer.lr=null"}, {"optimizer.lr is not set"}},
          {{"optimizer.lr=1e-6"}, {"optimizer.min_lr is 3e-05, above optimizer.lr, 1e-06"}},
          {{"scheduler.lr_warmup_init=1"}, {"scheduler.lr_warmup_init is 1, above"}},
          {{"optimizer.adam_beta2=1"}, {"adam_beta2 is 1", "below 1"}},
          {{"scheduler.lr_warmup_fraction=0.1"}, {"lr_warmup_fraction is 0.1", "length"}},
          {{"scheduler.lr_decay_style=WSD"}, {"WSD, but scheduler.lr_wsd_decay_iters is not set"}},
          {{"scheduler.start_weight_decay=0.5"}, {"starts at 0.5, above its end, 0.033"}},
          {{"scheduler.end_weight_decay=0.5"}, {"from 0.033 to 0.5", "constant"}},
          {{"scheduler.use_checkpoint_opt_param_scheduler=true"}, {"both", "only one can win"}},
          {{"model.family=null"}, {"model.family is not set"}},
          {{"model.num_layers=null"}, {"model.num_layers is not set"}},
          {{"model.hidden_size=null"}, {"model.hidden_size is not set"}},
          {{"model.vocab_size=null"}, {"model.vocab_size is not set"}},
          {{"model.num_attention_heads=null"}, {"model.num_attention_heads is not set"}},
          {{"model.seq_length=262144"}, {"model.seq_length is 262144", "131072 positions"}},
          {{"model.moe_token_drop_policy=position"}, {"position", "moe_expert_capacity_factor"}},
          {{"model.moe_pad_expert_input_to_capacity=true"},
           {"moe_pad_expert_input_to_capacity is true", "moe_expert_capacity_factor"}},
          {{"model.recompute_granularity=full"}, {"needs model.recompute_method"}},
          {{"model.recompute_method=uniform"}, {"need model.recompute_granularity=full"}},
          {{"model.recompute_granularity=selective", "model.recompute_num_layers=1"},
           {"need model.recompute_granularity=full"}},
          {{"model.recompute_modules=[mlp]"}, {"needs model.recompute_granularity=selective"}},
          {{"model.recompute_granularity=selective", "model.recompute_modules=[mlps]"},
           {"names \"mlps\"", "core_attn, mlp, moe"}},
          {{"dataset.seq_length=4096"},
           {"dataset.seq_length is 4096, but model.seq_length is 8192"}},
          {{"dataset.split=null"}, {"dataset.split is not set"}},
          {{"dataset.blend=a", "dataset.blend_per_split=[a,b,c]"}, {"both set"}},
          {{"dataset.blend_per_split=[a,b,c]"}, {"add dataset.split=null"}},
          {{"dataset.blend_per_split=[a,b]"}, {"has 2 blends, but three are needed"}},
          {{"dataset.eod_mask_loss=true"}, {"what ends a document"}},
          {{"dataset.reset_attention_mask=true"}, {"what ends a document"}},
          {{"tokenizer.tokenizer_type=NullTokenizer"}, {"needs tokenizer.vocab_size"}},
          {{"tokenizer.tokenizer_type=HuggingFaceTokenizer"}, {"needs tokenizer.tokenizer_model"}},
          {{"tokenizer.tokenizer_model=a"}, {"tokenizer_model is a", "HuggingFaceTokenizer"}},
          {{"tokenizer.eod_id=128256"}, {"tokenizer.eod_id is 128256, but model.vocab_size"}},
          {{"tokenizer.vocab_size=128257"}, {"tokenizer.vocab_size is 128257"}},
          {{"checkpoint.ckpt_step=5"}, {"ckpt_step is 5, but checkpoint.load is not set"}},
          {{"checkpoint.exit_on_missing_checkpoint=true"}, {"checkpoint.load is not set"}},
          {{"checkpoint.async_save=true"}, {"checkpoint.save is not set"}},
          {{"checkpoint.also_save_hf_checkpoint=true"}, {"checkpoint.save is not set"}},
          {{"checkpoint.most_recent_k=0"}, {"most_recent_k is 0"}},
          {{"profiling.nvtx_ranges=true", "profiling.use_pytorch_profiler=true"}, {"both true"}},
          {{"profiling.profile_step_start=13"}, {"is 13, after profile_step_end, 12"}},
          {{"logger.mlflow_experiment=x"}, {"needs logger.mlflow_run_name"}},
          {{"logger.mlflow_experiment=x", "logger.mlflow_run_name=''"},
           {"needs logger.mlflow_run_name"}},
          {{"logger.comet_project=x", "logger.comet_experiment_name=''"},
           {"needs logger.comet_experiment_name"}},
          {{"logger.comet_project=x"}, {"needs logger.comet_experiment_name"}},
          {{"logger.wandb_project=x", "logger.wandb_exp_name=''"}, {"wandb_exp_name is empty"}},
          {{"logger.wandb_entity=x"}, {"nothing goes there without logger.wandb_project"}},
          {{"logger.mlflow_tags={a: b}"}, {"nothing goes there without logger.mlflow_experiment"}},
      });
}

TEST(Refused, environments_are_named) {
  const auto environment = [](const char* text) {
    return [text] { resolve("llama32_1b", {}, text); };
  };
  expect_error(Kind::user, {"BASCULE_OVERRIDES: optimizer.lr is \"x\""},
               environment("optimizer.lr=x"));
  expect_error(Kind::user, {"BASCULE_OVERRIDES", "quote"}, environment("optimizer.lr='1"));
  expect_error(Kind::user, {"key=value"}, environment("optimizer.lr"));
}

TEST(Refused, files) {
  const TemporaryDirectory folder;
  const struct {
    std::string text;
    std::vector<std::string> says;
    Kind kind = Kind::user;
  } rows[] = {
      {"train: 5\n", {"x.yaml:1: train is 5; accepted is a map of settings"}},
      {"train: [a]\n", {"x.yaml:1: train is"}},
      {"\noptimizer:\n  lr: fast\n", {"x.yaml:3: optimizer.lr is \"fast\"; accepted is a number"}},
      {"optimizer:\n  lr: {a: 1}\n", {"x.yaml:2: optimizer.lr"}},
      {"optimizer:\n\n  lrr: 1\n", {"x.yaml:3: \"optimizer.lrr\" is no setting; did you mean"}},
      {"optimzer:\n  lr: 1\n", {"x.yaml:1: \"optimzer\" is no setting"}},
      {"ddp:\n  bucket_size: 1\n", {"x.yaml:1: ddp is a setting of Megatron's"}, Kind::unsupported},
      {"_target_: x\n",
       {"x.yaml:1: _target_", "a run_config.yaml is no recipe"},
       Kind::unsupported},
      {"train:\n  manual_gc: 1\n", {"x.yaml:2: train.manual_gc"}, Kind::unsupported},
      {"base: 5\n", {"x.yaml:1: base is 5"}},
      {"base: [llama32_1b, 5]\n", {"x.yaml:1: base is"}},
      {"base: {a: b}\n", {"x.yaml:1: base is"}},
      {"base: llama32_1c\n", {"no recipe is named \"llama32_1c\"; did you mean llama32_1b?"}},
      {"base: x.yaml\n", {"x.yaml: the recipe is based on itself"}},
      {"base: ./y.yaml\n", {"y.yaml"}, Kind::environment},
      {"- a\n", {"x.yaml: a list where a map of settings is needed"}, Kind::format},
      {"5\n", {"x.yaml: an integer where a map"}, Kind::format},
      {"train: {\n", {"x.yaml: no valid YAML"}, Kind::format},
      {"train:\n  train_iters: 1\n  train_iters: 2\n", {"x.yaml: line 3 repeats"}, Kind::format},
      {"\xff\xfe\n", {"not UTF-8"}, Kind::format},
      {std::string(2 << 20, 'a'), {"x.yaml"}, Kind::format},
      {"rng: {seed: 1}\n", {"so the run has no end"}},
  };
  for (const auto& row : rows) {
    put(folder / "x.yaml", row.text);
    try {
      resolve((folder / "x.yaml").string(), {}, "");
      ADD_FAILURE() << "taken: " << row.text.substr(0, 100);
    } catch (const Error& error) {
      expect_says(error, {{}, row.says, row.kind});
    }
  }
  expect_error(Kind::environment, {"absent.yaml"},
               [&] { resolve((folder / "absent.yaml").string(), {}, ""); });
  expect_error(Kind::user, {"no recipe is named"}, [] { resolve("absent", {}, ""); });
}

TEST(Refused, recipes_of_many_files) {
  const TemporaryDirectory folder;
  for (int i = 0; i < 100; ++i)
    put(folder / (std::to_string(i) + ".yaml"), "base: " + std::to_string(i + 1) + ".yaml\n");
  expect_error(Kind::user, {"more than 64 files"},
               [&] { resolve((folder / "0.yaml").string(), {}, ""); });
}

TEST(Refused, models_that_no_family_has) {
  const auto model = [](const std::vector<std::string>& overrides) {
    return [overrides] {
      const Settings settings = resolve("llama32_1b", overrides, "").settings;
      read_model_settings(architecture(settings), family_named(*settings.model.family),
                          "recipe llama32_1b");
    };
  };
  expect_error(Kind::unsupported, {"the family \"lama\"", "did you mean llama"},
               model({"model.family=lama"}));
  expect_error(Kind::unsupported,
               {"recipe llama32_1b: attn_logit_softcapping is 50", "the family llama"},
               model({"model.attn_logit_softcapping=50"}));
  expect_error(Kind::unsupported, {"recipe llama32_1b", "activation_func"},
               model({"model.activation_func=torch.tanh"}));
  expect_error(Kind::unsupported, {"recipe llama32_1b"}, model({"model.qk_layernorm=true"}));
  expect_error(Kind::unsupported, {"recipe llama32_1b: the family llama has no such model"},
               model({"model.num_moe_experts=8"}));
  expect_error(Kind::format, {"num_query_groups is 7", "32 heads"},
               model({"model.num_query_groups=7"}));
  expect_error(Kind::unsupported, {"normalization", "BatchNorm"},
               model({"model.normalization=BatchNorm"}));
}

}  // namespace
}  // namespace bascule
