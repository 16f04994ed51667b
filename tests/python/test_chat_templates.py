"""Chat templates: which one is taken, what they may do, and what hostile ones cannot.
tests/engine/python/test_tokenizing.py holds them against transformers.
"""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import tokenizers

import bascule
import bascule.data
from bascule.data import chat
from bascule.data.tokenizer import MOST_BYTES
from conftest import GOLDEN

TOKENIZER = GOLDEN / "llama" / "hf"
NOW = datetime.datetime(2026, 7, 1, 12, 30)
SAYS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
PLAIN = (
    "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
)


def template(source: object, folder: Path | None = None, **config: object) -> chat.ChatTemplate:
    return chat.ChatTemplate(folder or TOKENIZER, {"chat_template": source, **config}, NOW)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TOKENIZER, tmp_path / "model"))


def encoded(text: str) -> list[int]:
    tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
    found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return found


@pytest.mark.parametrize("name", ["chat.jsonl", "chat.parquet"])
def test_rows_with_messages(name: str, model: Path) -> None:
    (model / "chat_template.jinja").write_text(PLAIN)
    rows = [{"messages": SAYS}, {"messages": SAYS[:1]}]
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), name)
    else:
        Path(name).write_text("\n".join(map(json.dumps, rows)))
    bascule.data.tokenize(name, model, "out", chat_template=True)
    tokens = encoded("<s>user: Hi</s>assistant: Hello</s>") + encoded("<s>user: Hi</s>")
    assert Path("out.bin").read_bytes() == b"".join(each.to_bytes(2, "little") for each in tokens)
    assert tokens[0] == 256


def test_which_template(model: Path) -> None:
    assert template("a").render(SAYS) == "a"
    named = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]
    assert template(named).render(SAYS) == "a"
    assert template(named).render(SAYS, [{"type": "function"}]) == "b"
    (model / "chat_template.jinja").write_text("file")
    assert template("a", model).render(SAYS, [{}]) == "file"
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates" / "tool_use.jinja").write_text("tools")
    assert template("a", model).render(SAYS, [{}]) == "tools"


def test_what_templates_have() -> None:
    assert template("{{ strftime_now('%Y-%m-%d %H:%M') }}").render(SAYS) == "2026-07-01 12:30"
    assert template("{{ [1, 'é<'] | tojson }}").render(SAYS) == '[1, "é<"]'
    assert template("{% generation %}a{% endgeneration %}").render(SAYS) == "a"
    loop = "{% for m in messages %}{{ m.role }}{% break %}{% endfor %}"
    assert template(loop).render(SAYS) == "user"
    assert template("  {% if true %}\na\n  {% endif %}\nb").render(SAYS) == "a\nb"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ raise_exception('roles must alternate') }}", "TemplateError: roles must alternate"),
        ("{{ messages[9].content }}", "UndefinedError"),
        ("{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("{{ messages.append(1) }}", "SecurityError"),
        ("{{ self._TemplateReference__context.environment }}", "UndefinedError|SecurityError"),
        ("{{ cycler.__init__.__globals__.os.system('touch owned') }}", "SecurityError"),
        ("{% include '/etc/passwd' %}", "no loader for this environment"),
        ("{% for i in range(999999999) %}a{% endfor %}", "OverflowError: Range too big"),
        ("{{ messages[0].content | int / 0 }}", "ZeroDivisionError"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            "takes longer than 0.5 s",
        ),
        (
            "{% for i in range(9999) %}{{ messages[0].content * 999 }}{% endfor %}",
            "writes more than",
        ),
    ],
)
def test_hostile_templates(source: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "SECONDS", 0.5)
    monkeypatch.setattr(chat, "LONGEST", 100_000)
    with pytest.raises(chat.BadRowError, match=said):
        template(source).render(SAYS)
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% if %}", "is no template: TemplateSyntaxError"),
        ("{% for m in messages %}", "is no template: TemplateSyntaxError"),
        ("{{" + "(" * 100_000, "is no template: "),
        ("a" * (MOST_BYTES + 1), "is no text of a template"),
        ({"a": 1}, "is no text of a template"),
        ("{{ 9 ** 999999999 }}", "is no template: TooLongError"),
    ],
)
def test_no_templates(source: object, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "SECONDS", 0.5)
    with pytest.raises(bascule.FormatError, match=said):
        template(source)


def test_memory_is_bounded(model: Path) -> None:
    """In a worker, which may not have more than so much: a row that wants more is a bad one."""
    (model / "chat_template.jinja").write_text("{{ messages[0].content * 20000000000 }}")
    Path("a.jsonl").write_text(json.dumps({"messages": SAYS}))
    with pytest.raises(
        bascule.FormatError, match="line 1 cannot be used: its chat template fails: Mem"
    ):
        bascule.data.tokenize("a.jsonl", model, "out", chat_template=True)


@pytest.mark.parametrize(
    "row",
    [{"messages": "Hi"}, {"messages": []}, {"messages": ["Hi"]}, {"messages": SAYS, "tools": "a"}],
)
def test_rows_that_are_no_conversations(row: dict[str, object], model: Path) -> None:
    (model / "chat_template.jinja").write_text(PLAIN)
    Path("a.jsonl").write_text(json.dumps(row))
    with pytest.raises(
        bascule.FormatError, match=r"line 1 cannot be used: its (messages|tools) are"
    ):
        bascule.data.tokenize("a.jsonl", model, "out", chat_template=True)


def test_a_tokenizer_without_one() -> None:
    Path("a.jsonl").write_text(json.dumps({"messages": SAYS}))
    with pytest.raises(
        bascule.UserError, match=r"has no chat template: neither chat_template\.jinja"
    ):
        bascule.data.tokenize("a.jsonl", TOKENIZER, "out", chat_template=True)
