"""Rows: arguments in common.pt that say what the model is, where there is no run_config.yaml."""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator

import pickles as pk
from case import EXPORT, Case, later


def args_rows() -> Iterator[Case]:
    """Megatron-LM's."""

    def row(name: str, what: str, value: Callable[[], object], message: str, exit: int = 3) -> Case:
        make = later(lambda: pk.arguments(value()))
        command = f"{EXPORT} --family llama"
        return Case(f"args.{name}", what, make, command, exit, "common.pt", message)

    def model(**changes: object) -> Namespace:
        usual = {"swiglu": True, "untie_embeddings_and_output_weights": True}
        return Namespace(**usual, **changes)

    def shared(levels: int) -> list[object]:
        members: list[object] = [1] * 10
        for _ in range(levels):
            members = [members] * 10
        return members

    def deep(levels: int) -> list[object]:
        members: list[object] = []
        for _ in range(levels):
            members = [members]
        return members

    yield row("none", "nothing", lambda: None, "args is None, not an argparse.Namespace")
    yield row("dict", "a dict", lambda: {"num_layers": 3}, "not an argparse.Namespace")
    yield row("class", "a Namespace that is none", lambda: pk.Plain(1), "not an argparse.Namespace")
    yield row("empty", "no attribute", lambda: Namespace(), "args is ")
    yield row("shared", "lists that unfold to 10^8 members", lambda: Namespace(a=shared(7)), "")
    yield row(
        "wide",
        "1.1 million numbers",
        lambda: Namespace(a=[1] * 1_100_000),
        "more than 1048576 values",
    )
    yield row("deep", "lists 100 deep", lambda: Namespace(a=deep(100)), "more than 8 levels")
    yield row(
        "many",
        "200 000 attributes",
        lambda: model(**{f"a{number}": number for number in range(200_000)}),
        "is missing",
    )
    yield row(
        "layers",
        "10^9 layers",
        lambda: model(num_layers=10**9),
        "args.num_layers is 1000000000; at most 1024",
        5,
    )
    yield row("huge", "2^80 layers", lambda: model(num_layers=1 << 80), "args.num_layers")
    yield row(
        "escape",
        "a name that colours the terminal",
        lambda: model(position_embedding_type="\x1b[31m"),
        "args.position_embedding_type",
        5,
    )
    yield row(
        "function",
        "a function as number",
        lambda: model(num_layers=os.system),
        "args.num_layers is a map",
    )
