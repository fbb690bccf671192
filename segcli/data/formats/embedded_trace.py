"""Tells whether an embedded image is the very file beside it, from what was kept of its base64 text."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from segcli.data.files import require_regular

_PIECES = 32
_PIECE_QUADS = 16
"""Groups of four characters of base64, three bytes each, in a piece."""


@dataclass(frozen=True)
class EmbeddedTrace:
    """What is kept of an embedded image.

    Attributes:
        size: Bytes of the image.
        digest: Of pieces spread over them: two compressed images that agree in all of these are one file.
    """

    size: int
    digest: bytes

    @staticmethod
    def of(text: str) -> EmbeddedTrace | None:
        """The trace of an image from its base64 text; None where the text has lines or is no base64."""
        size = len(text) // 4 * 3 - text[-2:].count("=")
        if len(text) % 4 or not text:
            return None
        digest = blake2b(digest_size=16)
        try:
            for quad in _starts(size):
                digest.update(binascii.a2b_base64(text[4 * quad : 4 * (quad + _PIECE_QUADS)]))
        except ValueError:
            return None
        return EmbeddedTrace(size, digest.digest())

    def is_of(self, path: Path) -> bool:
        """Whether a file holds this image.

        Raises:
            OSError: It cannot be read.
        """
        require_regular(path)
        if path.stat().st_size != self.size:
            return False
        digest = blake2b(digest_size=16)
        with path.open("rb", buffering=0) as file:
            for quad in _starts(self.size):
                file.seek(3 * quad)
                digest.update(file.read(3 * _PIECE_QUADS))
        return digest.digest() == self.digest


def _starts(size: int) -> Iterator[int]:
    """The first group of each piece, from the first bytes to the last."""
    last = max(-(-size // 3) - _PIECE_QUADS, 0)
    return iter(dict.fromkeys(last * piece // (_PIECES - 1) for piece in range(_PIECES)))
