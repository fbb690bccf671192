"""`segcli outline DATASET`: replaces boxes and points of objects by their outlines."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.changes.transaction import Transaction, change_rows, transaction
from segcli.data.dataset_folder import require_folder
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeSample, find_labelme_root, read_labelme_dataset
from segcli.data.formats.labelme_images import bounds_of
from segcli.data.formats.labelme_writer import outline_shapes
from segcli.data.image import RgbImage, decode_image, read_image
from segcli.data.json_writer import to_json
from segcli.data.traced_mask import TracedMask
from segcli.errors import InputError, UsageError
from segcli.models.table import get_spec
from segcli.plurals import counted
from segcli.progress import track
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt, Point, check_objects
from segcli.steps.predict.by_name import model_source
from segcli.steps.predict.open_predictor import first_device
from segcli.steps.predict.open_promptable import open_promptable

log = logging.getLogger("segcli.outline")

Entry = dict[str, Any]


@dataclass(frozen=True)
class ObjectToOutline:
    """Shapes of a file that prompt one object.

    Attributes:
        numbers: Their positions in the file.
        prompt: Box or points.
        shape: The first of them, which names the object.
    """

    numbers: tuple[int, ...]
    prompt: ObjectPrompt
    shape: Shape


@dataclass(frozen=True)
class OutlineResult:
    """The result of `outline`.

    Attributes:
        folder: The dataset.
        model_name: The model.
        files: Number of rewritten files.
        outlined: Number of objects that have an outline now.
        left: Objects and files that were left unchanged, with the reason.
        changes: Rows of the transaction.
    """

    folder: Path
    model_name: str
    files: int
    outlined: int
    left: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "dataset": str(self.folder),
            "model_name": self.model_name,
            "files": self.files,
            "outlined": self.outlined,
            "left": list(self.left),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model_name), ("outlined", f"{counted(self.outlined, 'object')} in {self.files} files")]
        if self.left:
            rows.append(("left", f"{len(self.left)} as they are, the first: {self.left[0]}"))
        return [*rows, *self.changes]


def outline(
    dataset: Path, model: str, source: Path | None, *, runtime: str = "auto", device: str = "cpu"
) -> OutlineResult:
    """Replaces rectangles and points of LabelMe files by the outlines of their objects, in one transaction.

    A rectangle is a box around one object. Points with the same label and group are prompts for one object; a point
    without a group is one object. Other shapes are kept, and so are objects for which the network finds nothing.

    Args:
        dataset: A folder with LabelMe files.
        model: Name of a model of the Segment Anything family.
        source: Its exported folder or weights; None uses the official weights.
        runtime: See `Predict.runtime`.
        device: Device that the network runs on.

    Raises:
        DatasetError: There is no such folder.
        UsageError: The model takes no boxes, or the folder has no rectangle or point.
        WeightsError: The model cannot be opened.
        BusyError: Another process is changing the dataset.
    """
    require_folder(dataset)
    root = find_labelme_root(dataset)
    spec = get_spec(model)
    opened = open_promptable(spec, model_source(spec, source), runtime=runtime, device=first_device(device))
    predictor = opened.predictor(None)
    if not isinstance(predictor, SamPredictor):
        raise UsageError(f"{model} takes texts, not boxes and points", hint="give SAM-B, SAM-L, SAM-H or another SAM")
    left: list[str] = []
    outlined = files = 0
    with transaction(root, "outline") as changes:
        samples = [
            sample
            for sample in read_labelme_dataset(dataset).samples
            if any(objects_to_outline(sample.annotation.shapes))
        ]
        if not samples:
            raise UsageError("there is no rectangle or point in its LabelMe files", path=dataset)
        for sample in track(samples, "outline", len(samples)):
            count = _outline_file(sample, root, predictor, changes, left)
            outlined += count
            files += count > 0
    return OutlineResult(
        root, opened.described.title, files, outlined, tuple(left), tuple(change_rows(changes.changes))
    )


def objects_to_outline(shapes: tuple[Shape, ...]) -> Iterator[ObjectToOutline]:
    """Yields the objects of a file that have no outline yet."""
    clicks: dict[object, list[Shape]] = {}
    for shape in shapes:
        name = f"shape {shape.number} ({shape.label})"
        if shape.kind == "rectangle":
            prompt = ObjectPrompt(box=bounds_of(shape), label=shape.label, name=name, may_be_clipped=True)
            yield ObjectToOutline((shape.number,), prompt, shape)
        elif shape.kind == "point":
            alone = shape.group_id is None
            clicks.setdefault(shape.number if alone else (shape.label, shape.group_id), []).append(shape)
    for group in clicks.values():
        points = tuple(Point(*shape.points[0]) for shape in group)
        name = f"shape {group[0].number} ({group[0].label})"
        prompt = ObjectPrompt(points=points, label=group[0].label, name=name)
        yield ObjectToOutline(tuple(shape.number for shape in group), prompt, group[0])


def _outline_file(
    sample: LabelMeSample, root: Path, predictor: SamPredictor, changes: Transaction, left: list[str]
) -> int:
    """Stages a file with its outlined objects; returns their number."""
    try:
        rgb = _image_of(sample)
    except InputError as fault:
        left.append(f"{sample.name}: {fault.message}")
        return 0
    objects = []
    for one in objects_to_outline(sample.annotation.shapes):
        _, faults = check_objects([one.prompt], rgb.shape[1], rgb.shape[0], sample.name)
        left += faults
        objects += [] if faults else [one]
    if not objects:
        return 0
    predictor.set_image(rgb, name=sample.name)
    values = sample.annotation.values()
    replaced: dict[int, list[Entry]] = {}
    answers = predictor.predict([one.prompt for one in objects])
    for group, (one, mask) in enumerate(zip(objects, answers, strict=True), start=_free_group(values)):
        sure = f"confidence {mask.score:.2f}"
        made = outline_shapes(one.shape.label, TracedMask(mask.rle), group, description=sure, flags=one.shape.flags)
        if not made:
            left.append(f"{sample.name}: {one.prompt.name}: the network finds nothing there")
            continue
        replaced |= {number: [] for number in one.numbers} | {one.numbers[0]: made}
    if not replaced:
        return 0
    values["shapes"] = [
        entry for number, shape in enumerate(values["shapes"]) for entry in replaced.get(number, [shape])
    ]
    target = Path(os.path.relpath(sample.annotation.path, root)).as_posix()
    changes.stage(target).write_text(to_json(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return sum(bool(made) for made in replaced.values())


def _image_of(sample: LabelMeSample) -> RgbImage:
    """Reads the image in the size that was labelled.

    Raises:
        InputError: It cannot be read, or has another size.
    """
    annotation = sample.annotation
    path = sample.image
    rgb = decode_image(annotation.image_data(), name="imageData") if path is None else read_image(path)
    if annotation.stated_size not in (None, rgb.shape[1::-1]):
        raise InputError("the size of the image differs from the labelled one; see `segcli check`")
    return rgb


def _free_group(values: Entry) -> int:
    """The first `group_id` from which on no shape of the file uses any."""
    taken = [entry.get("group_id") for entry in values["shapes"] if isinstance(entry, dict)]
    return 1 + max((group for group in taken if isinstance(group, int)), default=0)
