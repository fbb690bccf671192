"""Both annotation files of a COCO dataset in one, so that its images can be divided anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from segcli.data.formats.coco_file import LISTS, AnnotationFile
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding

Entry = dict[str, Any]


class CocoMerge:
    """The entries of both files.

    Images and annotations keep their ids unless one was used before; then they get a new one. Categories are the same
    if their names are. Two entries of one file name stay together. Every other key stays in its file; what only one
    file has, the other gets too, and lists are joined: images refer to their licenses.

    Attributes:
        images: Entries of images by file name, in the order of the files.
        findings: What is wrong; entries would be lost or get another meaning.
    """

    def __init__(self, root: Path) -> None:
        self.images: dict[str, list[Entry]] = {}
        self.findings: list[Finding] = []
        self._root = root
        self._annotations: dict[int, list[Entry]] = {}
        self._annotation_ids: set[int] = set()
        self._categories: dict[str, Entry] = {}
        self._others: dict[Split, Entry] = {}

    def add(self, split: Split) -> None:
        """Reads the file of one part."""
        reader = AnnotationFile(self._root, ANNOTATION_FILES[split])
        content = reader.load_all()
        names = reader.categories(content)
        self.findings += reader.findings
        self._others[split] = {key: value for key, value in content.items() if key not in LISTS}
        images = self._add_images(reader.file, content["images"])
        categories = self._add_categories(reader.file, content["categories"], names)
        self._add_annotations(reader.file, content["annotations"], images, categories)

    def content(self, split: Split, names: Iterable[str]) -> Entry:
        """What the file of a part holds when these are its images."""
        images = [image for name in names for image in self.images[name]]
        annotations = [entry for image in images for entry in self._annotations[image["id"]]]
        own, other = (self._others[part] for part in (split, *(part for part in Split if part is not split)))
        lists = {"images": images, "annotations": annotations, "categories": list(self._categories.values())}
        return {**_joined(own, other), **lists}

    def _add_images(self, file: str, entries: list[Any]) -> dict[int, int]:
        """New id of each image id."""
        good: dict[int, Entry] = {}
        for number, entry in enumerate(entries):
            place = f"images[{number}]"
            if not _has_ids(entry, "id") or "file_name" not in entry:
                self.findings.append(finding("C107", file, "lacks file_name or a whole number as id", location=place))
            elif entry["id"] in good:
                self.findings.append(finding("C115", file, f"image id {entry['id']} is given twice", location=place))
            else:
                good[entry["id"]] = entry
        new_ids = _free_ids(self._annotations, list(good))
        for entry, new in zip(good.values(), new_ids, strict=True):
            name = str(entry["file_name"]).replace("\\", "/")
            self.images.setdefault(name, []).append({**entry, "id": new})
            self._annotations[new] = []
        return dict(zip(good, new_ids, strict=True))

    def _add_categories(self, file: str, entries: list[Any], names: dict[int, str]) -> dict[int, int]:
        """Id in the result of each category id."""
        owners = {entry["id"]: name for name, entry in self._categories.items()}
        by_id = {entry["id"]: entry for entry in reversed(entries) if _has_ids(entry, "id")}
        new_ids = {}
        for id_, name in names.items():
            if name not in self._categories and id_ in owners:
                message = f"category id {id_} is {name!r} here and {owners[id_]!r} in the other file"
                hint = "give them one name if they are the same, else ids of their own"
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
    """Each wanted id where it is free, else one above all."""
    taken = set(used)
    top = max((*taken, *wanted), default=0)
    given = []
    for number in wanted:
        top += number in taken
        given.append(top if number in taken else number)
        taken.add(given[-1])
    return given


def _joined(own: Entry, other: Entry) -> Entry:
    """The keys of a file with what the other one has besides."""
    joined = {**own, **{key: value for key, value in other.items() if key not in own}}
    for key, value in own.items():
        if isinstance(value, list) and isinstance(other.get(key), list):
            joined[key] = value + [entry for entry in other[key] if entry not in value]
    return joined
