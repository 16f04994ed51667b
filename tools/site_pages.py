"""A hook of mkdocs.yml: examples/ become pages of the site, and links to them lead there.

In the repository the same links lead to the files themselves.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
EXAMPLES = "examples"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCED = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def program_page(path: Path) -> str:
    """A program as Markdown."""
    return f"# {path.name}\n\n````python\n{path.read_text()}````\n"


def notebook_page(path: Path) -> str:
    """A notebook as Markdown, without outputs."""
    pieces = []
    for cell in json.loads(path.read_text())["cells"]:
        text = "".join(cell["source"])
        pieces.append(text if cell["cell_type"] == "markdown" else f"````python\n{text}\n````")
    return "\n\n".join(pieces) + "\n"


def about(path: Path) -> str:
    """What a program or a notebook says of itself first."""
    if path.suffix == ".ipynb":
        return notebook_page(path).splitlines()[0].removeprefix("# ")
    return (ast.get_docstring(ast.parse(path.read_text())) or path.stem).splitlines()[0].rstrip(".")


def example_pages(root: Path) -> dict[str, str]:
    """Markdown by what it is made of in the repository: each example, and their folder."""
    folder = root / EXAMPLES
    notebooks, programs = sorted(folder.glob("notebooks/*.ipynb")), sorted(folder.glob("*.py"))
    about_all = f"Files of the repository, in `{EXAMPLES}/`; all of them run in CI."
    lines = ["# Examples", "", about_all, "", "| | |", "|---|---|"]
    named = ((each, each.relative_to(folder)) for each in [*notebooks, *programs])
    lines += [f"| [{each.name}]({name}) | {about(each)} |" for each, name in named]
    pages = {EXAMPLES: "\n".join([*lines, ""])}
    for paths, page in ((notebooks, notebook_page), (programs, program_page)):
        pages |= {str(each.relative_to(root)): page(each) for each in paths}
    return pages


def source_name(place: str) -> str:
    """What mkdocs knows a page by, relative to docs/."""
    if place == EXAMPLES:
        return f"{EXAMPLES}/index.md"
    return f"{place}.md" if place.startswith(f"{EXAMPLES}/") else place.removeprefix("docs/")


def with_links(text: str, place: str, root: Path, examples: set[str]) -> str:
    """The Markdown of a page, with its links to files of the repository as links of the site.

    Of a file that is not part of the site the path is written out.

    Raises:
        ValueError: a link leads to no file.
    """
    folder = place if place == EXAMPLES else posixpath.dirname(place)
    here = posixpath.dirname(source_name(place)) or "."

    def changed(found: re.Match[str]) -> str:
        title, link, anchor = found[1], found[2], found[3] or ""
        if ":" in link:
            return found[0]
        target = posixpath.normpath(posixpath.join(folder, link))
        if not (root / target).exists():
            raise ValueError(f"{place} has a link to {target}, which does not exist")
        if target in examples or (target.startswith("docs/") and (root / target).is_file()):
            return f"[{title}]({posixpath.relpath(source_name(target), here)}{anchor})"
        return title if target in title else f"{title} (`{target}`)"

    pieces, at = [], 0
    for block in FENCED.finditer(text):
        pieces += [LINK.sub(changed, text[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*pieces, LINK.sub(changed, text[at:])])


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """mkdocs calls it with what docs/ holds."""
    from mkdocs.structure.files import File

    for place, text in example_pages(ROOT).items():
        files.append(File.generated(config, source_name(place), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """mkdocs calls it with each page."""
    from mkdocs.exceptions import PluginError

    examples, name = set(example_pages(ROOT)), page.file.src_uri
    place = next((each for each in examples if source_name(each) == name), f"docs/{name}")
    try:
        return with_links(markdown, place, ROOT, examples)
    except ValueError as error:
        raise PluginError(str(error)) from None
