"""Chat templates, rendered as transformers renders them, in jinja2's sandbox.

A template is a program that came with a model: it sees the messages and nothing else, and is
stopped when it takes too long or too much memory.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from bascule.data.needs import package
from bascule.data.tokenizer import MOST_BYTES, settings_in
from bascule.errors import FormatError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from types import FrameType

_PURPOSE = "a chat template"
LONGEST = 64 << 20  # characters of a rendered row
SECONDS = 10.0  # for a row
SPECIAL_TOKENS = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)


class BadRowError(Exception):
    """A row that cannot be rendered; the message says why."""


class ChatTemplate:
    """The template of a tokenizer, compiled: work for a process that may be stopped."""

    def __init__(self, directory: Path, config: dict[str, Any], now: datetime) -> None:
        """`now` is the time that templates ask for: one for all rows.

        Raises:
            bascule.UserError: the tokenizer has no template.
            bascule.FormatError: it is no template.
            bascule.ResourceError: jinja2 is not installed.
        """
        jinja2 = package("jinja2", _PURPOSE)
        self._errors = (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
        environment = _environment(now)
        self._special = _special_tokens(directory, config)

        def compiled(name: str, source: str) -> Any:  # noqa: ANN401  jinja2's
            try:
                with _Alarm():  # constants are computed now
                    return environment.from_string(source)
            except (*self._errors, RecursionError, MemoryError, _TooLongError) as error:
                raise FormatError(
                    f"{directory}: the chat template {name} is no template: "
                    f"{type(error).__name__.strip('_')}: {error}"
                ) from error

        self._templates = {
            name: compiled(name, source) for name, source in sources(directory, config).items()
        }

    def render(self, messages: object, tools: object = None) -> str:
        """The text of a conversation.

        Raises:
            BadRowError: messages that the template refuses, or that are none.
        """
        whole = isinstance(messages, list) and all(isinstance(each, dict) for each in messages)
        if not whole or not messages:
            raise BadRowError("its messages are no list of objects with role and content")
        if tools is not None and not isinstance(tools, list):
            raise BadRowError("its tools are no list")
        name = "tool_use" if tools is not None and "tool_use" in self._templates else "default"
        parts = self._templates[name].generate(
            messages=messages,
            tools=tools,
            documents=None,
            add_generation_prompt=False,
            **self._special,
        )
        try:
            with _Alarm():
                return _joined(parts)
        except _TooLongError:
            raise BadRowError(f"its chat template takes longer than {SECONDS:g} s") from None
        except (*self._errors, AttributeError, RecursionError, MemoryError, OverflowError) as error:
            raise BadRowError(
                f"its chat template fails: {type(error).__name__}: {error}"
            ) from error


def _joined(parts: Iterator[str]) -> str:
    kept: list[str] = []
    length = 0
    for part in parts:
        kept.append(part)
        length += len(part)
        if length > LONGEST:
            raise BadRowError(f"its chat template writes more than {LONGEST >> 20} Mi characters")
    return "".join(kept)


class _TooLongError(BaseException):
    """No Exception, which jinja2 catches where it computes constants."""


class _Alarm:
    """Raises _TooLongError amid what takes too long. For a process's main thread."""

    def __enter__(self) -> None:
        def ring(number: int, frame: FrameType | None) -> None:
            raise _TooLongError

        self._before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)

    def __exit__(self, *raised: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)


def sources(directory: Path, config: dict[str, Any]) -> dict[str, str]:
    """The templates of a tokenizer by their names: "default", and "tool_use" where rows with tools
    have their own. Files go before what tokenizer_config.json has.

    Raises:
        bascule.UserError: there is none.
        bascule.FormatError: one is no text, or too long for what it is.
    """
    files = {"default": directory / "chat_template.jinja"}
    folder = directory / "additional_chat_templates"
    files |= {path.stem: path for path in sorted(folder.glob("*.jinja"))}
    found: dict[str, object] = {
        name: path.read_bytes().decode("utf-8", "replace")
        for name, path in files.items()
        if path.is_file()
    }
    given = config.get("chat_template") or settings_in(directory / "chat_template.json").get(
        "chat_template"
    )
    if not found and isinstance(given, list):
        found = {str(each.get("name")): each.get("template") for each in given if "name" in each}
    elif not found and given is not None:
        found = {"default": given}
    if "default" not in found:
        raise UserError(
            f"{directory} has no chat template: neither chat_template.jinja nor chat_template in "
            "tokenizer_config.json"
        )
    texts = {name: text for name, text in found.items() if isinstance(text, str)}
    for name, text in found.items():
        if not isinstance(text, str) or len(text) > MOST_BYTES:
            raise FormatError(f"{directory}: the chat template {name} is no text of a template")
    return texts


def _special_tokens(directory: Path, config: dict[str, Any]) -> dict[str, str]:
    """What templates call bos_token and so on."""
    names = settings_in(directory / "special_tokens_map.json") | config
    found = {}
    for name in SPECIAL_TOKENS:
        token = names.get(name)
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            found[name] = content
    return found


def _environment(now: datetime) -> Any:  # noqa: ANN401  jinja2's
    jinja2 = package("jinja2", _PURPOSE)
    ext = package("jinja2.ext", _PURPOSE)
    sandbox = package("jinja2.sandbox", _PURPOSE)

    class Generation(ext.Extension):  # type: ignore[misc, name-defined]
        """{% generation %} marks what the assistant says; it is rendered as it is."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:  # noqa: ANN401
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body, lineno=line)

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def tojson(
        value: object,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = now.strftime
    return environment
