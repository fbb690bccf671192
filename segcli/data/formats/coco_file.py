"""One COCO file of a dataset: categories, images, annotations and their problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.data.boxes import FAR_PX
from segcli.data.classes import is_background
from segcli.data.files import is_file, read_bytes
from segcli.data.foreign_content import foreign_content
from segcli.data.formats.coco_kinds import other_kind
from segcli.data.formats.coco_object_rules import EXPLAINS_NO_OBJECTS, FEWEST_SHARED, PlacedObject, object_findings
from segcli.data.formats.coco_objects import parse_object
from segcli.data.formats.coco_outlines import measured_outlines
from segcli.data.formats.coco_placement import placement_findings
from segcli.data.formats.coco_references import References, id_key
from segcli.data.formats.image_index import ImageIndex
from segcli.data.image import image_size
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.json_text import parse_json
from segcli.data.lists import relative_name
from segcli.data.look_alike import difference, look_alikes
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import files_below
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding
from segcli.rules.repair_hints import NO_IMAGES

IMAGE_FOLDER = "images"
LISTS = ("images", "annotations", "categories")
_IDS = ("id", "image_id", "category_id")
_LONGEST_ID = 19
_SHOWN_ID = 40
_LARGEST_ID = 2**53
FEWEST_TEXTS = 2
"""A single id that is no number is a slip, several without any number are the ids of the tool that wrote them."""
LEAST_PX = 1
"""Objects narrower than this may leave no pixel to train on."""

Entry = Mapping[str, Any]

EXPLAINS_MISSING = frozenset({"C104", "C166"})
"""Rules that say why images have no annotations."""


@dataclass
class AnnotationFile:
    """Reads one annotation file and collects its problems.

    Attributes:
        root: Folder of the dataset.
        file: The file, relative to it.
        folders: Folders that may hold its images, the likeliest first; None means only `images`.
        empty_categories: Ids of unused categories, which do not become classes.
        findings: All problems found so far.
    """

    root: Path
    file: str
    folders: Sequence[Path] | None = None
    empty_categories: frozenset[int] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    _known: set[int] = field(default_factory=set)
    _names: dict[str, int] = field(default_factory=dict)

    def _report(self, code: str, message: str, location: str | None = None, hint: str | None = None) -> None:
        self.findings.append(finding(code, self.file, message, location=location, hint=hint))

    def load(self) -> dict[str, list[Any]]:
        """Returns the three lists of the file; empty lists where it cannot be read."""
        content = self.load_all()
        return {key: content[key] for key in LISTS}

    def load_all(self) -> dict[str, Any]:
        """Returns all keys of the file, including the three lists; empty lists where it cannot be read."""
        nothing: dict[str, Any] = {key: [] for key in LISTS}
        data = b""
        try:
            data = read_bytes(self.root / self.file)
            content = parse_json(data)
        except FileNotFoundError:
            self._report("C103", "there is no such file")
            return nothing
        except OSError as error:
            self._report("C104", f"cannot be read: {error.strerror or error}")
            return nothing
        except ValueError as error:
            other = foreign_content(data)
            message = f"is not valid JSON: {error}" if other is None else other.what
            self.findings.append(finding("C104", self.file, message, hint=other.hint if other is not None else None))
            return nothing
        kind = other_kind(content)
        if kind is not None:
            self._report("C104", kind)
            return nothing
        if not isinstance(content, dict):
            self._report(
                "C104", f"holds a {type(content).__name__}, not an object with images, annotations, categories"
            )
            return nothing
        for key, empty in nothing.items():
            if not isinstance(content.get(key), list):
                self._report("C104", f"there is no list {key!r}")
                content[key] = empty
        if not content["images"]:
            self._report("C105", "no image is listed")
        mended = whole_ids(content)
        if mended:
            self._report("C164", f"the ids of {counted(mended, 'item')} are text or decimals")
        return content

    def categories(self, content: Mapping[str, list[Any]]) -> dict[int, str]:
        """Returns the name of each category id, in file order."""
        names: dict[int, str] = {}
        taken: set[str] = set()
        for position, entry in enumerate(content["categories"]):
            location = f"categories[{position}]"
            if not self._usable("categories", position, entry, "name") or entry["id"] in self.empty_categories:
                continue
            id_, name = entry["id"], str(entry["name"]).strip() if entry["name"] is not None else ""
            self._known.add(id_)
            self._names.setdefault(name, id_)
            if not name:
                self._report("C148", f"category id {id_} has no name", location)
            elif is_background(name):
                self._report("C149", f"category id {id_} is called {name!r}", location)
            if id_ in names:
                self._report("C141", f"category id {id_} belongs to {names[id_]!r} and to {name!r}", location)
            elif name in taken:
                self._report("C142", f"categories have the same name {name!r}", location)
                names[id_] = name  # its objects belong to that class; they are not reported again
            else:
                names[id_] = name
                taken.add(name)
        for name, other in look_alikes(names.values()):
            differs = difference(name, other)
            self._report(
                "C150", f"{other!r} and {name!r} look alike: {differs} differs", f"category {self._names[name]}"
            )
        return names

    def samples(self, content: Mapping[str, list[Any]], classes: Mapping[int, int]) -> tuple[InstanceSample, ...]:
        """Returns the images that exist, with their usable objects, in file order."""
        records = self._images(content["images"])
        objects = self._objects(content["annotations"], records, classes)
        if content["images"]:
            self._report_nothing_to_learn([value for own in objects.values() for value in own])
        explained = any(found.code in EXPLAINS_MISSING for found in self.findings)
        annotated = {id_key(entry.get("image_id")) for entry in content["annotations"] if isinstance(entry, dict)}
        samples = []
        missing = {id_: record for id_, record in records.items() if not is_file(record.image)}
        all_missing = len(missing) == len(records) and len(missing) >= FEWEST_SHARED
        if all_missing:
            names = listed([*missing.values()], name=lambda record: relative_name(record.image, self.root))
            hint = None if files_below(self.root / IMAGE_FOLDER, IMAGE_SUFFIXES) else NO_IMAGES
            self._report("C111", f"none of {counted(len(missing), 'image')} is there: {names}", hint=hint)
        for record in records.values() if not all_missing else ():
            own = tuple(objects[record.image_id])
            name = relative_name(record.image, self.root)
            if record.image_id in missing:
                self._report_image("C111", name, "there is no such file", record.image_id)
                continue
            if record.image_id not in annotated and not explained:
                self._report_image("C117", name, "no annotation has its id", record.image_id)
            samples.append(InstanceSample(record.image, record.image_id, record.width, record.height, own))
        return tuple(samples)

    def _images(self, entries: list[Any]) -> dict[int, InstanceSample]:
        records: dict[int, InstanceSample] = {}
        places = ImageIndex(self.root, [self.root / IMAGE_FOLDER] if self.folders is None else self.folders)
        ids_of_files: dict[str, int] = {}
        for position, entry in enumerate(entries):
            location = f"images[{position}]"
            if not self._usable("images", position, entry, "file_name"):
                continue
            id_, name = entry["id"], str(entry["file_name"]).replace("\\", "/")
            if id_ in records:
                self._report("C115", f"image id {id_} is also that of {records[id_].image.name}", location)
                continue
            if ids_of_files.setdefault(name, id_) != id_:
                self._report("C116", f"{name} is also image id {ids_of_files[name]}", f"image id {id_}")
            image = places.find(name) or self.root / IMAGE_FOLDER / name
            width, height = self._size(entry, image)
            records[id_] = InstanceSample(image, id_, width, height)
        self._report_near(places)
        return records

    def _report_near(self, places: ImageIndex) -> None:
        """Reports images that were found under similar names, in one finding."""
        if places.near:
            names = [f"{name} is {relative_name(path, self.root)}" for name, path in places.near]
            self._report("C163", listed(names, separator="; "))

    def _size(self, entry: Entry, image: Path) -> tuple[int, int]:
        width, height = entry.get("width"), entry.get("height")
        if type(width) is int and type(height) is int and min(width, height) > 0 and max(width, height) < FAR_PX:
            return width, height
        name = relative_name(image, self.root)
        try:
            size = image_size(image)
        except InputError:
            # reported once, where the image is opened
            return 1, 1
        self._report_image("C119", name, f"width is {width}, height is {height}", entry["id"])
        return size

    def _objects(
        self, entries: list[Any], records: Mapping[int, InstanceSample], classes: Mapping[int, int]
    ) -> dict[int, list[InstanceObject]]:
        objects: dict[int, list[InstanceObject]] = {id_: [] for id_ in records}
        if any(found.code == "C104" for found in self.findings):
            return objects  # nothing in the file can be told without its other lists
        usable = list(self._usable_annotations(entries))
        self.findings.extend(
            References("image", "C131", "C159", records).findings(
                usable, self.file, {one.image.name: id_ for id_, one in records.items()}
            )
        )
        # what the list of categories lacks because of its own faults is no fault of the annotations
        if not any((found.location or "").startswith("categories[") for found in self.findings if found.code == "C107"):
            known = self._known | self.empty_categories
            self.findings.extend(References("category", "C132", "C158", known).findings(usable, self.file, self._names))
        usable = [
            entry
            for entry in usable
            if id_key(entry["image_id"]) in records and id_key(entry["category_id"]) in classes
        ]
        read: list[PlacedObject] = []
        for entry, outline in zip(usable, measured_outlines(usable), strict=True):
            record = records[entry["image_id"]]
            parsed = parse_object(entry, classes[entry["category_id"]], record.width, record.height, outline)
            read.append(PlacedObject(parsed, record))
            if parsed.value is not None:
                objects[record.image_id].append(parsed.value)
        self.findings.extend(object_findings(read, self.file))
        self.findings.extend(placement_findings(read, records, self.file))
        return objects

    def _usable_annotations(self, entries: list[Any]) -> Iterator[Entry]:
        """The annotations that have all ids."""
        seen: set[int] = set()
        for position, entry in enumerate(entries):
            if self._usable("annotations", position, entry, "image_id", "category_id"):
                id_ = entry["id"]
                if id_ in seen:
                    message = f"annotations[{position}] has an id that was given before"
                    self._report("C133", message, f"annotation {id_}")
                seen.add(id_)
                yield entry

    def _report_nothing_to_learn(self, objects: list[InstanceObject]) -> None:
        """Reports C106, unless the reason why no object can be used is already reported."""
        if any(found.code in EXPLAINS_NO_OBJECTS for found in self.findings):
            return
        single = [value for value in objects if not value.is_crowd]
        if not single:
            crowds = f": all {len(objects)} are crowds, which are neither learnt nor measured" if objects else ""
            self._report("C106", f"no object can be used{crowds}")
        elif not any(min(value.box[2:]) >= LEAST_PX for value in single):
            self._report("C106", f"no object can be used: none of the {len(single)} is {LEAST_PX} px wide and high")

    def _usable(self, key: str, position: int, entry: Any, *needed: str) -> bool:
        """Whether an item of a list has an id and what else is needed; if not, that is reported."""
        fault = None
        if not isinstance(entry, dict):
            fault = f"is a {type(entry).__name__}, not an object"
        elif missing := [name for name in ("id", *needed) if name not in entry]:
            fault = f"lacks {', '.join(missing)}"
        elif id_key(entry["id"]) < 0:
            fault = f"id {entry['id']!r} is not a whole number from 0"
        if fault is not None:
            self._report("C107", fault, f"{key}[{position}]")
        return fault is None

    def _report_image(self, code: str, name: str, message: str, image_id: int) -> None:
        self.findings.append(finding(code, name, message, location=f"{self.file} image id {image_id}"))


def whole_ids(content: Mapping[str, Any]) -> int:
    """Makes the ids of all three lists integers; returns how many items had others.

    Ids that are no numbers, such as UUIDs, are numbered in their order as text where a list has no other ids, so that
    the same categories have the same numbers in the files of train and val.
    """
    mended = {id(entry) for key in LISTS for entry in content[key] if with_whole_ids(entry)}
    for key, reference in (("images", "image_id"), ("categories", "category_id"), ("annotations", None)):
        entries = [entry for entry in content[key] if isinstance(entry, dict)]
        texts = [entry.get("id") for entry in entries]
        if len(entries) < FEWEST_TEXTS or not all(isinstance(text, str) and text for text in texts):
            continue
        numbers = {text: number for number, text in enumerate(sorted(set(map(str, texts))), start=1)}
        for entry in entries:
            entry["id"] = numbers[entry["id"]]
        users = content["annotations"] if reference else []
        referring = [entry for entry in users if isinstance(entry, dict) and entry.get(reference) in numbers]
        for entry in referring:
            entry[reference] = numbers[entry[reference]]
        mended |= {id(entry) for entry in (*entries, *referring)}
    return len(mended)


def with_whole_ids(entry: Any) -> bool:
    """Converts ids written as text or decimals to integers; returns whether there were any."""
    mended = False
    if isinstance(entry, dict):
        for key in _IDS:
            value = entry.get(key)
            if value is not None and type(value) is not int:
                number = _whole(value)
                if number is not None:
                    entry[key] = number
                    mended = True
                elif isinstance(value, list | dict):  # not hashable; its text is, and is reported
                    entry[key] = repr(value)[:_SHOWN_ID]
    return mended


def _whole(value: Any) -> int | None:
    """The integer that a text or a decimal represents; None where it represents none."""
    text = value.strip() if isinstance(value, str) else ""
    if text.removesuffix(".0").isdecimal() and len(text) < _LONGEST_ID:
        return int(text.removesuffix(".0"))
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_ID else None
