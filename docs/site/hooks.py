"""What MkDocs calls: it takes the generated pages from here."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [path for path in (str(ROOT),) if path not in sys.path]

_AMOUNT = re.compile(r"(?<=\d) (?=(?:images/s|MB/s|CPU-s|px|ms|MB|GB|M|s)\b)")
"""The space between a number and its unit."""


def on_page_markdown(markdown: str, **_others: Any) -> str:
    """Keeps numbers and their units on one line in the cells of tables."""
    lines = markdown.split("\n")
    return "\n".join(_AMOUNT.sub("\u00a0", line) if line.startswith("|") else line for line in lines)


def on_files(files: Any, config: Any) -> Any:
    """Adds the generated pages to those of the folder."""
    from mkdocs.structure.files import File, InclusionLevel

    from docs.site.pages import pages

    for name, text in pages().items():
        below_rules = name.startswith("rules/") and name != "rules/index.md"
        level = InclusionLevel.NOT_IN_NAV if below_rules else InclusionLevel.INCLUDED
        files.append(File.generated(config, name, content=text, inclusion=level))
    return files
