"""Rules of LabelMe data."""

from __future__ import annotations

import base64
import os

import numpy as np
from PIL import Image

from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import convert_dataset
from tests.image_files import photo
from tests.labelme_folder import (
    HEIGHT,
    WIDTH,
    box,
    convert_config,
    image_bytes,
    mask_text,
    shape,
    write_labelme,
    write_lists,
)
from tests.rules.masks_cases import together
from tests.rules.replay import Change, Replay

CAT = box("cat", 4, 4, 20, 20)
INSTANCE = "SOLOv2"
GREEK = "γάτα"


def with_shape(entry) -> Change:
    """One more shape in the first file."""
    return lambda root: write_labelme(root, "a", [CAT, entry], seed=1)


def every(entry) -> Change:
    """This shape alone in both files."""
    return together(file("a", entry, seed=1), file("b", entry, seed=2))


def many(shape_of, count: int = 4) -> Change:
    """So many more files, each with one shape."""
    return together(*(file(f"m{n}", shape_of(n), seed=n) for n in range(count)), gone("a.json", "b.json"))


def counting(*labels: str) -> Change:
    """Six files of which each has an object of the first labels, one to all of them."""
    return together(
        gone("a.json", "b.json"),
        *(
            file(f"n{number}", *(box(label, 4 + 16 * n, 4 + number, 16 + 16 * n, 30) for n, label in own), seed=number)
            for number, own in enumerate([list(enumerate(labels))[: 2 + number % 2] for number in range(6)])
        ),
    )


def shapes_of(make) -> Change:
    """Six files with two shapes each."""
    return together(
        gone("a.json", "b.json"),
        *(
            file(f"n{number}", *(make(4 + 30 * n, 4 + number, number) for n in range(2)), seed=number)
            for number in range(6)
        ),
    )


def ring(left: float, top: float, last: float) -> dict:
    """A line around a square that ends so many pixels beside its beginning."""
    corners = [(left, top), (left + 20, top), (left + 20, top + 20), (left, top + 20), (left, top + last)]
    return shape("cat", *corners, kind="linestrip")


def file(name: str, *shapes, **keys) -> Change:
    return lambda root: write_labelme(root, name, shapes, **keys)


def lists(train: list[str], val: list[str]) -> Change:
    return lambda root: write_lists(root, train, val)


def text(name: str, words: str) -> Change:
    return lambda root: (root / name).write_text(words, encoding="utf-8")


def gone(*names: str) -> Change:
    def run(root):
        for name in names:
            (root / name).unlink()

    return run


def without_image(name: str = "c", **keys) -> Change:
    return file(name, CAT, image=None, **keys)


def named_in(encoding: str) -> Change:
    """A file whose name is in an encoding, as archives packed on Windows leave it."""

    def run(root):
        write_labelme(root, "d", [CAT], seed=9)
        for suffix in (".json", ".png"):
            (root / f"d{suffix}").rename(root / os.fsdecode(f"照片{suffix}".encode(encoding)))

    return run


def as_stored(orientation: int) -> Change:
    """A file that was labelled on its image as stored."""

    def run(root):
        write_labelme(root, "a", [CAT], image=None, imagePath="a.jpg")
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(photo(HEIGHT, WIDTH)).save(root / "a.jpg", exif=exif)

    return run


def in_encoding(encoding: str) -> Change:
    def run(root):
        path = write_labelme(root, "a", [box("中文", 1, 1, 9, 9)], seed=1)
        path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))

    return run


def many_classes(number: int) -> Change:
    return file("a", *(box(f"class {index}", 1, 1, 5, 5) for index in range(number)), seed=1)


def converted(root):
    convert_dataset(convert_config(root))


def checked(root, _option):
    return examine_seg_dataset(root, settings=PassSettings(workers=1)).findings


WHOLE = base64.b64encode(image_bytes(7)).decode()
OTHER_IMAGE = base64.b64encode(image_bytes(8)).decode()
SAME_IMAGE_AS_JPEG = base64.b64encode(image_bytes(9, ".jpg")).decode()
CUT = base64.b64encode(image_bytes(7)[:200]).decode()


def embedded_mask(pixels: np.ndarray) -> Change:
    return with_shape(shape("cat", (1, 1), (4, 4), kind="mask", mask=mask_text(pixels)))


LABELME = (
    Replay("L001", gone("a.json", "b.json"), gone("b.json")),
    Replay("L002", lists(["a", "gone"], ["b"]), lists(["a"], ["b"])),
    Replay("L003", together(file("c", CAT, seed=3), lists(["a"], ["b"])), lists(["a"], ["b"])),
    Replay("L004", lists(["a", "b"], ["b"]), lists(["a"], ["b"])),
    Replay("L005", text("package.json", "{}"), text("package.txt", "{}")),
    Replay("L006", lambda root: None, converted, look=checked),
    Replay("L101", text("a.json", "{")),
    Replay("L102", together(text("a.json", "{}"), lists(["a"], ["b"]))),
    Replay("L103", with_shape(shape("cat", (1, 1), (2, 2))), with_shape(shape("cat", (1, 1), (9, 2), (5, 9)))),
    Replay("L104", with_shape({"label": "cat", "points": 3})),
    Replay("L105", with_shape(box("", 1, 1, 9, 9)), with_shape(box("0", 1, 1, 9, 9))),
    Replay("L106", with_shape(shape("cat", (1, 1), kind="star")), with_shape(shape("cat", (1, 1), kind="point"))),
    Replay("L107", without_image(imageData=CUT), without_image(imageData=WHOLE)),
    Replay(
        "L108",
        with_shape(box("cat", WIDTH + 6, 5, WIDTH + 26, 30)),
        with_shape(box("cat", WIDTH - 6, 5, WIDTH + 26, 30)),
    ),
    Replay("L109", file("a", seed=1)),
    Replay("L110", embedded_mask(np.zeros((3, 3))), embedded_mask(np.eye(3))),
    Replay("L111", in_encoding("gb18030"), in_encoding("utf-8")),
    Replay("L112", with_shape(box("cat", 4.3, 4.3, 20.3, 20.3)), with_shape(box("cat", 7, 4, 23, 20))),
    Replay(
        "L113", with_shape(shape("dog", (30, 4), (50, 20), (50, 4), (30, 20))), with_shape(box("dog", 30, 4, 50, 20))
    ),
    Replay("L201", gone("a.png")),
    Replay("L202", lambda root: (root / "a.png").write_bytes(b"no image")),
    Replay("L203", file("deep/a", CAT, seed=7), file("deep/c", CAT, seed=7)),
    Replay("L204", without_image(imagePath="a.png"), file("c", CAT, seed=7)),
    Replay(
        "L205",
        file("a", CAT, seed=1, imageWidth=20 * WIDTH, imageHeight=19 * HEIGHT),
        file("a", CAT, seed=1, imageWidth=20 * WIDTH, imageHeight=20 * HEIGHT),
    ),
    Replay("L206", lambda root: (root / "z.png").write_bytes(image_bytes()), file("z", CAT, seed=7)),
    Replay(
        "L207",
        file("a", CAT, seed=1, imageWidth=20 * WIDTH, imageHeight=20 * HEIGHT),
        file("a", CAT, seed=1, imageWidth=WIDTH, imageHeight=HEIGHT),
    ),
    Replay("L208", together(as_stored(6), file("d", CAT, seed=9)), together(as_stored(1), file("d", CAT, seed=9))),
    Replay("L209", named_in("gbk"), named_in("utf-8")),
    Replay("L210", every(box("cat", 0.1, 0.1, 0.4, 0.4)), every(box("cat", 0.1, 0.1, 1.4, 1.4))),
    Replay("L211", many(lambda n: box("cat", 70, 50, 90, 70)), many(lambda n: box("cat", 10, 10, 40, 40))),
    Replay("L212", many(lambda n: box("cat", 1, 1, 20, 15), 8), many(lambda n: box("cat", 1, 1, 20 + 5 * n, 15), 8)),
    Replay(
        "L213",
        file("d", CAT, seed=9, imageData=OTHER_IMAGE),
        file("d", CAT, seed=9, imageData=SAME_IMAGE_AS_JPEG),
    ),
    Replay("L301", with_shape(box("Cat", 1, 1, 9, 9)), with_shape(box(GREEK, 1, 1, 9, 9))),
    Replay("L302", text("label.txt", "dog\n"), text("label.txt", "dog\ncat\n")),
    Replay("L303", with_shape(box("__ignore__", 1, 1, 9, 9)), option=INSTANCE, near_option=INSTANCE),
    Replay(
        "L214",
        file("a", box("cat", 4, 4, 60, 20), seed=1, imageWidth=HEIGHT, imageHeight=WIDTH),
        file("a", box("cat", 4, 4, 20, 20), seed=1, imageWidth=HEIGHT, imageHeight=WIDTH),
    ),
    Replay(
        "L114",
        shapes_of(lambda x, y, _: box("cat", x, y, x + 20, y + 20, group_id=0)),
        shapes_of(lambda x, y, _: box("cat", x, y, x + 20, y + 20, group_id=x)),
    ),
    Replay("L115", shapes_of(lambda x, y, _: ring(x, y, 1)), shapes_of(lambda x, y, _: ring(x, y, 9))),
    Replay(
        "L116",
        shapes_of(lambda x, y, _: shape("cat", (x, y), kind="point")),
        shapes_of(lambda x, y, n: box("cat", x, y, x + 9, y + 9) if n == 5 else shape("cat", (x, y), kind="point")),
    ),
    Replay("L306", with_shape(box("ignore", 1, 1, 9, 9)), with_shape(box("__ignore__", 1, 1, 9, 9))),
    Replay(
        "L308",
        shapes_of(lambda x, y, _: box("cat", 0, 0, 63, 47) if x < 9 else box("dog", x, y, x + 9, y + 9)),
        shapes_of(lambda x, y, _: box("cat", 0, 0, 63, 30) if x < 9 else box("dog", x, y, x + 9, y + 9)),
    ),
    Replay("L309", with_shape(box("hole", 8, 8, 12, 12)), with_shape(box("hole", 30, 8, 40, 12))),
    Replay(
        "L307",
        shapes_of(lambda x, y, n: box(f"cat {n}", x, y, x + 9, y + 9)),
        shapes_of(lambda x, y, n: box(f"cat {n % 3}", x, y, x + 9, y + 9)),
    ),
    Replay("L305", counting("cat1", "cat2", "cat3"), counting("cat2", "cat3", "cat1")),
    Replay("L304", many_classes(255), many_classes(253)),
)
