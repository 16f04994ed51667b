"""A model's tokenizer as its files say, without transformers."""

from __future__ import annotations

import hashlib
import json
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bascule import _core
from bascule.data.needs import package
from bascule.errors import FormatError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 1 << 20  # of a settings file: a chat template has some thousands
_CONVERT = (
    'python -c "from transformers import AutoTokenizer as T; '
    "T.from_pretrained('{0}').save_pretrained('{0}-fast')\""
)
# Files that tokens depend on.
_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")


class Tokenizer:
    """Texts to token ids, by tokenizer.json.

    Attributes:
        directory: where its files lie.
        vocabulary: how many tokens there are, added ones included, as Megatron counts them.
    """

    def __init__(self, directory: str) -> None:
        """Raises bascule.Error where the files are not those of a whole tokenizer."""
        tokenizers = package("tokenizers", "tokenizing")
        self.directory = Path(directory)
        _require_json(self.directory)
        path = self.directory / "tokenizer.json"
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise FormatError(f"{path} is no tokenizer: {error}") from error
        # Files of published models have these for their authors' use: they would cut documents.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.vocabulary: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.config = settings_in(self.directory / "tokenizer_config.json")
        self._require_added_tokens()

    def encode(self, texts: Sequence[str], add_special_tokens: bool) -> list[array[int]]:
        """The ids of each text, as int32."""
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=add_special_tokens)
        return [array("i", each.ids) for each in encoded]

    def end_of_document(self, given: int | None) -> int:
        """The id that ends a document: `given`, or the eos_token.

        Raises:
            bascule.UserError: the tokenizer does not say it, or has no such token.
        """
        end = _core.end_of_sequence(self.directory) if given is None else given
        if end is None:
            raise UserError(
                f"the tokenizer in {self.directory} does not say which token ends a document: "
                "name it with --eod-id"
            )
        if self._tokenizer.id_to_token(end) is None:
            raise UserError(f"the tokenizer in {self.directory} has no token {end}: see --eod-id")
        return end

    def digest(self) -> str:
        """A hash of the files that tokens depend on."""
        sha = hashlib.sha256()
        templates = sorted(self.directory.glob("chat_template*.jinja"))
        templates += sorted((self.directory / "additional_chat_templates").glob("*.jinja"))
        for path in [*(self.directory / name for name in _FILES), *templates]:
            if path.is_file():
                sha.update(f"{path.name} {path.stat().st_size}\n".encode())
                sha.update(path.read_bytes())
        return sha.hexdigest()

    def _require_added_tokens(self) -> None:
        """Transformers adds what tokenizer_config.json has besides; then ids would differ."""
        added = self.config.get("added_tokens_decoder", {})
        for id, token in added.items() if isinstance(added, dict) else ():
            content = token.get("content") if isinstance(token, dict) else token
            if not id.isdecimal() or self._tokenizer.id_to_token(int(id)) != content:
                raise FormatError(
                    f"{self.directory}/tokenizer_config.json has {content!r} as token {id}, and "
                    "tokenizer.json has not: make both anew with transformers: "
                    + _CONVERT.format(self.directory)
                )


def settings_in(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty where there is no file.

    Raises:
        bascule.FormatError: it is no JSON object, or too large for what it is.
    """
    if not path.exists():
        return {}
    if path.stat().st_size > 16 * MOST_BYTES:
        raise FormatError(f"{path} is too large for settings: {path.stat().st_size} bytes")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{path} is no JSON object")
    return found


def _require_json(directory: Path) -> None:
    if (directory / "tokenizer.json").is_file():
        return
    others = [
        path.name
        for name in ("tokenizer.model", "*.spm", "*.tiktoken", "vocab.json", "vocab.txt")
        for path in sorted(directory.glob(name))
    ]
    if not others:
        raise UserError(f"{directory} has no tokenizer.json: --tokenizer takes a model's directory")
    raise UserError(
        f"{directory} has {others[0]}, but no tokenizer.json, which is read; transformers, "
        "sentencepiece and tiktoken make one of it: " + _CONVERT.format(directory)
    )
