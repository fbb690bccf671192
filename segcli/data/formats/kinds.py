"""Names what a folder holds when it is not what a task wants."""

from __future__ import annotations

from pathlib import Path

from segcli.data.formats.labelme import labelme_files
from segcli.errors import DatasetError
from segcli.rules import finding


def refuse_unconverted(dataset_dir: Path) -> None:
    """For a folder that is no dataset: tells a LabelMe folder, which only lacks its conversion, from anything else.

    Raises:
        DatasetError: One of the first JSON files is LabelMe's (L006).
    """
    for path in labelme_files(dataset_dir):
        message = f"holds LabelMe files ({path.relative_to(dataset_dir)}), which are not converted yet"
        fault = finding("L006", str(dataset_dir), message, hint=f"segcli convert {dataset_dir}")
        raise DatasetError(message, [fault], path=dataset_dir, hint=fault.hint)
