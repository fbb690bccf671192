"""The folder of a dataset, looked for before anything heavy is imported to read it."""

from __future__ import annotations

from segcli.data.files import StrPath, is_dir
from segcli.errors import no_folder
from segcli.rules import finding


def require_folder(dataset_dir: StrPath) -> None:
    """Refuses a dataset whose folder is not there.

    Raises:
        DatasetError: There is no such folder (S001).
    """
    if not is_dir(dataset_dir):
        raise no_folder(dataset_dir, [finding("S001", str(dataset_dir), "there is no such folder")])
