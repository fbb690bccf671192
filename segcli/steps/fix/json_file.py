"""A JSON file whose values are changed; indentation, separators and escaping are kept."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.formats.coco_file import LISTS
from segcli.data.formats.labelme import LEGACY_ENCODING

_INDENT = re.compile(rb"\n([ \t]+)\S")


@dataclass
class JsonFile:
    """A parsed JSON file and its formatting.

    Attributes:
        content: Its values, to be changed in place; None if it is not JSON.
        indent: Indentation of one level; None for a file of one line.
        compact: Whether separators have no space after them.
        ascii_only: Whether non-ASCII characters are escaped.
        ending: Bytes after the last value.
        is_changed: Whether the file must be written.
    """

    content: Any
    indent: str | None
    compact: bool
    ascii_only: bool
    ending: bytes
    is_changed: bool = False

    @staticmethod
    def read(path: Path) -> JsonFile:
        """Reads a file; one that is not JSON has the content None."""
        data = path.read_bytes()
        try:
            content = json.loads(data)
        except UnicodeDecodeError:
            content = _of_legacy(data)
        except (ValueError, RecursionError):
            content = None
        indent = _INDENT.search(data)
        stripped = data.rstrip()
        return JsonFile(
            content,
            indent[1].decode("ascii") if indent else None,
            compact=b'": ' not in data,
            ascii_only=data.isascii(),
            ending=data[len(stripped) :],
        )

    @property
    def is_coco(self) -> bool:
        """Whether it holds the three lists of a COCO file."""
        return isinstance(self.content, dict) and all(isinstance(self.content.get(key), list) for key in LISTS)

    def as_bytes(self) -> bytes:
        """The file's new content, UTF-8."""
        after = "," if self.compact or self.indent is not None else ", "
        text = json.dumps(
            self.content,
            indent=self.indent,
            ensure_ascii=self.ascii_only,
            separators=(after, ":" if self.compact else ": "),
        )
        return text.encode("utf-8", errors="surrogatepass") + self.ending


def _of_legacy(data: bytes) -> Any:
    """Content of a file in the legacy encoding of old tools; None if it is not JSON in that either."""
    try:
        return json.loads(data.decode(LEGACY_ENCODING))
    except (ValueError, RecursionError):
        return None
