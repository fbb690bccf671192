"""Predictions of any tool as files: label maps (PNG), COCO results (JSON), YOLO label files (TXT)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segcli.data import rle
from segcli.data.boxes import ltwh_of
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.files import is_file, read_bytes
from segcli.data.image import Labels, read_mask
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.json_text import parse_json
from segcli.data.rle import Rle
from segcli.data.samples import SegSample
from segcli.errors import InputError
from segcli.plurals import listed

_LIST_HINT = "write a list of {image_id, category_id, segmentation, score}"
_LARGEST = 1e30
LABEL_MAP_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
_ENDINGS = ("", "_res", "_pred", "_prediction", "_mask", "_label", "_labels")
"""What tools write behind the name of the image."""
_NAMED = 3
_NONE = Detections(np.zeros(0), np.zeros(0, np.int64), [])


class PredictedLabelMaps:
    """Label maps of a folder, found by the names of the images.

    Args:
        folder: A label map has the name of its image, or that name with an ending such as ``_res`` or ``_pred``, and
            lies in the folder or below it.
        samples: All images that are measured.

    Raises:
        InputError: An image has no label map, or more than one.
    """

    def __init__(self, folder: Path, samples: Sequence[SegSample]) -> None:
        by_stem: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in LABEL_MAP_SUFFIXES:
                by_stem.setdefault(path.stem, []).append(path)
        self._files = {sample.image: _file_of(sample.image, by_stem) for sample in samples}
        missing = [image.name for image, file in self._files.items() if file is None]
        if missing:
            raise InputError(
                f"holds no label map of {len(missing)} of {len(samples)} images: {listed(missing, _NAMED)}",
                path=folder,
                hint="name each label map after its image, such as street_01.png for street_01.jpg",
            )

    def read(self, sample: SegSample, size: tuple[int, ...], classes: ClassMap) -> Labels:
        """The label map of a sample: ids, uint8 [H, W].

        Raises:
            InputError: It cannot be read, has another size than the mask, or holds an id that is no class.
        """
        path = self._files[sample.image]
        assert path is not None
        labels = read_mask(path)
        if labels.shape != size:
            (height, width), (true_height, true_width) = labels.shape, size
            raise InputError(
                f"is {width} x {height}, the mask {true_width} x {true_height}",
                path=path,
                hint="write label maps in the size of the image, resized without interpolation",
            )
        if int(labels.max(initial=0)) >= len(classes):
            raise InputError(
                f"holds id {int(labels.max())}, but there are {len(classes)} classes, 0 to {len(classes) - 1}",
                path=path,
                hint="every pixel must be the id of a class in class_name_to_id.txt or the dataset's list of classes",
            )
        return labels


def _file_of(image: Path, by_stem: Mapping[str, list[Path]]) -> Path | None:
    """The file of an image; of several files of one name that in a folder of the image's folder's name."""
    for ending in _ENDINGS:
        found = by_stem.get(image.stem + ending, [])
        if len(found) > 1:
            found = [path for path in found if path.parent.name == image.parent.name] or found
        if len(found) > 1:
            raise InputError(
                f"is one of {len(found)} files of {image.name}",
                path=found[0],
                hint=f"leave one of them: {listed(found, _NAMED)}",
            )
        if found:
            return found[0]
    return None


def read_detections(path: Path, dataset: CocoDataset) -> dict[int, Detections]:
    """Detections by the id of their image.

    Args:
        path: A COCO results file (a list, or what `segcli batch --merge` writes), a folder of such files or of the JSON
            files that `segcli predict` leaves, or a folder of YOLO's label files (``class x1 y1 x2 y2 ... score``,
            polygons relative to the image's size).
        dataset: Gives ids, sizes and classes.

    Raises:
        InputError: A file cannot be read, or names an image or a class that the dataset does not have.
    """
    if is_file(path):
        return _coco([path], dataset)
    results = sorted(path.rglob("*_coco.json")) or sorted(path.rglob("*_res.json")) or sorted(path.glob("*.json"))
    if results:
        return _coco(results, dataset)
    labels: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*.txt")):
        labels.setdefault(file.stem, []).append(file)
    found = {sample.image_id: (sample, _file_of(sample.image, labels)) for sample in dataset.val}
    if not any(file for _, file in found.values()):
        raise InputError(
            "holds neither COCO results (.json) nor label files of the images (.txt)",
            path=path,
            hint="name a results file, or a folder whose files are named after the images, such as street_01.txt",
        )
    # a tool writes no file for an image in which it found nothing
    return {name: _yolo(file, sample, dataset.classes) for name, (sample, file) in found.items() if file is not None}


def detections_of(found: Mapping[int, Detections], sample: InstanceSample) -> Detections:
    """The detections of an image; none where the files name none."""
    return found.get(sample.image_id, _NONE)


def _coco(files: Iterable[Path], dataset: CocoDataset) -> dict[int, Detections]:
    by_id = {sample.image_id: sample for sample in dataset.val}
    by_name: dict[str, list[InstanceSample]] = {}
    for known in dataset.val:
        by_name.setdefault(known.image.name, []).append(known)
    classes = {category: index for index, category in enumerate(dataset.category_ids)}
    names = {name: index for index, name in enumerate(dataset.classes)}
    found: dict[int, list[tuple[float, int, Rle, list[float] | None]]] = {}
    named = None
    for file in files:
        for place, entry in enumerate(_entries(file)):
            where = f"result {place}"
            if not _is_result(entry):
                raise InputError(
                    f"{where} lacks image_id, category_id, score or segmentation, or gives one in another form",
                    path=file,
                    hint=_LIST_HINT,
                )
            named = entry["image_id"]
            sample = _sample_of(named, by_name, file) if isinstance(named, str) else by_id.get(named)
            if sample is None:
                if isinstance(named, str):
                    continue  # of another image of the folder that was predicted
                raise InputError(f"{where} names image {named!r}, which the validation split lacks", path=file)
            index = names.get(entry.get("category_name", ""), classes.get(entry["category_id"]))
            if index is None:
                there = ", ".join(map(str, dataset.category_ids))
                raise InputError(f"{where} names class {entry['category_id']!r}, there are {there}", path=file)
            one = _mask(entry["segmentation"], sample, f"{where} of image {named}", file)
            found.setdefault(sample.image_id, []).append((float(entry["score"]), index, one, entry.get("bbox")))
    if named is not None and not found:
        raise InputError(
            f"names no image of the validation split; the last is {named!r}",
            path=file,
            hint="give the file names of the images, or their ids in the dataset, as image_id",
        )
    return {image_id: _joined(values) for image_id, values in found.items()}


def _entries(file: Path) -> list[Any]:
    try:
        content = parse_json(read_bytes(file))
    except (OSError, ValueError) as error:
        raise InputError(f"is no JSON file: {error}", path=file) from error
    try:
        entries = _entries_in(content) if isinstance(content, dict) else content
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"is neither a COCO file nor a result of segcli predict ({type(error).__name__}: {error})"
        raise InputError(message, path=file, hint=_LIST_HINT) from error
    if not isinstance(entries, list):
        raise InputError("is no list of COCO results", path=file, hint=_LIST_HINT)
    return entries


def _is_result(entry: Any) -> bool:
    """Whether an entry has what is needed, in types that can be looked up and compared; masks are read later."""
    if not isinstance(entry, dict) or not {"image_id", "category_id", "score", "segmentation"} <= entry.keys():
        return False
    names = (entry["image_id"], entry["category_id"], entry.get("category_name", ""))
    box = entry.get("bbox")
    return (
        all(isinstance(name, str | int | float) for name in names)
        and _are_numbers([entry["score"]])
        and (box is None or (isinstance(box, list) and len(box) == 4 and _are_numbers(box)))
    )


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether all are numbers that a float can hold; NaN is none."""
    return all(isinstance(value, int | float) and abs(value) <= _LARGEST for value in values)


def _entries_in(content: Mapping[str, Any]) -> Any:
    """The results in a whole COCO file, whose ids are its own, or in what `segcli predict` writes of an image."""
    if "boxes" in content and "input_path" in content:
        of_image = {"image_id": content["input_path"]}
        return [
            {
                **box,
                **of_image,
                "category_id": box["cls_id"] + 1,
                "category_name": box["label"],
                "bbox": list(ltwh_of(box["coordinate"])),
            }
            for box in content["boxes"]
        ]
    entries = content.get("annotations")
    if not isinstance(entries, list):
        return None
    images = {one["id"]: one["file_name"] for one in content.get("images", ())}
    classes = {one["id"]: one["name"] for one in content.get("categories", ())}
    return [_with_names(one, images, classes) for one in entries]


def _with_names(entry: Any, images: Mapping[Any, str], classes: Mapping[Any, str]) -> Any:
    """A result whose image and class are named where the file says how they are called."""
    if not isinstance(entry, dict):
        return entry
    image, category = entry.get("image_id"), entry.get("category_id")
    named = {"category_name": classes[category]} if category in classes else {}
    return {**entry, "image_id": images.get(image, image), **named}


def _sample_of(named: str, by_name: Mapping[str, Sequence[InstanceSample]], file: Path) -> InstanceSample | None:
    """The image of a name or path; of several of one name that in a folder of the same name."""
    found = by_name.get(Path(named).name, ())
    if len(found) > 1:
        found = [sample for sample in found if sample.image.parent.name == Path(named).parent.name]
        if len(found) != 1:
            raise InputError(
                f"names the image {named!r}, but several have that name",
                path=file,
                hint="give the folder of the image as well, such as left/0001.jpg, or its id in the dataset",
            )
    return found[0] if found else None


def _mask(segmentation: Any, sample: InstanceSample, where: str, file: Path) -> Rle:
    try:
        if isinstance(segmentation, list):
            return rle.from_polygons(segmentation, sample.height, sample.width)
        code = rle.parse(segmentation)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{where} has no usable mask: {error}", path=file) from error
    if code["size"] != [sample.height, sample.width]:
        raise InputError(
            f"{where} has a mask of {code['size']} (height, width), the image has {[sample.height, sample.width]}",
            path=file,
        )
    return code


def _joined(values: Sequence[tuple[float, int, Rle, list[float] | None]]) -> Detections:
    scores, classes, masks, boxes = zip(*values, strict=True)
    corners = None
    if all(box is not None for box in boxes):
        sides = np.array(boxes, np.float64).reshape(-1, 4)
        corners = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
    return Detections(np.array(scores), np.array(classes, np.int64), list(masks), corners)


def _yolo(file: Path, sample: InstanceSample, classes: ClassMap) -> Detections:
    values = []
    size = np.array([sample.width, sample.height], np.float64)
    for number, line in enumerate(read_bytes(file).decode("utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            index, *numbers = int(words[0]), *map(float, words[1:])
        except ValueError as error:
            raise InputError(f"line {number} holds no numbers: {error}", path=file) from error
        if not 0 <= index < len(classes):
            raise InputError(f"line {number} names class {index}, there are 0 to {len(classes) - 1}", path=file)
        score = numbers.pop() if len(numbers) % 2 else 1.0
        if len(numbers) < 6:
            raise InputError(
                f"line {number} holds no polygon of three points",
                path=file,
                hint="write masks (class x1 y1 x2 y2 x3 y3 ... score), not boxes",
            )
        ring = (np.array(numbers).reshape(-1, 2) * size).ravel().tolist()
        values.append((score, index, rle.from_polygons([ring], sample.height, sample.width), None))
    return _joined(values) if values else _NONE
