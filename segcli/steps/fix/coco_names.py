"""Annotation files with the names of other tools: renamed to PaddleX's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from segcli.data.files import is_dir
from segcli.data.formats.coco_file import IMAGE_FOLDER
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Renames the file of each split, if no other file of the dataset would have to move."""
    names = dict(draft.annotations)
    others = {split: name for split, name in names.items() if name != ANNOTATION_FILES[split]}
    folders = {str(PurePosixPath(name).parent) for name in others.values()}
    if len(set(names.values())) < len(names):
        draft.left(rule, next(iter(names.values())), "it holds all images: segcli split writes one file per split")
    elif folders != {"annotations"} or not is_dir(draft.root / IMAGE_FOLDER):
        draft.left(rule, next(iter(others.values())), "images would have to move too: segcli convert with --to coco")
    else:
        for split, name in others.items():
            draft.rename(name, ANNOTATION_FILES[split])
            draft.done(rule, name, f"renamed to {ANNOTATION_FILES[split]}")
