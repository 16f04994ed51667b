#!/usr/bin/env python3
"""Draws docs/architecture.svg: how weights travel, and which box may see which.

    architecture.py            writes the picture
    architecture.py --check    exit 1 if the picture in docs/ is not this one

The boxes and arrows are those of check_layers.py, less the arrows that follow from others.
"""

import sys
from html import escape
from pathlib import Path

from check_layers import MAY_SEE

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "architecture.svg"
WIDTH, HEIGHT = 1080, 994

INK, SOFT, LINE, PAPER, CARD = "#1f2933", "#5b6773", "#9aa5b1", "#ffffff", "#f7f9fb"
HF, MEGATRON, CORE = "#d97706", "#2f7d4f", "#3b5bdb"
TINTS = {"q": ("#dbe4ff", "#3b5bdb"), "k": ("#ffe8cc", "#d9480f"), "v": ("#d3f9d8", "#2b8a3e")}

# A box: its centre, its width, and what it is.
BOXES: dict[str, tuple[int, int, int, str]] = {
    "python": (200, 510, 290, "bascule._core, for import bascule"),
    "program": (610, 510, 330, "bascule-engine: train, compare, generate"),
    "cli": (230, 592, 350, "bascule: ten verbs, exit codes, progress, --json"),
    "train": (840, 592, 350, "the step, the loop, checkpoints, metrics"),
    "bridge": (200, 674, 310, "open, import, export, verify, inspect, plan"),
    "recipe": (560, 674, 176, "settings, schedules"),
    "data": (752, 674, 176, "datasets, their order"),
    "nn": (950, 674, 170, "blocks, parameters"),
    "convert": (150, 756, 210, "plan, executor, verifier"),
    "families": (362, 756, 196, "a table each: config ↔ Arch"),
    "kernels": (930, 756, 210, "mathematics on tensors"),
    "store": (150, 838, 210, "safetensors, torch_dist"),
    "model": (400, 838, 230, "Arch, slots, layouts, dialects"),
    "settings": (622, 838, 170, "fields, YAML, names"),
    "base": (540, 920, 990, "errors, files, atomic commit, hashes, workers: knows no models"),
}
BOX_HEIGHT = 52
HEAD = 94  # the width of a head


def text(
    x: float, y: float, words: str, size: int = 13, anchor: str = "middle", **style: str
) -> str:
    attributes = {"fill": INK} | {key.replace("_", "-"): value for key, value in style.items()}
    listed = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" {listed}>'
        f"{escape(words)}</text>"
    )


def card(x: float, y: float, width: float, height: float, edge: str, fill: str = CARD) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9" fill="{fill}" '
        f'stroke="{edge}" stroke-width="1.5"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float, both: bool = False) -> str:
    start = ' marker-start="url(#tip)"' if both else ""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{SOFT}" '
        f'stroke-width="1.6"{start} marker-end="url(#tip)"/>'
    )


def directory(x: float, title: str, edge: str, lines: list[tuple[str, str]]) -> list[str]:
    """A directory on disk: what lies in it, and what that is."""
    parts = [
        card(x, 64, 300, 132, edge),
        text(x + 150, 90, title, 16, font_weight="600", fill=edge),
    ]
    for row, (name, what) in enumerate(lines):
        y = 118 + row * 24
        parts.append(text(x + 16, y, name, 12, "start", font_family="monospace"))
        parts.append(text(x + 284, y, what, 12, "end", fill=SOFT))
    return parts


def block(x: float, y: float, name: str) -> str:
    fill, edge = TINTS[name[0]]
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{HEAD}" height="26" rx="4" fill="{fill}" '
        f'stroke="{edge}"/>' + text(x + HEAD / 2, y + 17.5, name, 12, fill=edge)
    )


def ribbon(x1: float, y1: float, x2: float, y2: float, width: float, kind: str) -> str:
    """One copy of a plan, from the lower edge of its source to the upper edge of its target."""
    middle = (y1 + y2) / 2
    fill, edge = TINTS[kind]
    return (
        f'<path d="M{x1:g} {y1:g} C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g} h{width:g} '
        f'C{x2 + width:g} {middle:g} {x1 + width:g} {middle:g} {x1 + width:g} {y1:g} z" '
        f'fill="{fill}" fill-opacity="0.6" stroke="{edge}" stroke-opacity="0.35"/>'
    )


def packing() -> list[str]:
    """q, k and v of four heads in two groups: apart above, head group by head group below."""
    upper, lower, left, step = 236, 318, 227, HEAD + 4
    apart = {"q0": 0, "q1": 1, "q2": 2, "q3": 3, "k0": 4, "k1": 5, "v0": 6, "v1": 7}
    packed = {"q0": 0, "q1": 1, "k0": 2, "v0": 3, "q2": 4, "q3": 5, "k1": 6, "v1": 7}
    above = {name: left + i * step + 14 * "qkv".index(name[0]) for name, i in apart.items()}
    below = {name: left + 7 + i * step + 14 * (i // 4) for name, i in packed.items()}
    parts = [
        text(
            45, upper + 17, "q_proj, k_proj, v_proj", 12, "start", fill=HF, font_family="monospace"
        ),
        text(45, lower + 17, "linear_qkv", 12, "start", fill=MEGATRON, font_family="monospace"),
    ]
    for name, width in {"q0": 2, "q2": 2, "k0": 1, "k1": 1, "v0": 1, "v1": 1}.items():
        size = (width - 1) * step + HEAD
        parts.append(ribbon(above[name], upper + 26, below[name], lower, size, name[0]))
    for places, y in ((above, upper), (below, lower)):
        parts += [block(x, y, name) for name, x in places.items()]
    return parts


def flow() -> list[str]:
    """The way of the weights."""
    parts = [
        text(45, 40, "The way of the weights", 18, "start", font_weight="600"),
        *directory(
            45,
            "Hugging Face directory",
            HF,
            [
                ("config.json", "the architecture"),
                ("*.safetensors", "the weights"),
                ("tokenizer, code, …", "travels along"),
            ],
        ),
        *directory(
            735,
            "Megatron Core checkpoint",
            MEGATRON,
            [
                ("run_config.yaml", "the architecture"),
                (".metadata, *.distcp", "the weights"),
                ("tokenizer/, bascule/", "travels along"),
            ],
        ),
        card(405, 64, 270, 132, CORE),
        text(540, 90, "Arch and its slots", 16, font_weight="600", fill=CORE),
        text(540, 118, "one description of the model;", 12, fill=SOFT),
        text(540, 138, "a dialect says how a format spells", 12, fill=SOFT),
        text(540, 158, "and packs its slots, and a plan", 12, fill=SOFT),
        text(540, 178, "is where two dialects meet", 12, fill=SOFT),
        arrow(351, 130, 399, 130, both=True),
        arrow(681, 130, 729, 130, both=True),
        *packing(),
    ]
    steps = [
        ("plan", "boxes of one tensor to boxes of another"),
        ("stream", "within --memory, resumable"),
        ("prove", "re-read, compare hash by slot"),
        ("publish", "fsync, manifest, rename"),
    ]
    for number, (name, what) in enumerate(steps):
        x, width = 45 + number * 252, 234
        parts.append(card(x, 372, width, 54, LINE, PAPER))
        parts.append(text(x + width / 2, 394, name, 14, font_weight="600"))
        parts.append(text(x + width / 2, 414, what, 12, fill=SOFT))
        if number:
            parts.append(arrow(x - 17, 399, x - 4, 399))
    return parts


def within(centre: float, width: float, x: float) -> float:
    """x, or the nearest place on the box's edge that is not its corner."""
    return min(max(x, centre - width * 0.4), centre + width * 0.4)


def reachable(box: str) -> set[str]:
    seen: set[str] = set()
    for other in MAY_SEE[box]:
        seen |= {other} | reachable(other)
    return seen


def structure() -> list[str]:
    """The boxes of the source, and who may include whom."""
    parts = [
        text(45, 468, "The boxes of the source", 18, "start", font_weight="600"),
        text(
            1035,
            468,
            "an arrow: may include; checked by tools/check_layers.py",
            12,
            "end",
            fill=SOFT,
        ),
    ]
    for box, (x, y, own, _) in BOXES.items():
        direct = MAY_SEE[box] - set().union(*(reachable(other) for other in MAY_SEE[box]))
        for other in sorted(direct):
            ox, oy, width, _ = BOXES[other]
            # base is as wide as the picture: straight down; other boxes: towards their middle
            end = x if other == "base" else within(ox, width, ox + (x - ox) * 0.3)
            start = x if other == "base" else within(x, own, x + (ox - x) * 0.3)
            parts.append(arrow(start, y + BOX_HEIGHT / 2, end, oy - BOX_HEIGHT / 2 - 4))
    for box, (x, y, width, what) in BOXES.items():
        parts.append(card(x - width / 2, y - BOX_HEIGHT / 2, width, BOX_HEIGHT, CORE))
        parts.append(text(x, y - 4, box, 15, font_weight="600", fill=CORE))
        parts.append(text(x, y + 16, what, 12, fill=SOFT))
    parts.append(text(
            540,
            974,
            "program, train, nn and kernels link libtorch; the others need neither torch nor CUDA, "
            "and only python needs Python.",
            12,
            fill=SOFT,
        ))
    return parts


def picture() -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="Inter, Segoe UI, Helvetica, '
            'Liberation Sans, DejaVu Sans, Arial, sans-serif">',
            "<title>The architecture of bascule</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="6" '
            f'markerHeight="6" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" '
            f'fill="{SOFT}"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="14" fill="{PAPER}"/>',
            *flow(),
            *structure(),
            "</svg>",
            "",
        ]
    )


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != picture():
            print(
                f"{TARGET.relative_to(ROOT)} is stale: run tools/architecture.py", file=sys.stderr
            )
            return 1
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    TARGET.write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
