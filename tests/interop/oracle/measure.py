"""Measures how far Megatron's logits are from transformers', where the two are known to compute
different things.

    python -m oracle.measure HF CHECKPOINT [--provider hf] [--length 48]     (with tests/interop in
    PYTHONPATH)

provider run_config: the model that the checkpoint's run_config.yaml describes; hf: the one that
Bridge makes of HF.
"""

import argparse
import tempfile
from pathlib import Path

from oracle import jobs


def measure(
    cases: dict[str, tuple[str, str]], provider: str = "run_config", length: int = 48
) -> dict[str, float]:
    """cases: name → (Hugging Face directory, checkpoint). The largest difference of a logit, for
    each.
    """
    with tempfile.TemporaryDirectory() as work:
        out = {name: str(Path(work, f"{number}.pt")) for number, name in enumerate(cases)}
        plain = jobs.run(
            "plain",
            [
                {"id": name, "action": "logits", "hf": hf, "out": out[name], "length": length}
                for name, (hf, _) in cases.items()
            ],
        )
        peers = jobs.run(
            "peers",
            [
                {
                    "id": name,
                    "action": "load",
                    "checkpoint": checkpoint,
                    "hf": hf,
                    "reference": out[name],
                    "provider": provider,
                }
                for name, (hf, checkpoint) in cases.items()
            ],
        )
    for name, result in [*plain.items(), *peers.items()]:
        if "error" in result:
            raise AssertionError(f"{name}: {result['error']}")
    return {name: peers[name]["difference"] for name in cases}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("hf")
    parser.add_argument("checkpoint")
    parser.add_argument("--provider", choices=["run_config", "hf"], default="run_config")
    parser.add_argument("--length", type=int, default=48)
    arguments = parser.parse_args()
    case = {"difference": (arguments.hf, arguments.checkpoint)}
    print(f"{measure(case, arguments.provider, arguments.length)['difference']:.3g}")


if __name__ == "__main__":
    main()
