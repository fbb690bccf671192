"""Reads LabelMe files as found in practice: missing keys, Windows paths, embedded images."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from segcli.data.boxes import FAR_PX, BoxXyxy
from segcli.data.files import read_bytes
from segcli.data.foreign_content import foreign_content
from segcli.data.formats.embedded_trace import EmbeddedTrace
from segcli.data.json_text import parse_json
from segcli.data.walk import files_below
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.rules import finding

MIN_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2, "point": 1, "mask": 1}
"""Fewest points of each shape type; LabelMe's `points` (several points) count as single points."""

LEGACY_ENCODING = "gb18030"
"""Encoding of older tools on Chinese Windows."""
_SYNONYMS = {
    "": "polygon",
    "points": "point",
    "oriented_rectangle": "polygon",
    # X-AnyLabeling's rotated rectangles and quadrilaterals
    "rotation": "polygon",
    "quadrilateral": "polygon",
}

_LONGEST_NUMBER = 19

_TRIED_FILES = 8
"""Most JSON files that are opened to recognise a folder."""

_IMAGE_DATA = re.compile(rb'"imageData"\s*:\s*"([A-Za-z0-9+/]+={0,2})"')


@dataclass(frozen=True)
class Shape:
    """One shape of a LabelMe file.

    Attributes:
        number: Position in the file, from 0.
        label: Class name, stripped of whitespace.
        kind: ``polygon``, ``rectangle``, ``circle``, ``line``, ``linestrip``, ``point`` or ``mask``.
        points: x, y in pixels.
        group_id: Shapes with the same label and `group_id` form one object; None for a single shape.
        mask: PNG of a ``mask`` shape; the first point is its upper left corner.
        flags: Names of the flags that are set.
    """

    number: int
    label: str
    kind: str
    points: tuple[tuple[float, float], ...]
    group_id: int | str | None = None
    mask: bytes | None = None
    flags: tuple[str, ...] = ()

    @cached_property
    def extent(self) -> BoxXyxy:
        """Left, top, right and bottom of the points, of which there is at least one."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class LabelMeFile:
    """One LabelMe file.

    Attributes:
        path: The file.
        image_path: The `imagePath` of the file, with forward slashes; None where missing.
        has_image_data: Whether an image is embedded. It is read again on demand, to save memory.
        shapes: The valid shapes, in file order.
        stated_size: Width and height of the labelled image in pixels; None where the file lacks them.
        embedded: By which the embedded image is told from others without reading it again; None where there is none.
    """

    path: Path
    image_path: PurePosixPath | None
    has_image_data: bool
    shapes: tuple[Shape, ...]
    stated_size: tuple[int, int] | None = None
    embedded: EmbeddedTrace | None = None

    def values(self) -> dict[str, Any]:
        """Reads the whole content of the file again.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no longer valid JSON.
        """
        values: dict[str, Any] = _parse(read_bytes(self.path), self.path.name, [])
        return values

    def image_data(self) -> bytes:
        """Returns the embedded image as the bytes of an image file.

        Raises:
            InputError: There is none, or it is not valid base64.
        """
        try:
            data = read_bytes(self.path)
            found = _IMAGE_DATA.findall(data)  # to parse the whole file takes three times as long
            return base64.b64decode(found[0] if len(found) == 1 else self.values()["imageData"])
        except (OSError, LookupError, TypeError, ValueError) as fault:
            raise InputError(f"imageData is not valid base64: {fault}", path=self.path) from fault


def read_labelme(path: Path, name: str) -> tuple[LabelMeFile | None, list[Finding]]:
    """Reads a LabelMe file.

    Args:
        path: The file.
        name: Its name in findings.

    Returns:
        The file with its valid shapes (None when it is not a LabelMe file), and its problems.
    """
    findings: list[Finding] = []
    data = b""
    try:
        data = read_bytes(path)
        values = _parse(data, name, findings)
    except OSError as fault:
        return None, [finding("L101", name, f"cannot be read: {fault.strerror}")]
    except ValueError as fault:
        other = foreign_content(data)
        if other is not None:
            return None, [finding("L101", name, other.what, hint=other.hint)]
        return None, [finding("L101", name, f"is not valid JSON: {fault}")]
    if not isinstance(values, dict) or not isinstance(values.get("shapes"), list):
        return None, [finding("L102", name, "has no list of shapes")]
    shapes = []
    for number, entry in enumerate(values["shapes"]):
        shape = _read_shape(number, entry, name, findings)
        if shape is not None:
            shapes.append(shape)
    image_path = values.get("imagePath")
    stated = PurePosixPath(str(image_path).replace("\\", "/")) if image_path else None
    size = _stated_size(values.get("imageWidth"), values.get("imageHeight"))
    embedded = values.get("imageData")
    trace = EmbeddedTrace.of(embedded) if isinstance(embedded, str) else None
    return LabelMeFile(path, stated, bool(embedded), tuple(shapes), size, trace), findings


def labelme_files(folder: Path) -> Iterator[Path]:
    """The LabelMe files among the first JSON files in or below a folder."""
    for path in [path for path in files_below(folder) if path.suffix == ".json"][:_TRIED_FILES]:
        if read_labelme(path, path.name)[0] is not None:
            yield path


def _parse(data: bytes, name: str, findings: list[Finding]) -> Any:
    """Parses a file; some old tools on Chinese Windows used the local encoding."""
    try:
        return parse_json(data)
    except UnicodeDecodeError:
        values = parse_json(data.decode(LEGACY_ENCODING))
    findings.append(finding("L111", name, f"was read as {LEGACY_ENCODING}"))
    return values


def _stated_size(width: object, height: object) -> tuple[int, int] | None:
    """Width and height, which some tools write as 192.0 or "192"; None where one is missing."""
    across, down = _group(width), _group(height)
    return (across, down) if isinstance(across, int) and isinstance(down, int) and across and down else None


def _read_shape(number: int, entry: object, name: str, findings: list[Finding]) -> Shape | None:
    if not isinstance(entry, Mapping):
        findings.append(finding("L102", name, f"is a {type(entry).__name__}", location=f"shape {number}"))
        return None
    flags = entry.get("flags")
    kind = str(entry.get("shape_type") or "")
    points = _points(entry.get("points"))
    shape = Shape(
        number=number,
        label=" ".join(_name(entry.get("label")).splitlines()).strip(),
        kind=_SYNONYMS.get(kind, kind),
        points=points or (),
        group_id=_group(entry.get("group_id")),
        mask=_mask_data(entry.get("mask")) if kind == "mask" else None,
        flags=tuple(name for name, is_set in flags.items() if is_set) if isinstance(flags, dict) else (),
    )
    fault = ("L104", "its points are not pairs of finite numbers") if points is None else _shape_fault(shape)
    if fault is not None:
        place = f"shape {number} ({shape.label})" if shape.label else f"shape {number}"
        findings.append(finding(fault[0], name, fault[1], location=place))
        return None
    return replace(shape, kind="polygon") if shape.kind == "rectangle" and len(shape.points) > 2 else shape


def _name(value: object) -> str:
    """A label or group as text: 1, 1.0 and "1" are equal."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _group(value: object) -> int | str | None:
    name = _name(value)
    return int(name) if name.isdecimal() and len(name) < _LONGEST_NUMBER else name or None


def _shape_fault(shape: Shape) -> tuple[str, str] | None:
    """Rule id and message of the problem of a shape; None for a valid shape."""
    furthest = max(map(abs, shape.extent)) if shape.points else 0.0
    if furthest > FAR_PX:
        return "L104", f"a point lies {furthest:.6g} px away, further than any image reaches"
    if not shape.label:
        return "L105", "has no label"
    if shape.kind not in MIN_POINTS:
        return "L106", f"is of the unknown type {shape.kind!r}"
    if len(shape.points) < MIN_POINTS[shape.kind]:
        return "L103", f"a {shape.kind} needs {MIN_POINTS[shape.kind]} points, this has {len(shape.points)}"
    return _mask_fault(shape.mask or b"") if shape.kind == "mask" else None


def _mask_data(data: object) -> bytes:
    try:
        return base64.b64decode(str(data or ""))
    except ValueError:
        return b""


def _mask_fault(data: bytes) -> tuple[str, str] | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            empty = image.convert("L").getbbox() is None
    except (OSError, SyntaxError, ValueError):
        return "L107", "a mask without its image"
    return ("L110", "a mask without a pixel") if empty else None


def _points(values: Any) -> tuple[tuple[float, float], ...] | None:
    try:
        points = tuple([(float(x), float(y)) for x, y in _as_pairs(values)])
    except (TypeError, ValueError, OverflowError):
        return None
    # a sum is finite only if all of its terms are; far points may overflow it
    finite = math.isfinite(sum(chain.from_iterable(points))) or all(map(math.isfinite, chain.from_iterable(points)))
    return points if finite else None


def _as_pairs(values: Any) -> Any:
    """Points as pairs, which some converters write as one list of numbers, or as objects with x and y."""
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return [(point.get("x"), point.get("y")) for point in values if isinstance(point, dict)]
    if isinstance(values, list) and len(values) % 2 == 0 and all(isinstance(value, int | float) for value in values):
        return list(zip(values[0::2], values[1::2], strict=True))
    return values
