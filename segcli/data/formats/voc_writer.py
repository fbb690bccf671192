"""Writes Pascal VOC: `JPEGImages/`, class maps, object maps, `labelmap.txt` and the lists of the splits."""

from __future__ import annotations

from collections.abc import Mapping

from segcli.data.classes import BACKGROUND_NAME, IGNORE_INDEX
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.formats.format import Placed, PlacedImage, Put, Written, is_object, lose_flags
from segcli.data.formats.label_map_painter import are_apart, paint_labels, seen_pixels
from segcli.data.formats.masks_writer import class_ids
from segcli.data.formats.object_painter import ImageCrops, ObjectPainter
from segcli.data.formats.voc_layout import COLOUR_FILE, SETS
from segcli.data.id_counts import count_ids
from segcli.data.image import Labels
from segcli.data.label_png import encode_label_png
from segcli.data.palette import voc_palette
from segcli.data.rle import Crop
from segcli.data.samples import Split

MOST_CLASSES = 254
MOST_OBJECTS = 254
"""Most objects in one map: 0 is no object, 255 is ignored."""
SAME_IOU = 0.999


def voc_image_path(placed: PlacedImage) -> str:
    """`JPEGImages/` and a name that is unique even without its suffix; the image keeps its format."""
    return f"JPEGImages/{placed.stem}{placed.suffix}"


def write_voc(placed: Placed, put: Put) -> Written:
    """Writes the maps. Shared pixels go to the later object, which is reported as a loss of the earlier one."""
    written, painter = Written(), ObjectPainter(placed.brush)
    ids, palette = class_ids(placed), [int(value) for value in voc_palette().ravel()]
    for image in placed.images:
        for folder, labels in zip(
            ("SegmentationClass", "SegmentationObject"), _maps(image, ids, painter, written), strict=True
        ):
            put(f"{folder}/{image.stem}.png", encode_label_png(labels, palette))
        written.made["maps"] += 1
    for split in Split:
        put(f"{SETS}/{split.value}.txt", "".join(f"{image.stem}\n" for image in placed.of(split)).encode())
    put(f"{SETS}/trainval.txt", "".join(f"{image.stem}\n" for image in placed.images).encode())
    put(COLOUR_FILE, _colour_file(placed, ids).encode())
    return written


def _colour_file(placed: Placed, ids: Mapping[str, int]) -> str:
    """CVAT's `name:r,g,b:parts:actions`."""
    colours = voc_palette()
    names = [(0, placed.dataset.background or BACKGROUND_NAME)]
    names += [(ids[name], name) for name in placed.dataset.classes]
    lines = ["{}:{},{},{}::\n".format(name, *map(int, colours[number])) for number, name in names]
    return "# label:color_rgb:parts:actions\n" + "".join(lines)


def _maps(
    image: PlacedImage, ids: Mapping[str, int], painter: ObjectPainter, written: Written
) -> tuple[Labels, Labels]:
    """The class map and the object map of an image."""
    values = [value for value in image.source.read_objects() if value.label in ids]
    numbers = _numbered(image, values, written)
    kept = [value for value in values if id(value) in numbers]
    crops = ImageCrops(painter, image.source.size, kept)
    class_ids = [IGNORE_INDEX if value.is_ignored else ids[value.label] for value in kept]
    class_map = paint_labels(kept, class_ids, crops)
    object_map = paint_labels(kept, [numbers[id(value)] for value in kept], crops)
    # pixels of each number; they are asked for only where one object may cover another
    held = None if are_apart(map(crops.of, kept), object_map) else count_ids(object_map)
    for value in kept:
        lose_flags(("is_ignored",), image, value, written)
        number = numbers[id(value)]
        if 0 < number < IGNORE_INDEX:
            share = 1.0 if held is None else _kept_share(crops.of(value), object_map, number, int(held[number]))
            if share < SAME_IOU:
                written.lose(image, value, "pixels under another object", share)
            written.made["objects"] += 1
    return class_map, object_map


def _numbered(image: PlacedImage, values: list[AnnotatedObject], written: Written) -> dict[int, int]:
    """Value of each object in the object map, by `id()`: 0 for background, 255 for ignored regions."""
    numbers: dict[int, int] = {}
    count = 0
    for value in values:
        if value.is_ignored or not is_object(value):
            numbers[id(value)] = 0 if value.label == BACKGROUND_NAME else IGNORE_INDEX
        elif count == MOST_OBJECTS:
            written.lose(image, value, f"an image holds at most {MOST_OBJECTS} objects", 0.0)
        else:
            count += 1
            numbers[id(value)] = count
    return numbers


def _kept_share(crop: Crop | None, object_map: Labels, number: int, held: int) -> float:
    """Intersection over union of an object and its `held` pixels in the object map; 1 when both are empty."""
    seen, pixels = (0, 0) if crop is None else seen_pixels(crop, object_map, number)
    union = pixels + held - seen
    return seen / union if union else 1.0
