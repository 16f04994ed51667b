"""Jobs for the real Megatron-Core and Megatron Bridge, on a CPU.

python -m oracle.peers JOBS RESULTS [--transformers5]
"""

import math
import os
import shutil
import sys
from pathlib import Path

from oracle import boot, checkpoints, jobs

# How the model runs, not what it is: kernels that a CPU has not, precision, and what a training
# does. Whatever else run_config.yaml says is tested as it is written.
ON_CPU = {
    "apply_rope_fusion": False,
    "gradient_accumulation_fusion": False,
    "moe_permute_fusion": False,
    "moe_router_fusion": False,
    "moe_shared_expert_overlap": False,
    "cross_entropy_loss_fusion": False,
    "bf16": False,
    "fp16": False,
    "perform_initialization": True,
    "attention_dropout": 0.0,
    "hidden_dropout": 0.0,
    "moe_enable_deepep": False,
    "moe_router_padding_for_fp8": False,
}


def import_(
    hf: str, checkpoint: str, tp: int = 1, pp: int = 1, ep: int = 1, etp: int = 1
) -> jobs.Result:
    """What AutoBridge.import_ckpt does, on gloo."""
    from megatron.bridge import AutoBridge

    sizes = {
        "tensor_model_parallel_size": tp,
        "pipeline_model_parallel_size": pp,
        "expert_model_parallel_size": ep,
        "expert_tensor_parallel_size": etp,
    }
    with boot.process_group(**sizes):
        Path(checkpoint).mkdir(parents=True, exist_ok=True)
        bridge = AutoBridge.from_hf_pretrained(hf)
        if max(sizes.values()) == 1:
            model = bridge.to_megatron_model(wrap_with_ddp=False, use_cpu_initialization=True)
        else:
            provider = bridge.to_megatron_provider()
            for name, value in sizes.items():
                setattr(provider, name, value)
            provider.pipeline_dtype = provider.params_dtype
            provider.finalize()
            model = provider.provide_distributed_model(
                wrap_with_ddp=False, use_cpu_initialization=True
            )
        bridge.save_megatron_model(model, checkpoint, hf_tokenizer_path=hf, low_memory_save=True)
    return {}


def build(checkpoint: str, hf: str, provider: str):
    """The fp32 model that Bridge configures from `hf`, or from the checkpoint's run_config.yaml."""
    import torch
    from megatron.bridge import AutoBridge
    from megatron.bridge.training.model_load_save import load_model_config

    if provider == "hf":
        settings = AutoBridge.from_hf_pretrained(hf).to_megatron_provider(load_weights=False)
    else:
        settings = load_model_config(str(checkpoints.iteration(checkpoint)))[0]
    dtypes = dict.fromkeys(("params_dtype", "autocast_dtype", "pipeline_dtype"), torch.float32)
    for name, value in {**ON_CPU, **dtypes}.items():
        if hasattr(settings, name):
            setattr(settings, name, value)
    settings.finalize()
    models = settings.provide_distributed_model(wrap_with_ddp=False, use_cpu_initialization=True)
    return models[0].eval().float()


def load_strictly(model, checkpoint: str) -> None:
    """Every key must be wanted and there, and no value may be left from before."""
    import torch
    from megatron.core import dist_checkpointing
    from megatron.core.dist_checkpointing.validation import StrictHandling

    directory = str(checkpoints.iteration(checkpoint))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    metadata = dist_checkpointing.load_content_metadata(directory) or {}
    wanted = {"model": model.sharded_state_dict(metadata=metadata)}
    loaded = dist_checkpointing.load(wanted, directory, strict=StrictHandling.RAISE_ALL)
    model.load_state_dict(loaded["model"], strict=True)
    missed = [name for name, parameter in model.named_parameters() if parameter.isnan().any()]
    if missed:
        raise AssertionError(f"never loaded: {missed}")


def load(
    checkpoint: str, hf: str, reference: str, provider: str = "hf", sensitivity: bool = False
) -> jobs.Result:
    """Loads strictly and compares fp32 logits with `reference`, which plain.logits wrote.

    sensitivity: also changes each tensor in turn, and lists those that the logits do not notice.
    """
    import torch

    expected = torch.load(reference)
    ids = expected["ids"]
    length = ids.shape[1]
    positions = torch.arange(length)[None].expand_as(ids)
    mask = torch.ones(length, length, dtype=torch.bool).triu(1)[
        None, None
    ]  # as in training: true is hidden

    def run():
        with torch.no_grad():
            output = model(input_ids=ids, position_ids=positions, attention_mask=mask)
        output = (output[0] if isinstance(output, tuple) else output).float()
        return output if output.shape[0] == ids.shape[0] else output.transpose(0, 1).contiguous()

    with boot.process_group():
        model = build(checkpoint, hf, provider)
        load_strictly(model, checkpoint)
        logits = run().clone()
        width = min(expected["logits"].shape[-1], logits.shape[-1])
        difference = (expected["logits"][..., :width] - logits[..., :width]).abs().max().item()
        unnoticed = _unnoticed(model, run, logits) if sensitivity else []
    return {
        "difference": difference,
        "unnoticed": unnoticed,
        "tensors": len(list(model.parameters())),
    }


def _unnoticed(model, run, before) -> list[str]:
    import torch

    biases = [(name, b) for name, b in model.named_buffers() if name.endswith("expert_bias")]
    found = []
    for name, tensor in [*model.named_parameters(), *biases]:
        keep = tensor.detach().clone()
        with torch.no_grad():
            tensor.copy_(keep.flatten().roll(1).reshape(keep.shape) * 1.5 + 0.01)
            if not (run() - before).abs().max().item() > 1e-4:
                found.append(name)
            tensor.copy_(keep)
    return found


def export(checkpoint: str, hf: str, out: str, provider: str = "run_config") -> jobs.Result:
    """AutoBridge.export_ckpt; `hf` gives the configuration and the expected names.

    provider "hf": builds the model from that configuration instead, for families whose
    run_config.yaml Bridge cannot read back (gpt_oss).
    """
    from megatron.bridge import AutoBridge

    shutil.rmtree(out, ignore_errors=True)
    bridge = AutoBridge.from_hf_pretrained(hf)
    if provider == "run_config":
        bridge.export_ckpt(checkpoint, out, show_progress=False)
        return {}
    with boot.process_group():
        settings = bridge.to_megatron_provider(load_weights=False)
        settings.finalize()
        model = settings.provide_distributed_model(wrap_with_ddp=False, use_cpu_initialization=True)
        load_strictly(model[0], checkpoint)
        bridge.save_hf_pretrained(model, out, show_progress=False)
    return {}


def versions() -> jobs.Result:
    import importlib.metadata as metadata

    import torch
    import transformer_engine

    names = (
        "megatron-core",
        "megatron-bridge",
        "transformers",
        "safetensors",
        "tokenizers",
        "huggingface_hub",
        "numpy",
    )
    found = {name: metadata.version(name) for name in names}
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        **found,
        "transformer_engine": f"stand-in that announces {transformer_engine.__version__}",
    }


def main() -> None:
    boot.install(transformers5="--transformers5" in sys.argv)
    actions = {"import": import_, "load": load, "export": export, "versions": versions}
    jobs.serve({name: alone(action) for name, action in actions.items()}, *sys.argv[1:3])


def alone(action):
    """Building a model sets its attention backend in the environment, where the next model must not
    find it.
    """

    def run(**arguments):
        for name in ("NVTE_FLASH_ATTN", "NVTE_FUSED_ATTN", "NVTE_UNFUSED_ATTN"):
            os.environ.pop(name, None)
        return action(**arguments)

    return run


if __name__ == "__main__":
    main()
