// Qwen2.5-VL: Qwen2 with rotary positions in three dimensions, and a vision tower under visual.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void vision(ConfigIo& io, VisionTower& tower) {
  size(io, "depth", tower.layers);
  size(io, "hidden_size", tower.hidden);
  size(io, "intermediate_size", tower.width);
  size(io, "num_heads", tower.heads);
  // The published files say in_chans; transformers reads in_channels, with the same default.
  size(io, "in_channels", tower.channels, 3);
  io.neutral("in_chans", {tower.channels});
  size(io, "patch_size", tower.patch);
  size(io, "temporal_patch_size", tower.temporal_patch, 2);
  size(io, "spatial_merge_size", tower.merge, 2);
  size(io, "out_hidden_size", tower.out);
  io.constant("hidden_act", "silu");
  io.known({"model_type", "spatial_patch_size", "tokens_per_second", "window_size",
            "fullatt_block_indexes", "initializer_range"});
}

void config(ConfigIo& io, Arch& arch) {
  if (!arch.vision) arch.vision.emplace();
  if (!io.section("vision_config", [&](ConfigIo& inner) { vision(inner, *arch.vision); }))
    io.malformed("vision_config", "is missing");
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  text_model(io, arch, {.positions = 32768});
  attention(io, arch, attn, {.kv_heads = 32});
  attn.qkv_bias = true;
  feed_forward(io, mlp);
  io("rope_theta", arch.rope.theta, 10000);
  io.section("rope_scaling", [&](ConfigIo& inner) {
    inner.constant("type", "mrope");
    inner.neutral("rope_type", {"mrope", "default"});
    inner("mrope_section", arch.rope.sections);
  });
  Windows windows = windows_of(arch);
  qwen_windows(io, windows);
  io.known({"image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id",
            "vision_token_id"});
  attn.window.reset();
  set_layers(arch, {attn, mlp}, windows);
}

Dialect hf(const Arch& arch) {
  // clang-format off
  const Dialect tower = {
      {"patch_embed.proj", "vision.patch"      },
      {"merger.ln_q",      "vision.merger.norm"},
      {"merger.mlp.0",     "vision.merger.fc1" },
      {"merger.mlp.2",     "vision.merger.fc2" },
  };
  const Dialect block = {
      {"norm1",         "norm1"},
      {"norm2",         "norm2"},
      {"attn.qkv",      "qkv"  },
      {"attn.proj",     "proj" },
      {"mlp.gate_proj", "gate" },
      {"mlp.up_proj",   "up"   },
      {"mlp.down_proj", "down" },
  };
  // clang-format on
  return qwen2().hf(arch) +
         under("visual.", tower + layers("blocks.{L}.", block, "vision.blocks.{L}."));
}

}  // namespace

Family qwen2_5_vl() {
  Family family = derived(qwen2());
  family.name = "qwen2_5_vl";
  family.title = "Qwen2.5-VL";
  family.architectures = {"Qwen2_5_VLForConditionalGeneration"};
  family.model_type = "qwen2_5_vl";
  family.provider = "megatron.bridge.models.qwen_vl.qwen25_vl_provider.Qwen25VLModelProvider";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
