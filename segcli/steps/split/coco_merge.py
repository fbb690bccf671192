"""Merges the annotation files of a COCO dataset, so that its images can be split again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from segcli.data.formats.coco_file import IMAGE_FOLDER, LISTS, AnnotationFile
from segcli.data.formats.coco_layout import ANNOTATION_FILES, CocoLayout
from segcli.data.formats.coco_objects import is_crowd
from segcli.data.formats.image_index import ImageIndex
from segcli.data.lists import relative_name
from segcli.findings import Finding
from segcli.rules import finding

Entry = dict[str, Any]


class CocoMerge:
    """The entries of all files.

    Images and annotations keep their ids unless an id is already used; then they get new ones. Categories are equal
    if their names are. Two entries of one file name stay together. Other keys stay in their file; keys that only one
    file has are copied to the others, and lists are joined: images refer to licenses. Images of files that have other
    names than PaddleX's are written with their path in the dataset, as PaddleX's layout would not find them otherwise.

    Attributes:
        images: Image entries by file name, in the order of the files.
        copies: Number of image entries that `drop_copies` removed.
        findings: Faults by which entries would be lost or change their meaning.
    """

    def __init__(self, root: Path, layout: CocoLayout | None = None) -> None:
        self.images: dict[str, list[Entry]] = {}
        self.copies = 0
        self.findings: list[Finding] = []
        self._root = root
        self._layout = layout or CocoLayout(root, ANNOTATION_FILES)
        self._annotations: dict[int, list[Entry]] = {}
        self._annotation_ids: set[int] = set()
        self._categories: dict[str, Entry] = {}
        self._others: dict[str, Entry] = {}

    @property
    def names(self) -> dict[int, str]:
        """Category names by their id in the result."""
        return {entry["id"]: name for name, entry in self._categories.items()}

    def objects_of(self, name: str) -> Counter[int]:
        """Number of objects per category id in an image, without crowds."""
        entries = [entry for image in self.images[name] for entry in self._annotations[image["id"]]]
        return Counter(entry["category_id"] for entry in entries if not is_crowd(entry))

    def add(self, file: str) -> None:
        """Reads one annotation file and merges its entries; faults are added to `findings`."""
        reader = AnnotationFile(self._root, file)
        content = reader.load_all()
        names = reader.categories(content)
        self.findings += reader.findings
        self._others[file] = {key: value for key, value in content.items() if key not in LISTS}
        images = self._add_images(reader.file, content["images"])
        categories = self._add_categories(reader.file, content["categories"], names)
        self._add_annotations(reader.file, content["annotations"], images, categories)

    def drop_copies(self) -> None:
        """Keeps one of several entries of an image with the same objects, as if one file stands for all splits."""
        for name, entries in self.images.items():
            kept: dict[str, Entry] = {}
            for entry in entries:
                kept.setdefault(self._objects_text(entry), entry)
            self.copies += len(entries) - len(kept)
            self.images[name] = list(kept.values())

    def _objects_text(self, image: Entry) -> str:
        own = [{**entry, "id": 0, "image_id": 0} for entry in self._annotations[image["id"]]]
        return json.dumps(sorted(json.dumps(entry, sort_keys=True) for entry in own))

    def content(self, file: str | None, names: Iterable[str]) -> Entry:
        """Content of a file that has these images; `file` is None for a file that did not exist before."""
        images = [image for name in names for image in self.images[name]]
        annotations = [entry for image in images for entry in self._annotations[image["id"]]]
        own = self._others.get(file or "", {})
        others = [values for name, values in self._others.items() if name != file]
        for other in others:
            own = _joined(own, other)
        lists = {"images": images, "annotations": annotations, "categories": list(self._categories.values())}
        return {**own, **lists}

    def _add_images(self, file: str, entries: list[Any]) -> dict[int, int]:
        """The new id of each image id of a file."""
        good: dict[int, Entry] = {}
        for number, entry in enumerate(entries):
            place = f"images[{number}]"
            if not _has_ids(entry, "id") or "file_name" not in entry:
                self.findings.append(finding("C107", file, "lacks file_name or a whole number as id", location=place))
            elif entry["id"] in good:
                self.findings.append(finding("C115", file, f"image id {entry['id']} is used twice", location=place))
            else:
                good[entry["id"]] = entry
        new_ids = _free_ids(self._annotations, list(good))
        places = ImageIndex(self._root, self._layout.image_folders(file))
        for entry, new in zip(good.values(), new_ids, strict=True):
            name = str(entry["file_name"]).replace("\\", "/")
            moved = {} if self._layout.is_paddlex else {"file_name": self._place(name, places)}
            self.images.setdefault(moved.get("file_name", name), []).append({**entry, **moved, "id": new})
            self._annotations[new] = []
        return dict(zip(good, new_ids, strict=True))

    def _place(self, name: str, places: ImageIndex) -> str:
        """Path of an image relative to the image folder or the dataset; its name if it is not found."""
        found = places.find(name)
        if found is None:
            return name
        folder = self._root / IMAGE_FOLDER
        return relative_name(found, folder if found.is_relative_to(folder) else self._root)

    def _add_categories(self, file: str, entries: list[Any], names: dict[int, str]) -> dict[int, int]:
        """The id in the result of each category id of a file."""
        owners = {entry["id"]: name for name, entry in self._categories.items()}
        by_id = {entry["id"]: entry for entry in reversed(entries) if _has_ids(entry, "id")}
        new_ids = {}
        for id_, name in names.items():
            if name not in self._categories and id_ in owners:
                message = f"category id {id_} is {name!r} here and {owners[id_]!r} in the other file"
                hint = "give them the same name if they are the same category, else different ids"
                self.findings.append(finding("C143", file, message, hint=hint))
                continue
            new_ids[id_] = self._categories.setdefault(name, by_id[id_])["id"]
        return new_ids

    def _add_annotations(
        self, file: str, entries: list[Any], images: dict[int, int], categories: dict[int, int]
    ) -> None:
        good: list[Entry] = []
        for number, entry in enumerate(entries):
            place = f"annotations[{number}]"
            if not _has_ids(entry, "id", "image_id", "category_id"):
                message = "lacks whole numbers as id, image_id and category_id"
                self.findings.append(finding("C107", file, message, location=place))
            elif entry["image_id"] not in images:
                message = f"there is no image with id {entry['image_id']}"
                self.findings.append(finding("C131", file, message, location=f"annotation {entry['id']}"))
            elif entry["category_id"] not in categories:
                message = f"there is no category with id {entry['category_id']}"
                self.findings.append(finding("C132", file, message, location=f"annotation {entry['id']}"))
            else:
                good.append(entry)
        new_ids = _free_ids(self._annotation_ids, [entry["id"] for entry in good])
        self._annotation_ids.update(new_ids)
        for entry, new in zip(good, new_ids, strict=True):
            image, category = images[entry["image_id"]], categories[entry["category_id"]]
            self._annotations[image].append({**entry, "id": new, "image_id": image, "category_id": category})


def _has_ids(entry: Any, *keys: str) -> bool:
    return isinstance(entry, dict) and all(type(entry.get(key)) is int for key in keys)


def _free_ids(used: Iterable[int], wanted: Sequence[int]) -> list[int]:
    """Each wanted id if it is free, else a new one above all ids."""
    taken = set(used)
    top = max((*taken, *wanted), default=0)
    given = []
    for number in wanted:
        top += number in taken
        given.append(top if number in taken else number)
        taken.add(given[-1])
    return given


def _joined(own: Entry, other: Entry) -> Entry:
    """The keys of `own`, completed by those of `other`; lists are joined."""
    joined = {**own, **{key: value for key, value in other.items() if key not in own}}
    for key, value in own.items():
        if isinstance(value, list) and isinstance(other.get(key), list):
            joined[key] = value + [entry for entry in other[key] if entry not in value]
    return joined
