"""What a file holds that was expected to be an image or a JSON text and is neither, seen from its first bytes."""

from __future__ import annotations

from typing import NamedTuple

HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
"""In place of `xxxx` in ``....ftypxxxx``, with which films begin as well."""


class ForeignContent(NamedTuple):
    """What a file is, for a message, and what to do."""

    what: str
    hint: str


_AGAIN = "download the file again, and look at what the URL answers"
_CONVERT = "convert it to PNG or JPEG"
_UNPACK = "unpack it"

_BEGINNINGS: tuple[tuple[bytes, ForeignContent], ...] = (
    (
        b"version https://git-lfs",
        ForeignContent("is a pointer of Git LFS, not the file itself", "git lfs pull, in the repository, fetches it"),
    ),
    (b"<!doctype html", ForeignContent("is a web page, as a failed download leaves it", _AGAIN)),
    (b"<html", ForeignContent("is a web page, as a failed download leaves it", _AGAIN)),
    (b"<?xml", ForeignContent("is XML, as an error message of a server or an SVG drawing", _AGAIN)),
    (b"<svg", ForeignContent("is an SVG drawing", _CONVERT)),
    (b"%pdf-", ForeignContent("is a PDF document", _CONVERT)),
    (b"8bps", ForeignContent("is a Photoshop file", _CONVERT)),
    (b"pk\x03\x04", ForeignContent("is a ZIP archive", _UNPACK)),
    (b"\x1f\x8b", ForeignContent("is packed with gzip", _UNPACK)),
    (b"\x89hdf", ForeignContent("is an HDF5 file", _CONVERT)),
    (
        b"\x00\x05\x16\x07",
        ForeignContent("holds attributes that macOS keeps beside a file of the same name", "delete it"),
    ),
)


def foreign_content(data: bytes) -> ForeignContent | None:
    """What the content of a file is, if it is a known kind that is neither an image that is read nor JSON.

    Args:
        data: The file, or its first 200 bytes.
    """
    if not data:
        return ForeignContent("is empty", "copy or download the file again")
    head = data[:200].lstrip().lower()
    for beginning, content in _BEGINNINGS:
        if head.startswith(beginning):
            return content
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        return ForeignContent("is an HEIF image, as phones take them", _CONVERT)
    if data[128:132] == b"DICM":
        return ForeignContent("is a DICOM file", _CONVERT)
    if not any(data[:4096]):
        return ForeignContent("holds nothing but zeros, as an interrupted copy leaves it", "copy the file again")
    return None
