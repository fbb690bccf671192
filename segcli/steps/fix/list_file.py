"""A list of samples that is edited line by line; all other bytes are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from segcli.data.lists import decode_text, names_files


@dataclass
class ListFile:
    """The lines of a list, numbered from 1 as in findings.

    Attributes:
        lines: Text and line ending of each line; None for a removed line.
        encoding: Name of the file's encoding.
        odd_encoding: What is unusual about the encoding; None for plain UTF-8.
        is_changed: Whether the file must be written.
    """

    lines: list[tuple[str, str] | None]
    encoding: str
    odd_encoding: str | None
    is_changed: bool = False
    _ending: str = field(default="\n")

    @staticmethod
    def read(path: Path) -> ListFile:
        """Reads a file."""
        text, encoding, odd = decode_text(path.read_bytes(), lambda text: names_files(path.parent, text))
        lines: list[tuple[str, str] | None] = []
        for line in text.splitlines(keepends=True):
            bare = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
            lines.append((bare, line[len(bare) :]))
        endings = [line[1] for line in lines if line is not None and line[1]]
        return ListFile(lines, encoding, odd, _ending=endings[0] if endings else "\n")

    def entries(self) -> Iterator[tuple[int, str]]:
        """Number and text of the lines that are not blank."""
        for number, line in enumerate(self.lines, start=1):
            if line is not None and line[0].strip():
                yield number, line[0].strip()

    def replace(self, number: int, text: str) -> None:
        """Replaces the text of a line; the line ending stays."""
        line = self.lines[number - 1]
        self.lines[number - 1] = (text, line[1] if line is not None else self._ending)
        self.is_changed = True

    def remove(self, number: int) -> str:
        """Removes a line and returns its text."""
        line = self.lines[number - 1]
        self.lines[number - 1] = None
        self.is_changed = True
        return line[0].strip() if line is not None else ""

    def append(self, text: str) -> None:
        """Adds a line at the end."""
        for position in reversed(range(len(self.lines))):
            line = self.lines[position]
            if line is not None:
                self.lines[position] = (line[0], line[1] or self._ending)
                break
        self.lines.append((text, self._ending))
        self.is_changed = True

    def as_utf8(self) -> None:
        """Makes `as_bytes` return plain UTF-8."""
        self.encoding, self.odd_encoding, self.is_changed = "utf-8", None, True

    def as_bytes(self) -> bytes:
        """The new content of the file, in `encoding`."""
        return "".join(text + ending for text, ending in filter(None, self.lines)).encode(self.encoding)
