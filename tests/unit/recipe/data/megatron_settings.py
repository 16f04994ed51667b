#!/usr/bin/env python3
"""Writes megatron_settings.yaml: the settings of Megatron Bridge 0.3.1 with their defaults.

    megatron_settings.py SITE_PACKAGES > megatron_settings.yaml

Reads the sources of megatron-bridge 0.3.1 and megatron-core 0.16.1; runs nothing of them. A default
that is no literal is written as its source. Settings of models are in the tests of families.
"""

import ast
import json
import sys
from pathlib import Path

CONFIG = "bridge/training/config.py"
# A group: the classes whose fields it has, base classes first.
GROUPS: dict[str, list[tuple[str, str]]] = {
    "train": [(CONFIG, "TrainingConfig")],
    "optimizer": [("core/optimizer/optimizer_config.py", "OptimizerConfig")],
    "scheduler": [(CONFIG, "SchedulerConfig")],
    "dataset": [
        ("core/datasets/blended_megatron_dataset_config.py", "BlendedMegatronDatasetConfig"),
        ("core/datasets/gpt_dataset.py", "GPTDatasetConfig"),
        (CONFIG, "DataloaderConfig"),
        (CONFIG, "FinetuningDatasetConfig"),
    ],
    "tokenizer": [("bridge/training/tokenizers/config.py", "TokenizerConfig")],
    "checkpoint": [(CONFIG, "CheckpointConfig")],
    "logger": [(CONFIG, "LoggerConfig")],
    "rng": [(CONFIG, "RNGConfig")],
    "profiling": [(CONFIG, "ProfilingConfig")],
    "ddp": [
        ("core/distributed/distributed_data_parallel_config.py", "DistributedDataParallelConfig")
    ],
    "dist": [(CONFIG, "DistributedInitConfig")],
    "rerun_state_machine": [(CONFIG, "RerunStateMachineConfig")],
    "ft": [(CONFIG, "FaultToleranceConfig")],
    "straggler": [(CONFIG, "StragglerDetectionConfig")],
    "nvrx_straggler": [(CONFIG, "NVRxStragglerDetectionConfig")],
    "inprocess_restart": [(CONFIG, "InProcessRestartConfig")],
    "tensor_inspect": [(CONFIG, "TensorInspectConfig")],
}


def fields(source: Path, name: str) -> dict[str, str]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    found[each.target.id] = default(each.value)
    return found


def default(value: ast.expr | None) -> str:
    if value is None:
        return json.dumps("required")
    try:
        return json.dumps(ast.literal_eval(value))
    except ValueError:
        return json.dumps(ast.unparse(value))


def main() -> None:
    root = Path(sys.argv[1]) / "megatron"
    for group, classes in GROUPS.items():
        print(f"{group}:")
        found: dict[str, str] = {}
        for path, name in classes:
            found |= fields(root / path, name)
        for key, value in sorted(found.items()):
            print(f"  {key}: {value}")


if __name__ == "__main__":
    main()
