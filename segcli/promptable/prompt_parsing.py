"""Reads prompts from the command line, PaddleX's dictionaries, and the files of other tools.

Every parser returns the prompts and all faults, so that a user sees all of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from segcli.data.boxes import BoxXyxy
from segcli.data.files import read_bytes
from segcli.data.json_text import parse_json
from segcli.errors import InputError
from segcli.promptable.prompts import ImagePrompts, ObjectPrompt, Point, raise_faults

_SHOWN = 80
"""Longest value, in characters, that a message repeats."""


@dataclass
class Parsed:
    """What was read.

    Attributes:
        prompts: Prompts per image.
        faults: One message per fault.
    """

    prompts: list[ImagePrompts] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def parse_options(
    boxes: Sequence[str] = (), points: Sequence[str] = (), texts: Sequence[str] = ()
) -> tuple[ObjectPrompt, ...]:
    """Reads the command line's ``--box x1,y1,x2,y2``, ``--point x,y[,0|1]`` and ``--text``.

    Each box is an object. Points without a box are one object. Points with one box refine it; with several boxes,
    each point refines the box that contains it.

    Raises:
        UsageError: Lists every value that cannot be read, and every point that is in no box or in several boxes.
    """
    faults: list[str] = []
    found = [
        ObjectPrompt(box=box, name=f"--box {text}")
        for text in boxes
        if (box := _box(_split(text), f"--box {text}", faults)) is not None
    ]
    clicks = [
        (f"--point {text}", point)
        for text in points
        if (point := _point(_split(text), f"--point {text}", faults)) is not None
    ]
    if clicks and not boxes:
        found = [ObjectPrompt(points=tuple(point for _, point in clicks), name="the points")]
    elif not faults:
        for name, point in clicks:
            inside = [i for i, prompt in enumerate(found) if len(found) == 1 or _contains(prompt.box, point)]
            if len(inside) != 1:
                where = "in no box" if not inside else "in several boxes"
                faults.append(f"{name}: lies {where}; it is not certain which object it belongs to")
            else:
                found[inside[0]] = replace(found[inside[0]], points=(*found[inside[0]].points, point))
    raise_faults(faults)
    parts = [part for text in texts for part in split_texts(text)]
    return (*found, *(ObjectPrompt(text=text, label=text, name=f"--text {text}") for text in parts))


def split_texts(text: str) -> list[str]:
    """Splits a string such as ``leaf, tile`` at commas: each part is a separate prompt.

    >>> split_texts("leaf, glass tile")
    ['leaf', 'glass tile']
    """
    return [part for part in _split(text) if part] or [text]


def read_prompts(path: str | Path) -> list[ImagePrompts]:
    """Reads a prompt file of any known format, or all ``*.json`` of a folder.

    Known formats: segcli's ``{"images": [{"image", "objects": [{"label", "box", "points", "text"}]}]}``, its
    ``objects`` alone (for every image), PaddleX's dictionary, samexporter's list (one object), LabelMe (rectangles and
    points), COCO boxes, and the results of PaddleX's detectors (``boxes[].coordinate``).

    Raises:
        InputError: The file is missing or not JSON.
        UsageError: Its format is unknown, or it has faults; all are listed.
    """
    path = Path(path)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise InputError("has no prompt files (*.json)", path=path)
    whole = Parsed()
    for file in files:
        parsed = parse_document(_load(file))
        whole.prompts += parsed.prompts
        whole.faults += [f"{file.name}: {fault}" for fault in parsed.faults]
    raise_faults(whole.faults)
    return whole.prompts


def parse_document(document: Any) -> Parsed:
    """Reads a prompt document of any known format, which is detected by its keys."""
    for is_kind, parse in _KINDS:
        if is_kind(document):
            faults = list(_entry_faults(document))
            return Parsed(faults=faults) if faults else parse(document)
    return Parsed(faults=["is no prompt file: expected our own form, PaddleX's, samexporter's, LabelMe's or COCO's"])


def _entry_faults(document: Any) -> Iterator[str]:
    """Faults of lists that hold anything but tables, which every format needs."""
    for key in _LISTS if isinstance(document, Mapping) else ():
        entries = document.get(key, [])
        if not isinstance(entries, list):
            yield f"{key}: is no list"
            continue
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry, Mapping):
                yield f"{key}: entry {number} is no table with keys: {_shown(entry)}"


def _load(file: Path) -> Any:
    try:
        return parse_json(read_bytes(file).decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path=file) from error
    except ValueError as error:
        raise InputError(f"is no JSON ({error})", path=file) from error


def _ours(document: Mapping[str, Any]) -> Parsed:
    parsed = Parsed()
    for number, entry in enumerate(document["images"], start=1):
        image = entry.get("image") if isinstance(entry, Mapping) else None
        if not isinstance(image, str) or not isinstance(entry.get("objects"), list):
            parsed.faults.append(f"entry {number} of images: expected the keys image and objects")
            continue
        objects = [_our_object(item, f"object {n}", parsed, image) for n, item in enumerate(entry["objects"], start=1)]
        parsed.prompts.append(ImagePrompts(image, tuple(item for item in objects if item is not None)))
    return parsed


def _our_objects(document: Mapping[str, Any]) -> Parsed:
    """segcli's format without images: the objects apply to every image."""
    parsed = Parsed()
    objects = [_our_object(item, f"object {n}", parsed, None) for n, item in enumerate(document["objects"], start=1)]
    parsed.prompts.append(ImagePrompts(None, tuple(item for item in objects if item is not None)))
    return parsed


def _our_object(item: Any, name: str, parsed: Parsed, image: str | None) -> ObjectPrompt | None:
    where = "" if image is None else f"{image}: "
    unknown = set(item) - {"label", "box", "points", "text"} if isinstance(item, Mapping) else {"no object"}
    if unknown:
        parsed.faults.append(f"{where}{name}: unknown {', '.join(sorted(unknown))}; known are label, box, points, text")
        return None
    faults: list[str] = []
    box = _box(item["box"], name, faults) if item.get("box") is not None else None
    rows = item.get("points") or []
    points = [_point(row, name, faults) for row in rows] if isinstance(rows, list) else []
    parsed.faults += [f"{where}{fault}" for fault in faults]
    text, label = item.get("text"), item.get("label")
    return ObjectPrompt(
        box=box,
        points=tuple(point for point in points if point is not None),
        text=None if text is None else str(text),
        label=str(label if label is not None else text) if label is not None or text is not None else None,
        name=name,
    )


def _paddlex(document: Any) -> Parsed:
    """PaddleX's ``{box_prompt: [[x1, y1, x2, y2], ...]}`` or ``{point_prompt: [[x, y], ...]}``.

    Additions to PaddleX: a point may have a label, ``[x, y, 0|1]``; a list of points in place of a point is one
    object; ``text_prompt: [bear, ...]``; keys can be combined.
    """
    known = ("box_prompt", "point_prompt", "text_prompt")
    if not isinstance(document, Mapping) or not document or set(document) - set(known):
        return Parsed(faults=[f"prompts: expected a table with the keys {', '.join(known)}, not {_shown(document)}"])
    faults: list[str] = []
    objects: list[ObjectPrompt] = []
    for key in known:
        rows = document.get(key)
        if rows is None:
            continue
        if key == "text_prompt" and (isinstance(rows, str) or _is_texts(rows)):
            rows = [part for text in ([rows] if isinstance(rows, str) else rows) for part in split_texts(text)]
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            faults.append(f"{key}: is empty or no list")
            continue
        for number, row in enumerate(rows, start=1):
            item = _paddlex_row(key, row, f"{key} {number}", faults)
            if item is not None:
                objects.append(item)
    return Parsed([ImagePrompts(None, tuple(objects))], faults)


def _is_texts(rows: Any) -> bool:
    return isinstance(rows, Sequence) and bool(rows) and all(isinstance(row, str) for row in rows)


def _paddlex_row(key: str, row: Any, name: str, faults: list[str]) -> ObjectPrompt | None:
    if key == "text_prompt":
        return ObjectPrompt(text=str(row), label=str(row), name=name)
    if key == "box_prompt":
        box = _box(row, name, faults)
        return None if box is None else ObjectPrompt(box=box, name=name)
    is_list = isinstance(row, Sequence) and not isinstance(row, str) and bool(row)
    rows = row if is_list and isinstance(row[0], Sequence) else [row]
    points = tuple(point for item in rows if (point := _point(item, name, faults)) is not None)
    return ObjectPrompt(points=points, name=name) if points else None


def _samexporter(document: Sequence[Mapping[str, Any]]) -> Parsed:
    parsed, box, points, text = Parsed(), None, [], None
    for number, mark in enumerate(document, start=1):
        name, kind, data = f"mark {number}", mark.get("type"), mark.get("data")
        if kind == "point":
            row = [*data, mark.get("label", 1)] if isinstance(data, list) else data
            point = _point(row, name, parsed.faults)
            points += [] if point is None else [point]
        elif kind == "rectangle" and box is None:
            box = _box(data, name, parsed.faults)
        elif kind == "rectangle":
            parsed.faults.append(f"{name}: all marks of such a list are one object, which can have only one rectangle")
        elif kind == "text":
            text = str(data)
        else:
            parsed.faults.append(f"{name}: unknown type {kind!r}; known are point, rectangle, text")
    prompt = ObjectPrompt(box=box, points=tuple(points), text=text, label=text, name="the marks")
    parsed.prompts.append(ImagePrompts(None, (prompt,)))
    return parsed


def _labelme(document: Mapping[str, Any]) -> Parsed:
    """Reads rectangles and points; the shapes of one group are one object."""
    parsed = Parsed()
    groups: dict[Any, ObjectPrompt] = {}
    for number, shape in enumerate(document["shapes"], start=1):
        name, label, given = f"shape {number}", _text(shape.get("label")), shape.get("points")
        rows = [row for row in map(_pair, given) if row is not None] if isinstance(given, list) else []
        if not rows or len(rows) < len(given):
            parsed.faults.append(f"{name}: its points are no list of [x, y]")
            continue
        kind, group = shape.get("shape_type", "polygon"), _id(shape.get("group_id"))
        key = ("single", number) if group is None else ("group", group)
        prompt = groups.get(key, ObjectPrompt(label=label, name=name, may_be_clipped=True))
        if kind == "rectangle" and len(rows) == 2 and prompt.box is None:
            # LabelMe's rectangles are drawn from any corner.
            box = _box([*map(min, *rows), *map(max, *rows)], name, parsed.faults)
            groups[key] = replace(prompt, box=box)
        elif kind == "point" and len(rows) == 1:
            flags = shape.get("flags")
            is_beside = isinstance(flags, Mapping) and bool(flags.get("negative"))
            point = _point([*rows[0], 0 if is_beside else 1], name, parsed.faults)
            if point is not None:
                groups[key] = replace(prompt, points=(*prompt.points, point))
        else:
            parsed.faults.append(f"{name}: a {kind} is no prompt here; rectangles (one per object) and points are")
    image = str(document.get("imagePath") or "").replace("\\", "/").split("/")[-1] or None
    parsed.prompts.append(ImagePrompts(image, tuple(groups.values())))
    return parsed


def _coco(document: Mapping[str, Any]) -> Parsed:
    parsed = Parsed()
    names = {_id(image.get("id")): str(image.get("file_name")) for image in document["images"]}
    categories = {_id(entry.get("id")): _text(entry.get("name")) for entry in document.get("categories", [])}
    by_image: dict[str, list[ObjectPrompt]] = {name: [] for name in names.values()}
    for number, annotation in enumerate(document["annotations"], start=1):
        name, image = f"annotation {annotation.get('id', number)}", names.get(_id(annotation.get("image_id")))
        numbers = _floats(annotation.get("bbox"), (4,))
        if image is None or numbers is None:
            fault = "its image_id is not among the images" if image is None else "bbox must be [x, y, width, height]"
            parsed.faults.append(f"{name}: {fault}")
            continue
        x, y, width, height = numbers
        prompt = ObjectPrompt(box=(x, y, x + width, y + height), name=name, may_be_clipped=True)
        by_image[image].append(replace(prompt, label=categories.get(_id(annotation.get("category_id")))))
    parsed.prompts = [ImagePrompts(image, tuple(objects)) for image, objects in by_image.items() if objects]
    return parsed


def _detections(document: Mapping[str, Any]) -> Parsed:
    parsed, objects = Parsed(), []
    for number, entry in enumerate(document["boxes"], start=1):
        box = _box(entry.get("coordinate"), f"box {number}", parsed.faults)
        if box is not None:
            label = _text(entry.get("label"))
            objects.append(ObjectPrompt(box=box, label=label, name=f"box {number}", may_be_clipped=True))
    path = document.get("input_path")
    parsed.prompts.append(ImagePrompts(None if path is None else str(path), tuple(objects)))
    return parsed


def _has(*keys: str) -> Callable[[Any], bool]:
    return lambda document: isinstance(document, Mapping) and all(isinstance(document.get(key), list) for key in keys)


def _is_samexporter(document: Any) -> bool:
    return (
        isinstance(document, list) and bool(document) and all(isinstance(m, Mapping) and "type" in m for m in document)
    )


def _is_paddlex(document: Any) -> bool:
    return isinstance(document, Mapping) and any(str(key).endswith("_prompt") for key in document)


_LISTS = ("images", "annotations", "categories", "objects", "shapes", "boxes")
# The more specific formats first: COCO also has a list called images.
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Parsed]], ...] = (
    (_has("images", "annotations"), _coco),
    (_has("images"), _ours),
    (_has("objects"), _our_objects),
    (_has("shapes"), _labelme),
    (_has("boxes"), _detections),
    (_is_samexporter, _samexporter),
    (_is_paddlex, _paddlex),
)


def _id(value: Any) -> int | str | None:
    """An id that can be looked up; None for any other value."""
    return value if isinstance(value, int | str) else None


def _text(value: Any) -> str | None:
    """A name, given as text or number; None for any other value."""
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _shown(value: Any) -> str:
    """A value of any type for a message, shortened if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _floats(values: Any, lengths: tuple[int, ...]) -> list[float] | None:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) not in lengths:
        return None
    try:
        return [math.nan if value is None else float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None


def _pair(values: Any) -> list[float] | None:
    return _floats(values, (2,))


def _box(values: Any, name: str, faults: list[str]) -> BoxXyxy | None:
    numbers = _floats(values, (4,))
    if numbers is None:
        faults.append(f"{name}: a box is four numbers, x1,y1,x2,y2")
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _point(values: Any, name: str, faults: list[str]) -> Point | None:
    numbers = _floats(values, (2, 3))
    if numbers is None:
        faults.append(f"{name}: a point is two numbers, x,y, and a label of 0 or 1 if there is one")
        return None
    if len(numbers) == 3 and numbers[2] not in (0.0, 1.0):
        faults.append(f"{name}: the label {numbers[2]:g} is neither 1 (on the object) nor 0 (beside it)")
        return None
    return Point(numbers[0], numbers[1], int(numbers[2]) if len(numbers) == 3 else 1)


def _contains(box: BoxXyxy | None, point: Point) -> bool:
    return box is not None and box[0] <= point.x <= box[2] and box[1] <= point.y <= box[3]
