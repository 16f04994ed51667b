"""Settings beside those of the families' toys: what Megatron-Core cannot compute, of each kind in
src/families/megatron_gaps.cpp that a config.json can ask for, and what it can though it looks as if
it could not.

Kinds without a row, because no config.json of a supported family reaches them: local_theta (a
rope_theta for layers with a window, outside of Gemma 3), several_windows, mixed_layers, score_cap
(outside of Gemma 2), a partial_rotary_factor under YaRN, and the sigmoid half of router_sum.
"""

from oracle.toys import EXPERTS, GEMMA, GEMMA2, GEMMA3

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}
QWEN3 = {"head_dim": 24}
QWEN3_MOE = {**EXPERTS, "head_dim": 24, "moe_intermediate_size": 40}
OLMOE = {**EXPERTS, "num_key_value_heads": 6, "intermediate_size": 40, "norm_topk_prob": False}
LONGROPE = {
    "rope_type": "longrope",
    "factor": 4.0,
    "original_max_position_embeddings": 128,
    "short_factor": [1.0 + i / 4 for i in range(8)],
    "long_factor": [4.0 + i for i in range(8)],
}
SLIDING, FULL = "sliding_attention", "full_attention"

# name: (transformers' prefix of the classes, settings beside BASE)
Settings = dict[str, tuple[str, dict]]

# Megatron loads these and computes something else; the import's warning says the second.
GAPS: dict[str, tuple[str, dict, str]] = {
    "llama_dynamic": (
        "Llama",
        {"max_position_embeddings": 32, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0}},
        "rope_scaling dynamic",
    ),
    "llama_longrope": ("Llama", {"rope_scaling": LONGROPE}, "rope_scaling longrope"),
    "llama_yarn_attention": (
        "Llama",
        {"rope_scaling": {**YARN, "factor": 1.0, "attention_factor": 1.5}},
        "attention_factor 1.5",
    ),
    "gemma_yarn": ("Gemma", {**GEMMA, "rope_scaling": YARN}, "rope_scaling yarn"),
    "gemma3_llama3": (
        "Gemma3Text",
        {
            **GEMMA3,
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        },
        "rope_scaling llama3",
    ),
    "gemma3_types": (
        "Gemma3Text",
        {**GEMMA3, "sliding_window": 8, "layer_types": [*[SLIDING, FULL, FULL] * 2, SLIDING]},
        "layer_types does not repeat",
    ),
    "gemma3_logit_cap": (
        "Gemma3Text",
        {**GEMMA3, "final_logit_softcapping": 5.0},
        "final_logit_softcapping",
    ),
    "olmoe_clip": ("Olmoe", {**OLMOE, "clip_qkv": 0.5}, "clip_qkv"),
    "qwen3_moe_top1": (
        "Qwen3Moe",
        {**QWEN3_MOE, "num_experts_per_tok": 1, "norm_topk_prob": True},
        "norm_topk_prob",
    ),
}
# Megatron does not load these; the import's warning says the second.
UNLOADABLE: dict[str, tuple[str, dict, str]] = {
    "llama_attention_bias": ("Llama", {"attention_bias": True}, "attention_bias is true"),
    "llama_mlp_bias": ("Llama", {"mlp_bias": True}, "mlp_bias is true"),
}
# No warning, and Megatron agrees.
AGREEING: Settings = {
    "qwen3_yarn": ("Qwen3", {**QWEN3, "rope_scaling": YARN}),
    "llama_yarn_factor": ("Llama", {"rope_scaling": {**YARN, "attention_factor": 1.5}}),
    # Only the activation of Llama proper has a fused kernel that computes it.
    "llama_gelu": ("Llama", {"hidden_act": "gelu"}),
    "llama_gelu_tanh": ("Llama", {"hidden_act": "gelu_pytorch_tanh"}),
    "llama_quick_gelu": ("Llama", {"hidden_act": "quick_gelu"}),
    "llama_relu": ("Llama", {"hidden_act": "relu"}),
    "llama_relu2": ("Llama", {"hidden_act": "relu2"}),
    "qwen3_yarn_gelu": ("Qwen3", {**QWEN3, "hidden_act": "gelu", "rope_scaling": YARN}),
    "qwen2_types": (
        "Qwen2",
        {
            "use_sliding_window": True,
            "sliding_window": 8,
            "max_window_layers": 1,
            "layer_types": [SLIDING, FULL, SLIDING],
        },
    ),
    "qwen3_moe_unnormed": ("Qwen3Moe", {**QWEN3_MOE, "norm_topk_prob": False}),
    "olmoe_normed": ("Olmoe", {**OLMOE, "norm_topk_prob": True}),
    "gemma_linear": ("Gemma", {**GEMMA, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "gemma3_linear": (
        "Gemma3Text",
        {**GEMMA3, "rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    ),
    # transformers keeps this cap of Gemma 3, but does not apply it.
    "gemma3_score_cap": ("Gemma3Text", {**GEMMA3, "attn_logit_softcapping": 0.5}),
    "gemma2_uncapped": (
        "Gemma2",
        {
            **GEMMA2,
            "sliding_window": 512,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": None,
        },
    ),
}
WARNED = GAPS | UNLOADABLE
ALL: Settings = {name: row[:2] for name, row in WARNED.items()} | AGREEING
