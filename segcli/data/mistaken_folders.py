"""Folders that are named by mistake, because they hold whatever programs keep there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from segcli.errors import InputError


def refuse_everything(folder: Path) -> None:
    """Refuses a home folder and all of a disk.

    Raises:
        InputError: It is one of these.
    """
    with suppress(OSError, RuntimeError):  # there is no home
        whole = folder.resolve()
        if whole in (Path.home().resolve(), Path(whole.anchor)):
            what = "is a whole disk" if whole == Path(whole.anchor) else "is your home folder"
            hint = f"name the folder of the images, or a pattern such as {Path(folder, '*.jpg')}"
            raise InputError(f"{what}, which is not searched for images", path=folder, hint=hint)
