"""Images in the folders of a dataset that no list or annotation file names, so that they are not used."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from segcli.data.file_lookup import start_of
from segcli.data.files import is_dir, is_file
from segcli.data.formats.coco import CocoScan
from segcli.data.formats.coco_layout import TEST_FILE, coco_layout
from segcli.data.formats.masks import LIST_FILES, TEST_LIST, SegLists
from segcli.data.lists import read_text_file, relative_name, scan_list
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import names_in
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding


def left_out_of_lists(lists: SegLists) -> Iterator[Finding]:
    """Finding on unlisted images in the folders of listed ones (S006). Folders that also hold masks are skipped.

    Nothing is reported if a list is missing or empty, or files were paired by name, as that explains it.
    """
    root = lists.root
    if not lists.train or not lists.val or any(found.code == "S005" for found in lists.findings):
        return
    test = scan_list(root, TEST_LIST)[0] if is_file(root / TEST_LIST) else ()
    samples = (*lists.train, *lists.val, *test)
    masks = _folders(sample.mask_file for sample in samples)
    beside = _beside({sample.image_file for sample in samples}, without=masks)
    # faulty lines name images too
    words = {word for name in (*LIST_FILES.values(), TEST_LIST) for word in _words(root / name)} if beside else set()
    yield from _finding("S006", "list", [path for path in beside if relative_name(path, root) not in words], root)


def left_out_of_files(scan: CocoScan) -> Iterator[Finding]:
    """Finding on images in the folders of annotated ones that no annotation file names (C165), not even an unused one.

    Nothing is reported if a file is missing, empty or damaged, as that explains it.
    """
    root = scan.dataset.root
    if not all(scan.dataset.samples(split) for split in Split):
        return
    beside = _beside({str(sample.image) for split in Split for sample in scan.dataset.samples(split)})
    layout = coco_layout(root)
    others = [*(layout.unused if layout is not None else ()), TEST_FILE, *scan.files.values()]
    named = {name for file in dict.fromkeys(others) for name in _file_names(root / file)} if beside else set()
    yield from _finding("C165", "annotation file", [path for path in beside if path.name not in named], root)


def _beside(images: set[str], *, without: Iterable[Path] = ()) -> list[Path]:
    """The other image files in the folders of `images`, except the folders `without`; a list may spell one in several
    ways (`images/../images`, a full path, a link)."""
    spellings = defaultdict[str, list[Path]](list)
    for folder in sorted(_folders(images)):
        spellings[os.path.realpath(folder)].append(folder)
    alone = []
    for real in spellings.keys() - set(map(os.path.realpath, without)):
        first = spellings[real][0]
        names = names_in(first) if is_dir(first) else []
        for start in map(start_of, spellings[real]):
            names = [name for name in names if start + name not in images]
        alone += [first / name for name in names]
    return sorted(path for path in alone if path.suffix.lower() in IMAGE_SUFFIXES)


def _folders(files: Iterable[str]) -> set[Path]:
    """The folders of files; by text, as `Path.parent` takes ten times longer, for lists of a hundred thousand lines."""
    return {Path(folder) for folder in {file[: file.rfind(os.sep) + 1] for file in files}}


def _finding(rule_id: str, where: str, alone: list[Path], root: Path) -> Iterator[Finding]:
    if alone:
        names = listed(alone, name=lambda path: relative_name(path, root))
        verb = "is" if len(alone) == 1 else "are"
        yield finding(rule_id, str(root), f"{counted(len(alone), 'image')} {verb} in no {where}: {names}")


def _file_names(file: Path) -> set[str]:
    """Names of the images of an annotation file, without folders; empty if it is missing or damaged."""
    try:
        content: Any = json.loads(file.read_bytes())
        images = [entry for entry in content["images"] if isinstance(entry, dict)]
        return {Path(str(entry.get("file_name")).replace("\\", "/")).name for entry in images}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return set()


def _words(file: Path) -> list[str]:
    """The words of a list file; empty if it is missing or cannot be read."""
    try:
        lines = read_text_file(file).lines if is_file(file) else ()
    except DatasetError:
        return []
    return [word for _, line in lines for word in line.replace("\\", "/").split()]
