"""The folder of a dataset, looked for before anything heavy is imported to read it."""

from __future__ import annotations

from pathlib import PurePath

from segcli.data.files import StrPath, is_dir, is_file
from segcli.errors import DatasetError, UsageError
from segcli.rules import finding

_CONFIGURATIONS = (".yaml", ".yml")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def require_folder(dataset_dir: StrPath) -> None:
    """Refuses a dataset whose folder is not there.

    Raises:
        DatasetError: There is no such folder (S001).
    """
    if not is_dir(dataset_dir):
        message, hint = _what_is_there(dataset_dir)
        faults = [finding("S001", str(dataset_dir), message)]
        raise DatasetError(f"no dataset: {message}", faults, path=dataset_dir, hint=hint).for_missing_path()


def require_source(folder: StrPath) -> None:
    """Refuses a folder to convert that is not there.

    Raises:
        UsageError: There is no such folder.
    """
    if not is_dir(folder):
        message, hint = _what_is_there(folder)
        raise UsageError(message, path=folder, hint=hint)


def _what_is_there(path: StrPath) -> tuple[str, str]:
    """What is in the place of a folder, and the remedy."""
    if not is_file(path):
        return "there is no such folder", "check the path; `segcli demo NEW_FOLDER` makes a dataset to try"
    ending = PurePath(path).suffix.lower()
    if ending in _CONFIGURATIONS:
        return "this is a file, and no folder", f"a configuration is given by its option: -c {path}"
    if ending in _ARCHIVES:
        return "this is an archive, and no folder", "unpack it, and give the folder"
    return "this is a file, and no folder", "give the folder that holds the dataset"
