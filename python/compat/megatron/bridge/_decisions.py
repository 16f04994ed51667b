"""What becomes of each module of Megatron Bridge 0.3.1: bascule has it, or why not yet.

The longest of these names that a module equals or lies in decides. Those of `HERE` say where its
names are found; names that are not found there are not yet in bascule, as those of `NOT_YET` are,
which say why, or what to use.
"""

from __future__ import annotations

HERE: dict[str, str] = {
    "models.conversion.auto_bridge": "bascule.auto_bridge",
    "models.conversion.model_bridge": "bascule.conversion_tasks",
    "recipes.gemma": "bascule.recipes.gemma",
    "recipes.llama": "bascule.recipes.llama",
    "recipes.olmoe": "bascule.recipes.olmoe",
    "recipes.qwen": "bascule.recipes.qwen",
    "training.callbacks": "bascule.training.callbacks",
    "training.config": "bascule.config",
    "training.distill": "bascule.training.not_yet",
    "training.finetune": "bascule.training.not_yet",
    "training.gpt_step": "bascule.training.gpt_step",
    "training.losses": "bascule.training.losses",
    "training.pretrain": "bascule.training.pretrain",
    "training.state": "bascule.training.state",
    "training.tokenizers.config": "bascule.config",
}

_IN_CPP = "families are described in C++; AutoBridge finds a model's by its config.json"
_LOOP = "a part of the training loop, which is C++; pretrain(config) runs it"
_RANKS = "one rank only so far"
_VISION = "vision is not there yet"

NOT_YET: dict[str, str] = {
    "": "",
    "data": "datasets are read in C++; ConfigContainer.dataset names them",
    "data.builders": "fine-tuning data are not read yet",
    "data.datasets": "fine-tuning data are not read yet",
    "data.energon": _VISION,
    "data.finetuning": "fine-tuning data are not read yet",
    "data.hf_processors": "fine-tuning data are not read yet",
    "data.vlm_datasets": _VISION,
    "inference": "inference is `bascule generate` so far",
    "models": _IN_CPP,
    "models.conversion": _IN_CPP,
    "models.conversion.auto_bridge": "AutoBridge.list_supported_models() lists architectures",
    "models.conversion.peft_bridge": "adapters are not there yet",
    "models.conversion.utils": "bascule.verify(first, second) compares two checkpoints",
    "models.decorators": _LOOP,
    "models.distillation_provider": "distillation is not there yet",
    "models.gemma_vl": _VISION,
    "models.glm_vl": _VISION,
    "models.ministral3": _VISION,
    "models.nemotron_vl": _VISION,
    "models.qwen_vl": _VISION,
    "peft": "adapters are not there yet",
    "recipes": "`bascule.recipes` has those of the families that are trained",
    "recipes.gemma3_vl": _VISION,
    "recipes.glm_vl": _VISION,
    "recipes.nemotron_vl": _VISION,
    "recipes.qwen_vl": _VISION,
    "recipes.run_plugins": "runs are started by torchrun or `bascule train`",
    "training": _LOOP,
    "training.comm_overlap": _RANKS,
    "training.config": "ConfigContainer has the groups of settings that bascule trains with",
    "training.fault_tolerance": _RANKS,
    "training.flex_dispatcher_backend": _RANKS,
    "training.gpt_step": "pretrain() gives batches to a forward_step of your own",
    "training.inprocess_restart": _RANKS,
    "training.llava_step": _VISION,
    "training.mixed_precision": "ConfigContainer.mixed_precision is a name: bf16_mixed, or None",
    "training.mlm_compat": "`bascule export` reads the torch_dist checkpoints of Megatron-LM",
    "training.model_load_save": "AutoBridge.load_megatron_model and save_megatron_model do this",
    "training.nvrx_straggler": _RANKS,
    "training.post_training": "quantisation and distillation are not there yet",
    "training.tokenizers": "tokenizers are files; ConfigContainer.tokenizer names them",
    "training.vlm_step": _VISION,
    "utils": _LOOP,
}

# Of names that end so, whatever their module.
ENDINGS: dict[str, str] = {
    "_finetune_config": "fine-tuning is not there yet",
    "_peft_config": "adapters are not there yet",
    "_sft_config": "fine-tuning is not there yet",
}
