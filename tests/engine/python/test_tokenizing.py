"""What `bascule data tokenize` writes is what megatron-core's builder writes, chat templates render
as in transformers, and the engine trains on it.
"""

import datetime
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import tokenizers
import transformers

from conftest import HF, ROOT, one_thread

GOLDEN = ROOT / "tests/golden"
WORDS = ["the", "quick", "brown", "fox", "jumps", "über", "狐狸", "🦊", "<s>", "</s>", "def", "f(x):\n\treturn", "x\r\n", "", "", ""]


@pytest.fixture(scope="module")
def package(engine: Path):
    sys.path.insert(0, str(engine / "python"))
    import bascule.data
    from bascule.data import chat

    return bascule.data, chat


def texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randrange(60))) for _ in range(count)]


def tokenize(engine: Path, *words: object, code: int = 0) -> subprocess.CompletedProcess:
    call = subprocess.run(
        [str(engine / "bascule"), "data", "tokenize", *map(str, words)],
        capture_output=True, text=True, timeout=120, cwd=ROOT,
        env=one_thread() | {"BASCULE_PYTHON": sys.executable},
    )  # fmt: skip
    assert call.returncode == code, call.stderr
    return call


def wide_tokenizer(folder: Path) -> Path:
    """One of so many words that Megatron stores int32."""
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys(" ".join(WORDS).split()))}
    vocabulary |= {f"word{at}": at for at in range(len(vocabulary), 70_000)}
    model = tokenizers.models.WordLevel(vocabulary, unk_token="the")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["</s>"])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("name", ["llama", "gemma3", "qwen3", "wide"])
def test_the_bytes_are_those_of_megatrons_builder(name: str, engine: Path, tmp_path: Path) -> None:
    """Documents of one text, of several, and of none, with an end and without."""
    from oracle import jobs

    folder = wide_tokenizer(tmp_path / "wide") if name == "wide" else GOLDEN / name / "hf"
    rows = [{"text": text, "parts": texts(at, at % 4)} for at, text in enumerate(texts(0, 300))]
    rows[7]["text"] = ""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    cases = {"text": True, "parts": False}
    todo = [
        {"id": key, "action": "tokenize", "target": str(tmp_path / f"megatron_{key}"),
         "tokenizer": str(folder), "rows": str(path), "key": key, "append_eod": end}
        for key, end in cases.items()
    ]  # fmt: skip
    done = jobs.run("datasets", todo)
    for key, end in cases.items():
        assert "error" not in done[key], done[key]["error"]
        words = ["--json-key", key, "--workers", 2, *(["--append-eod"] if end else [])]
        tokenize(engine, path, "--tokenizer", folder, "--output", tmp_path / key, *words)
        for kind in ("bin", "idx"):
            ours, theirs = (tmp_path / f"{each}.{kind}" for each in (key, f"megatron_{key}"))
            assert ours.read_bytes() == theirs.read_bytes()
        assert done[key]["dtype"] == ("int32" if name == "wide" else "uint16")


TEMPLATES = {
    "plain": "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] | trim }}"
    "{{ eos_token }}{% endfor %}",
    "blocks": "{% for m in messages %}\n  {% if m.role == 'user' %}\n    U: {{ m.content }}\n"
    "  {% else %}\n{% generation %}A: {{ m.content }}{{ eos_token }}{% endgeneration %}\n"
    "  {% endif %}\n{% endfor %}\n{% if add_generation_prompt %}A:{% endif %}",
    "tools": "{% if tools %}{{ tools | tojson(indent=2) }}{% endif %}{% set ns = namespace(n=0) %}"
    "{% for m in messages %}{% if m.tool_calls is defined %}{{ m.tool_calls | tojson }}"
    "{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}{{ ns.n }}: {{ m.content }}\n{% endfor %}",
    "dates": "{% if not date is defined %}{% set date = strftime_now('%d %b %Y') %}{% endif %}"
    "{{ date }}{{ messages[-1].content[::-1] | upper }}{{ documents }}{{ unk_token | string }}",
    "macro": "{%- macro say(m) -%}<|{{ m.role }}|>{{ m.content }}{%- endmacro -%}"
    "{% for m in messages if m.role != 'system' %}{{ say(m) }}{{ '\\n' if not loop.last }}{% endfor %}",
}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "n": 1}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": 'of a "city" <>&'}}
CONVERSATIONS = [
    ([{"role": "user", "content": "  Hi there "}, {"role": "assistant", "content": "Hello, 狐"}], None),
    (
        [
            {"role": "system", "content": "Be\nbrief."},
            {"role": "user", "content": "<s>Weather?</s>"},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "content": '{"degrees": 21}'},
        ],
        [TOOL],
    ),
]


def theirs(folder: Path, messages: list, tools: list | None) -> tuple[str, list[int]]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    ids = tokenizer.apply_chat_template(messages, tools=tools, return_dict=False)
    return text, ids


@pytest.mark.parametrize("where", ["config", "file", "list"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_chat_templates_are_rendered_as_in_transformers(
    name: str, where: str, package, engine: Path, tmp_path: Path
) -> None:
    _, chat = package
    folder = tmp_path / "model"
    folder.mkdir()
    for path in HF.iterdir():
        if path.suffix == ".json":
            (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    source = TEMPLATES[name]
    if where == "file":
        (folder / "chat_template.jinja").write_text(source)
    elif where == "list":
        named = {"default": source, "tool_use": "T" + source}
        config["chat_template"] = [{"name": k, "template": v} for k, v in named.items()]
    else:
        config["chat_template"] = source
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    template = chat.ChatTemplate(folder, config, datetime.datetime.now())
    expected = [theirs(folder, *each) for each in CONVERSATIONS]
    assert [template.render(*each) for each in CONVERSATIONS] == [text for text, _ in expected]
    rows = [{"messages": said} | ({"tools": tools} if tools else {}) for said, tools in CONVERSATIONS]
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    output = tmp_path / "out"
    tokenize(engine, path, "--tokenizer", folder, "--output", output, "--chat-template")
    tokens = [token for _, ids in expected for token in ids]
    assert (tmp_path / "out.bin").read_bytes() == b"".join(t.to_bytes(2, "little") for t in tokens)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in GOLDEN.glob("*/hf")))
def test_ids_are_those_of_transformers(name: str, package) -> None:
    from bascule.data.tokenizer import Tokenizer

    folder = GOLDEN / name / "hf"
    ours, reference = Tokenizer(str(folder)), transformers.AutoTokenizer.from_pretrained(folder)
    # transformers' class for Qwen2 has a token of its own, which the toy lacks.
    assert ours.vocabulary == len(reference) - name.startswith("qwen2")
    assert ours.end_of_document(None) == reference.eos_token_id
    for special in (False, True):
        expected = reference(texts(1, 50), add_special_tokens=special)["input_ids"]
        assert [list(each) for each in ours.encode(texts(1, 50), special)] == expected


def test_a_model_trains_on_it(engine: Path, train, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts(3, 400)))
    data = tmp_path / "data"
    tokenize(engine, path, "--tokenizer", HF, "--output", data, "--append-eod")
    settings = [
        f"dataset.blend={data}", 'dataset.split="80,10,10"',
        "dataset.reset_position_ids=true", "dataset.eod_mask_loss=true",
        "tokenizer.tokenizer_type=HuggingFaceTokenizer", f"tokenizer.tokenizer_model={HF}",
        "optimizer.lr=5.0e-3",
    ]  # fmt: skip
    train("run", *settings)
    rows = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < losses[0] - 0.1
