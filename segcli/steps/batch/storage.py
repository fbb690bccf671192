"""Reads images from disk, over HTTP, or from a store that fsspec supports (``s3://``, ``gs://``)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.url import fetch_image, is_address
from segcli.data.walk import folders_below
from segcli.errors import InputError, MissingPartError, SegcliError
from segcli.text import without_password

_HINT = "pip install fsspec and the package of the store, such as s3fs or gcsfs"


@dataclass(frozen=True)
class Found:
    """An image in a listing.

    Attributes:
        path: Absolute path or URL.
        size: Size in bytes; None where unknown.
    """

    path: str
    size: int | None


def is_remote(path: str) -> bool:
    """Whether a path is a URL of any kind."""
    return "://" in path


def read_bytes(path: str) -> bytes:
    """Reads a file.

    Raises:
        InputError: It cannot be read.
        MissingPartError: The package for such URLs is not installed.
    """
    if is_address(path):
        return fetch_image(path)
    try:
        if not is_remote(path):
            return Path(path).read_bytes()
        content = store_of(path)[0].cat_file(path)
    except SegcliError:
        raise
    except FileNotFoundError as fault:
        raise InputError("no such file", path=without_password(path)) from fault
    except Exception as fault:  # any: each store has its own exceptions
        raise InputError(f"cannot be read: {fault}", path=without_password(path)) from fault
    return bytes(content)


def images_below(folder: str) -> Iterator[Found]:
    """Yields every image in or below a folder, in the order of names; folders are listed one by one.

    Raises:
        InputError: A remote folder cannot be listed.
        MissingPartError: The package for such URLs is not installed.
    """
    if is_remote(folder):
        yield from _remote(folder)
        return
    for below, names in folders_below(Path(os.path.abspath(folder))):  # noqa: PTH100 - links are not resolved
        for name in sorted(names):
            if _is_image(name):
                path = below / name
                yield Found(str(path), _size(path))


def _remote(folder: str) -> Iterator[Found]:
    store, _ = store_of(folder)
    try:
        for below, folders, files in store.walk(folder, detail=True):
            del below
            ordered = dict(sorted(folders.items()))
            folders.clear()
            folders.update(ordered)
            for name, facts in sorted(files.items()):
                if _is_image(name):
                    yield Found(store.unstrip_protocol(facts["name"]), facts.get("size"))
    except Exception as fault:  # any: each store has its own exceptions
        raise InputError(f"cannot be listed: {fault}", path=folder) from fault


def store_of(url: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it.

    Raises:
        MissingPartError: The package for such URLs is not installed.
    """
    if find_spec("fsspec") is None:
        raise MissingPartError(f"nothing here reads or writes {url.partition('://')[0]}:// URLs", path=url, hint=_HINT)
    import fsspec

    try:
        store, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as fault:
        raise MissingPartError(f"nothing here reads or writes such URLs: {fault}", path=url, hint=_HINT) from fault
    return store, str(path)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")  # noqa: PTH122 - of a URL
