"""The changes that repairs make to a dataset, collected before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.changes.transaction import Transaction
from segcli.data.files import is_file
from segcli.data.image import MaskFile, open_mask, read_mask
from segcli.data.samples import Split
from segcli.errors import BusyError
from segcli.steps.fix.json_file import JsonFile
from segcli.steps.fix.list_file import ListFile
from segcli.steps.fix.mask_file import write_mask

MaskEdit = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Maps the ids of a mask to new ids, both uint8 [H, W]."""
Stamp = tuple[int, int]
"""Modification time in ns and size in bytes of a file."""


@dataclass(frozen=True)
class Action:
    """A repair of one file, or the reason why it cannot be made.

    Attributes:
        rule: Id of the rule that found the fault.
        file: The file, relative to the dataset.
        message: What is done, with counts; if `is_done` is false, why it cannot be done.
        is_done: Whether the repair can be made.
    """

    rule: str
    file: str
    message: str
    is_done: bool = True


@dataclass
class MaskDraft:
    """Changes of a mask.

    Attributes:
        read: Converts the file to ids; None reads one channel of 8 bits.
        edits: Changes of the ids, applied in order.
        palette: The 768 values of a new palette; None keeps the file's own.
    """

    read: Callable[[MaskFile], NDArray[np.uint8]] | None = None
    edits: list[MaskEdit] = field(default_factory=list)
    palette: list[int] | None = None


class Draft:
    """The planned changes of a dataset; a file is read when a repair first needs it.

    Attributes:
        root: The dataset's folder.
        lists: Names of its lists of samples, by split; empty for COCO data.
        annotations: Names of its annotation files, by split; empty for other data.
        actions: Repairs that are made, and those that cannot be.
    """

    def __init__(
        self, root: Path, *, lists: dict[Split, str] | None = None, annotations: dict[Split, str] | None = None
    ) -> None:
        self.root = root
        self.lists = lists or {}
        self.annotations = annotations or {}
        self.actions: list[Action] = []
        self._texts: dict[str, ListFile] = {}
        self._json: dict[str, JsonFile] = {}
        self._masks: dict[str, MaskDraft] = {}
        self._renamed: dict[str, str] = {}
        self._stamps: dict[str, Stamp] = {}

    def done(self, rule: str, file: str, message: str) -> None:
        """Records a repair that is made."""
        self.actions.append(Action(rule, file, message))

    def left(self, rule: str, file: str, reason: str) -> None:
        """Records a repair that cannot be made, and why."""
        self.actions.append(Action(rule, file, reason, is_done=False))

    def list_file(self, name: str) -> ListFile:
        """A list of samples, to be changed in place."""
        if name not in self._texts:
            self._stamp(name)
            self._texts[name] = ListFile.read(self.root / name)
        return self._texts[name]

    def list_files(self) -> Iterator[tuple[Split, str, ListFile]]:
        """The lists that exist."""
        for split, name in self.lists.items():
            if is_file(self.root / name):
                yield split, name, self.list_file(name)

    def json_file(self, name: str) -> JsonFile:
        """An annotation file, to be changed in place."""
        if name not in self._json:
            self._stamp(name)
            self._json[name] = JsonFile.read(self.root / name)
        return self._json[name]

    def annotation_files(self) -> Iterator[tuple[Split, str, JsonFile]]:
        """The annotation files that exist and have COCO's three lists, each file once."""
        seen: set[str] = set()
        for split, name in self.annotations.items():
            if name not in seen and is_file(self.root / name):
                seen.add(name)
                file = self.json_file(name)
                if file.is_coco:
                    yield split, name, file

    def mask(self, name: str) -> MaskDraft:
        """The changes of a mask, to be extended; the mask counts as changed from then on."""
        if name not in self._masks:
            self._stamp(name)
            self._masks[name] = MaskDraft()
        return self._masks[name]

    def ids(self, name: str) -> NDArray[np.uint8]:
        """The ids of a mask after the edits so far, uint8 [H, W].

        Raises:
            InputError: It cannot be read, or holds no ids.
        """
        draft = self._masks.get(name, MaskDraft())
        ids = read_mask(self.root / name) if draft.read is None else draft.read(open_mask(self.root / name))
        for edit in draft.edits:
            ids = edit(ids)
        return ids

    def rename(self, old: str, new: str) -> None:
        """Renames a file."""
        self._stamp(old)
        self._renamed[old] = new

    @property
    def changed(self) -> list[str]:
        """Names of the files that will be written or removed."""
        texts = [name for name, file in self._files() if file.is_changed]
        renamed = [name for pair in self._renamed.items() for name in pair]
        return sorted({*texts, *self._masks, *renamed})

    def stage(self, changes: Transaction) -> None:
        """Writes every changed file into a transaction.

        Raises:
            BusyError: A file has changed since the plan was made.
        """
        self._require_unchanged(set(self.changed) & set(self._stamps))
        for old, new in self._renamed.items():
            changes.stage(new).write_bytes((self.root / old).read_bytes())
            changes.take_away(old)
        for name, file in self._files():
            if file.is_changed:
                changes.stage(self._renamed.get(name, name)).write_bytes(file.as_bytes())
        for name, mask in self._masks.items():
            write_mask(self.ids(name), self.root / name, changes.stage(name), mask.palette)

    def _files(self) -> Iterator[tuple[str, ListFile | JsonFile]]:
        yield from self._texts.items()
        yield from self._json.items()

    def _stamp(self, name: str) -> None:
        stat = (self.root / name).stat()
        self._stamps.setdefault(name, (stat.st_mtime_ns, stat.st_size))

    def _require_unchanged(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            stat = (self.root / name).stat()
            if (stat.st_mtime_ns, stat.st_size) != self._stamps[name]:
                hint = "type the command again, to plan from the current files"
                message = "was changed since the plan was made; nothing was done"
                raise BusyError(message, path=self.root / name, hint=hint)
