"""The prompts of an image: boxes, points and texts, checked before any network runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from segcli.data.boxes import BoxXyxy
from segcli.errors import UsageError
from segcli.plurals import listed

EDGE_TOLERANCE_PX = 1.0
"""How far a box may reach outside the image, because other tools round differently; it is clipped."""


@dataclass(frozen=True)
class Point:
    """A click.

    Attributes:
        x: Pixels from the left.
        y: Pixels from the top.
        label: 1 if it is on the object, 0 if it is beside it.
    """

    x: float
    y: float
    label: int = 1


@dataclass(frozen=True)
class ObjectPrompt:
    """The prompt of one object.

    Attributes:
        box: Box x1, y1, x2, y2 around the object in pixels, or None.
        points: Points on the object or beside it.
        text: Description of the object, for a network that takes texts; None otherwise.
        label: Label of the result.
        name: Name of this prompt in messages, such as ``box 2``.
        may_be_clipped: Whether a box is clipped to the image (from another program) or refused (from a user).
    """

    box: BoxXyxy | None = None
    points: tuple[Point, ...] = ()
    text: str | None = None
    label: str | None = None
    name: str = "prompt"
    may_be_clipped: bool = False

    @property
    def is_ambiguous(self) -> bool:
        """Whether it can refer to an object or to a part of it: a single point."""
        return self.box is None and len(self.points) == 1


@dataclass(frozen=True)
class ImagePrompts:
    """The prompts of one image.

    Attributes:
        image: Path or name of the image; None for every image.
        objects: One entry per object.
    """

    image: str | None
    objects: tuple[ObjectPrompt, ...]


def check_objects(
    objects: Sequence[ObjectPrompt], width: int, height: int, image_name: str
) -> tuple[tuple[ObjectPrompt, ...], list[str]]:
    """Checks prompts against an image's size.

    Args:
        objects: The prompts.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        image_name: Name of the image, for messages.

    Returns:
        The prompts with boxes clipped to the image where that is allowed, and one message per fault.
    """
    faults: list[str] = []
    if not objects:
        faults.append("there is no prompt: give a box, a point or a text, or ask for everything")
    checked = []
    for prompt in objects:
        box, own = _check_box(prompt, width, height)
        own += [fault for point in prompt.points for fault in _point_faults(point, width, height)]
        own += _content_faults(prompt)
        faults += [f"{prompt.name}: {fault}" for fault in own]
        checked.append(replace(prompt, box=box))
    return tuple(checked), [f"{image_name}: {fault}" for fault in faults]


def valid_objects(
    objects: Sequence[ObjectPrompt], width: int, height: int, image_name: str
) -> tuple[ObjectPrompt, ...]:
    """Like `check_objects`, for callers that cannot continue after a fault.

    Raises:
        UsageError: Lists every fault.
    """
    checked, faults = check_objects(objects, width, height, image_name)
    raise_faults(faults)
    return checked


def raise_faults(faults: Sequence[str]) -> None:
    """Raises one error that lists all faults.

    Raises:
        UsageError: There is a fault.
    """
    if faults:
        noun = "prompt cannot" if len(faults) == 1 else "prompts cannot"
        raise UsageError("\n".join([f"{len(faults)} {noun} be used", *(f"  {fault}" for fault in faults)]))


def match_images(
    images: Sequence[str], prompts: Iterable[ImagePrompts]
) -> tuple[dict[str, tuple[ObjectPrompt, ...]], list[str]]:
    """Assigns prompts to images.

    An entry names an image by its whole path, by the end of its path, or by its file name if that is unique. Entries
    without an image apply to all images.

    Args:
        images: Paths of the images.
        prompts: Prompts from any number of files.

    Returns:
        Path -> prompts, and one message per entry whose image is missing or ambiguous.
    """
    found: dict[str, list[ObjectPrompt]] = {image_name: [] for image_name in images}
    faults = []
    for entry in prompts:
        if entry.image is None:
            matching = list(images)
        else:
            matching = _matching_images(entry.image, images)
            if len(matching) != 1:
                several = f"several images have this name ({listed(matching, 3)})"
                fault = several if matching else "no such image is among those of the input"
                faults.append(f"{entry.image}: {fault}")
                continue
        for image_name in matching:
            found[image_name].extend(entry.objects)
    return {image_name: tuple(objects) for image_name, objects in found.items()}, faults


def _matching_images(name: str, images: Sequence[str]) -> list[str]:
    wanted = name.replace("\\", "/").removeprefix("./").split("/")
    split = {image_name: image_name.replace("\\", "/").split("/") for image_name in images}
    exact = [image_name for image_name in images if image_name == name]
    ending = [image_name for image_name, parts in split.items() if parts[-len(wanted) :] == wanted]
    by_name = [image_name for image_name, parts in split.items() if parts[-1] == wanted[-1]]
    return exact or ending or by_name


def _check_box(prompt: ObjectPrompt, width: int, height: int) -> tuple[BoxXyxy | None, list[str]]:
    box = prompt.box
    if box is None:
        return None, []
    if not all(math.isfinite(value) for value in box):
        return box, [f"the box {_numbers(box)} has a value that is no number"]
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        return box, [f"the box {_numbers(box)} is reversed; its corners are x1,y1,x2,y2 with x1 < x2 and y1 < y2"]
    if x2 == x1 or y2 == y1:
        return box, [f"the box {_numbers(box)} has no area"]
    clipped = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    is_away = clipped[2] <= clipped[0] or clipped[3] <= clipped[1]
    reach = max(abs(a - b) for a, b in zip(box, clipped, strict=True))
    if is_away or (reach > EDGE_TOLERANCE_PX and not prompt.may_be_clipped):
        return box, [f"the box {_numbers(box)} reaches outside the image of {width}x{height} pixels"]
    return clipped, []


def _point_faults(point: Point, width: int, height: int) -> list[str]:
    faults = []
    if not (math.isfinite(point.x) and math.isfinite(point.y)):
        faults.append(f"the point {_numbers((point.x, point.y))} has a value that is no number")
    elif not (0 <= point.x <= width and 0 <= point.y <= height):
        faults.append(f"the point {_numbers((point.x, point.y))} is outside the image of {width}x{height} pixels")
    if point.label not in (0, 1):
        faults.append(f"the label {point.label} of a point is neither 1 (on the object) nor 0 (beside it)")
    return faults


def _content_faults(prompt: ObjectPrompt) -> list[str]:
    if prompt.text is not None:
        return [] if prompt.text.strip() else ["the text is empty"]
    if prompt.box is None and not prompt.points:
        return ["it has neither box, point nor text"]
    if prompt.box is None and all(point.label == 0 for point in prompt.points):
        return ["it has only points beside the object; at least one must be on it"]
    return []


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
