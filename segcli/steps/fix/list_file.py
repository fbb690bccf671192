"""A list of samples that is changed line by line; every other byte of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from segcli.data.lists import decode_text, names_files


@dataclass
class ListFile:
    """The lines of a list, numbered from 1 as findings number them.

    Attributes:
        lines: Text and line ending of each; None where it was taken out.
        encoding: Of the file.
        odd_encoding: What is odd about that; None for plain UTF-8.
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
        """Gives a line another text."""
        line = self.lines[number - 1]
        self.lines[number - 1] = (text, line[1] if line is not None else self._ending)
        self.is_changed = True

    def remove(self, number: int) -> str:
        """Takes a line out and returns its text."""
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
        """Lets the file be written in plain UTF-8."""
        self.encoding, self.odd_encoding, self.is_changed = "utf-8", None, True

    def as_bytes(self) -> bytes:
        """The file's new content."""
        return "".join(text + ending for text, ending in filter(None, self.lines)).encode(self.encoding)
