#include "recipe/settings.h"

#include "base/check.h"

namespace bascule {
namespace {

constexpr std::string_view kFunctions[] = {"activation_func", "transformer_layer_spec"};

/// How run_config.yaml names a function or type.
Tree named(std::string target) {
  return Tree::map({{"_call_", false}, {"_target_", std::move(target)}});
}

}  // namespace

std::vector<Field> fields_of(Settings& settings) {
  std::vector<Field> all;
  const auto add = [&](const std::string& prefix, auto& members) {
    FieldCollector collector(prefix);
    members.fields(collector);
    for (Field& field : collector.take()) all.push_back(std::move(field));
  };
  add("", settings);
  auto group = [&](std::string_view name, auto& members, std::string_view) {
    add(std::string(name) + ".", members);
  };
  settings.groups(group);
  return all;
}

std::vector<GroupInfo> groups() {
  std::vector<GroupInfo> all;
  Settings settings;
  auto group = [&](std::string_view name, auto&, std::string_view title) {
    all.push_back({std::string(name), std::string(title)});
  };
  settings.groups(group);
  return all;
}

Tree architecture(const Settings& settings) {
  Architecture copy = settings.model;
  // Megatron has one number for both; what the model is made for is the architecture's.
  const int64_t positions = copy.max_position_embeddings.value_or(settings.model.seq_length);
  copy.max_position_embeddings.reset();
  FieldCollector collector("");
  copy.fields(collector);
  Tree model = Tree::map();
  for (const Field& field : collector.take()) {
    Tree value = field.get();
    if (value.is_null()) continue;
    bool function = false;
    for (const std::string_view name : kFunctions) function = function || name == field.path;
    model.set(field.path, function ? named(value.string()) : std::move(value));
  }
  const bool bf16 = settings.mixed_precision == MixedPrecision::bf16;
  model.set("seq_length", positions);
  model.set("bf16", bf16);
  model.set("params_dtype", named(bf16 ? "torch.bfloat16" : "torch.float32"));
  return model;
}

int64_t global_batch_size(const Settings& settings) {
  const TrainSettings& train = settings.train;
  require(train.micro_batch_size.has_value(), Kind::user, "train.micro_batch_size is not set");
  return train.global_batch_size.value_or(*train.micro_batch_size);
}

int64_t train_iters(const Settings& settings) {
  const TrainSettings& train = settings.train;
  if (train.train_iters) return *train.train_iters;
  require(train.train_samples.has_value(), Kind::user,
          "neither train.train_iters nor train.train_samples is set");
  return *train.train_samples / global_batch_size(settings);
}

}  // namespace bascule
