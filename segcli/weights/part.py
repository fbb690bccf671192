"""A partial download, kept so that the next attempt can resume it if the file is still the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from segcli.data.files import write_json_atomic
from segcli.data.json_text import read_json
from segcli.data.transfer import Answer, ConnectionBroke

PART_SUFFIX = ".part"
_STRONG = "etag"
_DATED = "last-modified"


@dataclass
class Part:
    """A file that grows until the download is complete.

    Attributes:
        path: The file.
        url: Where it comes from.
        validator: The server's identifier of the content (``ETag``, else ``Last-Modified``); empty if there is none.
        may_resume: Whether it can be resumed without a validator, because its checksum is known.
        md5: ``Content-MD5`` of the whole file, if the server states it.
    """

    path: Path
    url: str
    validator: str = ""
    may_resume: bool = False
    md5: str | None = None

    @staticmethod
    def of(url: str, target: Path, *, may_resume: bool) -> Part:
        """The partial download beside `target`, or a new one."""
        part = Part(target.with_name(f"{target.name}{PART_SUFFIX}"), url, may_resume=may_resume)
        try:
            known = read_json(part._record)
            if known["url"] == url:
                part.validator = str(known["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            part.drop()
        return part

    @property
    def size(self) -> int:
        """Bytes downloaded so far."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def headers(self) -> dict[str, str]:
        """Headers that request only the rest, if the file is still the same."""
        if not self.size or not (self.validator or self.may_resume):
            return {}
        wanted = {"Range": f"bytes={self.size}-"}
        return {**wanted, "If-Range": self.validator} if self.validator else wanted

    @contextmanager
    def opened(self, answer: Answer) -> Iterator[IO[bytes]]:
        """The file, at the position where the response begins; on an error it is removed if it cannot be resumed.

        Raises:
            ConnectionBroke: The server sends another part than the one requested.
        """
        begin = self._begin(answer)
        self.validator = _validator(answer)
        self.md5 = answer.headers.get("content-md5") if begin == 0 else None
        write_json_atomic(self._record, {"url": self.url, "validator": self.validator})
        try:
            with self.path.open("r+b" if begin else "wb") as file:
                file.seek(begin)
                yield file
        except BaseException:
            if not (self.validator or self.may_resume):
                self.drop()
            raise

    def _begin(self, answer: Answer) -> int:
        if answer.status != 206:
            return 0
        stated = answer.headers.get("content-range", "")
        if not stated.startswith(f"bytes {self.size}-"):
            self.drop()
            raise ConnectionBroke("the server sends another part than the one requested")
        return self.size

    def become(self, target: Path) -> None:
        """Moves the complete file to `target`."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.chmod(0o644)
        self.path.replace(target)
        self.drop()

    def drop(self) -> None:
        """Removes the partial download."""
        self.path.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)

    @property
    def _record(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


def _validator(answer: Answer) -> str:
    """The header that identifies the content; a weak ETag does not."""
    etag = answer.headers.get(_STRONG, "")
    return answer.headers.get(_DATED, "") if not etag or etag.startswith("W/") else etag
