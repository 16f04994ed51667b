"""Jobs for the real OptimizerParamScheduler of Megatron-Core.

python -m oracle.schedule JOBS RESULTS
"""

import sys
from types import SimpleNamespace

from oracle import boot, jobs

STEPS = 60


def values(
    settings: dict[str, object], increment: int, override: dict[str, float] | None = None
) -> jobs.Result:
    """Learning rate and weight decay before each step, and the learning rates of a group of
    parameters that has its own peak and least.
    """
    from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler

    groups: list[dict[str, float]] = [{}, dict(override or {})]
    scheduler = OptimizerParamScheduler(
        SimpleNamespace(param_groups=groups), **settings, use_checkpoint_opt_param_scheduler=False
    )
    result: dict[str, list[float]] = {"lr": [], "wd": [], "own": []}
    for _ in range(STEPS):
        result["lr"].append(groups[0]["lr"])
        result["wd"].append(groups[0]["weight_decay"])
        result["own"].append(groups[1]["lr"])
        scheduler.step(increment)
    return result


if __name__ == "__main__":
    boot.install()
    jobs.serve({"values": values}, *sys.argv[1:3])
