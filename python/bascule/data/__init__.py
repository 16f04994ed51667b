"""Texts to the indexed datasets that Megatron trains on.

    import bascule.data
    bascule.data.tokenize(["pages.jsonl"], "Llama-3.2-1B", "pages", append_eod=True)

Needs the package tokenizers; jinja2 for chat templates, pyarrow for parquet, zstandard for .zst.
"""

from bascule.data.tokenizing import tokenize
from bascule.reports import Dataset, Tokenized

__all__ = ["Dataset", "Tokenized", "tokenize"]
