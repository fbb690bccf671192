"""Rules of COCO data."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import cv2
import numpy as np

from segcli.data import rle
from segcli.data.splits.groups import groups_by_folder
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.coco_folder import HEIGHT, WIDTH, CocoFolder, annotation
from tests.image_files import damaged_jpeg, jpeg, oriented, photo, tiff
from tests.rules.masks_cases import four_bands, frame, moved_below, no_dataset, together
from tests.rules.replay import Change, Replay


def parts(change: Change) -> Change:
    """Changes what the annotation files hold."""

    def run(folder: CocoFolder) -> None:
        change(folder)
        folder.write()

    return run


def change(**values) -> Change:
    """Other values of the first annotation."""
    return parts(lambda folder: folder.entry("train").update(values))


def drop(key: str) -> Change:
    return parts(lambda folder: folder.entry("train").pop(key))


def image(index: int = 0, **values) -> Change:
    """Other values of an image's entry."""
    return parts(lambda folder: folder.parts["train"]["images"][index].update(values))


def second_entry(**values) -> Change:
    def run(folder):
        images = folder.parts["train"]["images"]
        images.append({**images[0], **values})

    return parts(run)


def outline(*points: float) -> Change:
    """The first object with this polygon, the box around it and its area."""
    xs, ys = points[0::2], points[1::2]
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return change(segmentation=[list(points)], bbox=box)


def whole_image(images: int) -> Change:
    """Seven images of which some have an object around all of it."""

    def run(folder):
        numbered(7)(folder)
        for entry in folder.parts["train"]["annotations"][: 2 * images : 2]:
            entry.update(annotation(entry["id"], entry["image_id"], entry["category_id"], [0, 0, WIDTH, HEIGHT]))

    return parts(run)


def seen(place: Callable[[list[float]], list[float]]) -> Change:
    """Twelve images in each of which two rectangles are seen, and their boxes after a change."""

    def run(folder):
        part = folder.parts["train"]
        first, categories = part["images"][0], [entry["id"] for entry in part["categories"]]
        part["images"], part["annotations"] = [], []
        for seed in range(12):
            rng, name = np.random.default_rng(100 + seed), f"b{seed}"
            rgb = rng.integers(90, 110, (HEIGHT, WIDTH, 3), np.uint8)
            part["images"].append({**first, "id": seed, "file_name": f"{name}.png"})
            for number, category in enumerate(categories):
                (left, top), (wide, high) = rng.integers(2, (40, 26)), rng.integers(9, 20, 2)
                rgb[top : top + high, left : left + wide] = 90 + 90 * number
                box = place([float(left), float(top), float(wide), float(high)])
                part["annotations"].append(annotation(2 * seed + number + 1, seed, category, box))
            cv2.imwrite(str(folder.image(name)), rgb)

    return parts(run)


def upside_down(box: list[float]) -> list[float]:
    left, top, width, height = box
    return [left, HEIGHT - top - height, width, height]


def of_roboflow(*names: str) -> Change:
    """The first image of each split under the name of a copy that Roboflow made."""

    def run(folder):
        for name, (part, content) in zip(names, folder.parts.items(), strict=True):
            image = content["images"][0]
            own = f"{name}_png.rf.{part:0>8}"
            folder.image(image["file_name"].removesuffix(".png")).rename(folder.image(own))
            image["file_name"] = f"{own}.png"

    return parts(run)


def tiles(name: str) -> Change:
    """An image of 256 x 192 px cut into 16 tiles with an object in each; every fourth is in val."""

    def run(folder):
        rgb = cv2.resize(np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8), (4 * WIDTH, 4 * HEIGHT))
        for part in folder.parts.values():
            part["images"], part["annotations"] = [], []
        for number, (row, column) in enumerate(np.ndindex(4, 4)):
            own = name.format(row, column)
            cv2.imwrite(str(folder.image(own)), rgb[HEIGHT * row :, WIDTH * column :][:HEIGHT, :WIDTH])
            part = folder.parts["train" if number % 4 else "val"]
            part["images"].append({"id": number, "file_name": f"{own}.png", "width": WIDTH, "height": HEIGHT})
            category = part["categories"][number % 2]["id"]
            part["annotations"].append(annotation(number + 1, number, category, [4.0 + number, 4.0, 20.0, 12.0]))

    return parts(run)


def numbered(images: int) -> Change:
    """Copies of the first image, with both of its objects at other places."""

    def run(folder):
        part = folder.parts["train"]
        first, own = part["images"][0], part["annotations"][:2]
        part["images"] = [{**first, "id": number, "file_name": f"b{number}.png"} for number in range(images)]
        part["annotations"] = []
        for number in range(images):
            rgb = cv2.resize(np.random.default_rng(90 + number).integers(0, 255, (6, 8, 3), np.uint8), (WIDTH, HEIGHT))
            cv2.imwrite(str(folder.image(f"b{number}")), rgb)
            for place, entry in enumerate(own):
                box = [4.0 + 20 * place + number, 4.0, 12.0, 12.0]
                part["annotations"].append(annotation(2 * number + place + 1, number, entry["category_id"], box))

    return run


def counting(*names: str) -> Change:
    """Categories of these names, of which the first two to four have an object in each of seven images."""

    def run(folder):
        numbered(7)(folder)
        part = folder.parts["train"]
        folder.parts["train"]["categories"] = [{"id": id_, "name": name} for id_, name in enumerate(names)]
        folder.parts["val"]["categories"] = folder.parts["train"]["categories"]
        for entry in folder.parts["val"]["annotations"]:
            entry["category_id"] = 0
        part["annotations"] = [
            annotation(10 * number + place, number, place, [4.0 + 12 * place, 4.0 + number, 9.0, 12.0])
            for number in range(7)
            for place in range(2 + number % 3)
        ]

    return parts(run)


def keep(part: str, key: str, count: int) -> Change:
    """Only the first entries of a list."""
    return parts(lambda folder: folder.parts[part].update({key: folder.parts[part][key][:count]}))


def category(index: int = 1, *names: str, **values) -> Change:
    def run(folder):
        for name in names or ("train", "val"):
            folder.parts[name]["categories"][index].update(values)

    return parts(run)


def add_category(id_: int, name: str, *names: str) -> Change:
    def run(folder):
        for part in names:
            folder.parts[part]["categories"].append({"id": id_, "name": name})

    return parts(run)


def pixels(name: str, shape: tuple[int, ...]) -> Change:
    return lambda folder: cv2.imwrite(
        str(folder.image(name)), np.random.default_rng(9).integers(0, 255, shape, np.uint8)
    )


def content(name: str, data: bytes) -> Change:
    return lambda folder: folder.image(name).write_bytes(data)


def cut(name: str) -> Change:
    def run(folder):
        data = folder.image(name).read_bytes()
        folder.image(name).write_bytes(data[: len(data) // 2])

    return run


def copy(source: str, target: str) -> Change:
    return lambda folder: shutil.copy(folder.image(source), folder.image(target))


def gone(part: str) -> Change:
    def run(folder):
        folder.parts.pop(part)
        folder.file(part).unlink()

    return run


def file_of(name: str, data: bytes) -> Change:
    """Another file of the first image."""

    def run(folder):
        (folder.root / "images" / name).write_bytes(data)
        image(file_name=name)(folder)

    return run


def real(value: float) -> Change:
    """A first image of real numbers, one of which is replaced."""
    values = photo(HEIGHT, WIDTH)[..., 0].astype(np.float32) / 255
    values[3, 3] = value
    return file_of("a0.tif", tiff(values))


def blank(name: str, range_: int) -> Change:
    """An image of one colour, or of colours in a small range."""
    return lambda folder: cv2.imwrite(str(folder.image(name)), 90 + photo(HEIGHT, WIDTH) % (range_ + 1))


def deep_file(name: str, highest: int) -> Change:
    """An image of 16 bits of this greatest value in the place of the one of the same number."""
    values = np.linspace(0, highest, HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3).astype(np.uint16)

    def run(folder):
        (folder.root / "images" / name).write_bytes(tiff(values))
        image(int(name[1]), file_name=name)(folder)

    return run


def text(words: str) -> Change:
    return lambda folder: folder.file("train").write_text(words)


def renamed(suffix: str) -> Change:
    def run(folder):
        folder.image("a0").rename(folder.root / "images" / f"a0{suffix}")
        image(file_name=f"a0{suffix}")(folder)

    return run


def without_objects(folder):
    folder.parts["train"]["annotations"] = folder.parts["train"]["annotations"][2:]


def categories_only_in(part: str) -> Change:
    other = "val" if part == "train" else "train"

    def run(folder):
        folder.parts[other]["annotations"] = [
            entry for entry in folder.parts[other]["annotations"] if entry["category_id"] == 3
        ]

    return parts(run)


def renumbered(folder):
    folder.parts["val"]["categories"][1]["id"] = 8
    for entry in folder.parts["val"]["annotations"]:
        entry["category_id"] = 8 if entry["category_id"] == 7 else entry["category_id"]


def entry(part: str, key: str, value) -> Change:
    """One more entry of a list."""
    return parts(lambda folder: folder.parts[part][key].append(value))


def every(change: Callable[[dict], object], part: str = "train") -> Change:
    """Changes each annotation of a part."""

    def run(folder):
        for entry in folder.parts[part]["annotations"]:
            change(entry)

    return parts(run)


def every_box(box: list[float]) -> Change:
    """The same rectangle for all objects of train."""
    return every(lambda entry: entry.update(annotation(entry["id"], entry["image_id"], entry["category_id"], box)))


def in_large(factor: float) -> Change:
    """Images that are stated to have 1000 x 1000 px, with objects of `factor` times their size."""

    def run(folder):
        for entry in folder.parts["train"]["images"]:
            entry.update(width=1000, height=1000)
        for entry in folder.parts["train"]["annotations"]:
            box = [value * factor for value in entry["bbox"]]
            entry.update(annotation(entry["id"], entry["image_id"], entry["category_id"], box))

    return parts(run)


def corners(entry) -> None:
    left, top, width, height = entry["bbox"]
    entry["bbox"] = [left, top, left + width, top + height]


def normalised(entry) -> None:
    (ring,) = entry["segmentation"]
    entry["segmentation"] = [[value / side for value, side in zip(ring, [WIDTH, HEIGHT] * 4, strict=True)]]


def crowded(count: int) -> Change:
    """So many objects of one category in the first image."""

    def run(folder):
        boxes = [[2.0 + 4 * (n % 15), 2.0 + 4 * (n // 15), 3.0, 3.0] for n in range(count)]
        others = [entry for entry in folder.parts["train"]["annotations"] if entry["image_id"] != 0]
        own = [annotation(1000 + n, 0, 3, box) for n, box in enumerate(boxes)]
        folder.parts["train"]["annotations"] = others + own

    return parts(run)


def category_ids(shift: int) -> Change:
    """Categories 1 and 2, and annotations whose ids are shifted."""

    def run(folder):
        for content in folder.parts.values():
            for number, entry in enumerate(content["categories"], start=1):
                entry["id"] = number
            for entry in content["annotations"]:
                entry["category_id"] = {3: 1, 7: 2}[entry["category_id"]] + shift

    return parts(run)


def spread(count: int, owner: Callable[[int], int]) -> Change:
    """So many images for training, with one object for each, which belongs to the image that `owner` says."""

    def run(folder):
        content = folder.parts["train"]
        for number in range(3, count):
            name = f"b{number}.png"
            shutil.copy(folder.image("a0"), folder.root / "images" / name)
            content["images"].append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        content["annotations"] = [annotation(n + 1, owner(n), 3, [4, 4, 20, 12]) for n in range(count)]

    return parts(run)


def rectangles(count: int) -> Change:
    """So many upright rectangles in one image."""

    def run(folder):
        boxes = [[1.0 + 6 * (n % 10), 1.0 + 6 * (n // 10), 5.0, 4.0 + n % 2] for n in range(count)]
        folder.parts["train"]["annotations"] = [annotation(1000 + n, 0, 3, box) for n, box in enumerate(boxes)]

    return parts(run)


def in_folder(name: str, part: str) -> Change:
    """An image in the folder images/walk."""

    def run(folder):
        (folder.root / "images" / "walk").mkdir(exist_ok=True)
        folder.image(name).rename(folder.root / "images" / "walk" / f"{name}.png")
        for entry in folder.parts[part]["images"]:
            if entry["file_name"] == f"{name}.png":
                entry["file_name"] = f"walk/{name}.png"

    return parts(run)


def by_folder(folder, _option):
    return examine_coco_dataset(folder.root, settings=PassSettings(workers=1, group_of=groups_by_folder)).findings


WALK_IN_TRAIN = in_folder("a0", "train")
SQUARE = [4, 4, 24, 4, 24, 16, 4, 16]
BOW = (5, 5, 25, 25, 25, 5, 5, 25, 2, 25, 2, 5)
WHOLE_RLE = rle.encode(np.pad(np.ones((12, 20), np.uint8), ((4, HEIGHT - 16), (4, WIDTH - 24))))

COCO = (
    Replay("C101", no_dataset),
    Replay("C102", moved_below("one", "two"), moved_below("one")),
    Replay("C103", gone("val")),
    Replay("C104", text("[1]")),
    Replay("C105", together(keep("val", "annotations", 0), keep("val", "images", 0)), keep("val", "images", 1)),
    Replay("C106", keep("val", "annotations", 0), keep("val", "annotations", 2)),
    Replay("C107", drop("image_id"), drop("iscrowd")),
    Replay("C110", file_of("a0.jpg", damaged_jpeg()), file_of("a0.jpg", jpeg(photo(HEIGHT, WIDTH)))),
    Replay("C111", lambda folder: folder.image("a0").unlink()),
    Replay("C112", content("a0", b"no image"), cut("a0")),
    Replay("C113", cut("a0")),
    Replay("C114", pixels("a0", (2 * HEIGHT, 2 * WIDTH, 3)), pixels("a0", (HEIGHT, WIDTH, 3))),
    Replay("C115", second_entry(file_name="a1.png")),
    Replay("C116", second_entry(id=50)),
    Replay("C117", parts(without_objects)),
    Replay("C118", renamed(".data"), renamed(".PNG")),
    Replay("C119", image(width=None)),
    Replay(
        "C120",
        entry("train", "annotations", annotation(900, 0, 3, [4.3, 4.3, 20.0, 12.0])),
        entry("train", "annotations", annotation(900, 0, 3, [4.0, 4.0, 20.0, 16.0])),
    ),
    Replay("C121", change(bbox=[-6, 4, 30, 12]), change(bbox=[0, 4, 24, 12])),
    Replay("C122", change(bbox=[4, 4, 0, 12]), change(bbox=[4, 4, 20, 12])),
    Replay("C123", drop("bbox")),
    Replay("C124", change(segmentation=[[4, 4, 24, 16]]), change(segmentation=[[4, 4, 24, 4, 24, 16]])),
    Replay("C125", change(segmentation=[[[4, 4], [24, 4], [24, 16]]]), change(segmentation=[SQUARE])),
    Replay("C126", outline(*BOW), outline(*SQUARE)),
    Replay("C127", change(segmentation=[]), change(segmentation=WHOLE_RLE)),
    Replay("C128", change(segmentation={"size": [HEIGHT, WIDTH], "counts": [5, 5]}), change(segmentation=WHOLE_RLE)),
    Replay("C129", outline(5, 5, 7, 5, 7, 6.5, 5, 6.5), outline(5, 5, 7, 5, 7, 7, 5, 7)),
    Replay("C130", change(area=0), change(area=240)),
    Replay("C131", change(image_id=99)),
    Replay("C132", change(category_id=99)),
    Replay("C133", change(id=2), change(id=900)),
    Replay("C134", change(bbox=[4, 4, 24, 40]), change(bbox=[3, 3, 22, 14])),
    Replay("C135", change(iscrowd="0"), change(iscrowd=False)),
    Replay("C136", every(normalised), outline(0.2, 0.2, 3, 0.2, 3, 3)),
    Replay("C137", every(corners), change(bbox=[4, 4, 24, 16])),
    Replay("C138", change(area=480), change(area=250)),
    Replay("C139", outline(70, 5, 90, 5, 90, 20), outline(60, 5, 90, 5, 90, 20)),
    Replay("C141", add_category(3, "third", "train", "val"), add_category(4, "third", "train", "val")),
    Replay("C142", add_category(9, "dog", "train", "val"), add_category(9, "third", "train", "val")),
    Replay("C143", add_category(9, "third", "val"), add_category(9, "third", "train", "val")),
    Replay("C150", add_category(9, "ｄog", "train", "val"), add_category(9, "hog", "train", "val")),
    Replay("C144", parts(renumbered)),
    Replay("C145", add_category(9, "third", "train", "val")),
    Replay("C146", categories_only_in("train")),
    Replay("C147", lambda folder: None, option=5, near_option=2),
    Replay("C148", category(name=" "), category(name="-")),
    Replay("C149", category(name="background"), category(name="ground")),
    Replay("C151", copy("a0", "a4"), copy("a0", "a1")),
    Replay("C153", together(frame(20, "a0.png"), frame(22, "a4.png")), frame(20, "a0.png")),
    Replay(
        "C154", together(in_folder("a0", "train"), in_folder("a4", "val")), in_folder("a0", "train"), look=by_folder
    ),
    Replay("C152", copy("a0", "a1"), copy("a0", "a4")),
    Replay("C155", in_large(1.5), in_large(2)),
    Replay("C156", every_box([4, 40, 20, 20]), every_box([4, 40, 50, 20])),
    Replay("C157", in_large(1), in_large(20)),
    Replay("C174", file_of("a0.jpg", oriented(3, HEIGHT, WIDTH)), file_of("a0.jpg", oriented(1, HEIGHT, WIDTH))),
    Replay("C158", category_ids(-1), category_ids(0)),
    Replay("C159", every(lambda entry: entry.update(image_id=entry["image_id"] + 1)), change(image_id=2)),
    Replay("C166", spread(6, lambda image: 0), spread(6, lambda image: image % 2)),
    Replay("C167", spread(6, lambda image: image), spread(5, lambda image: image)),
    Replay("C168", rectangles(30), rectangles(29)),
    Replay("C170", category(1, name="Don't care"), category(1, name="voided")),
    Replay("C160", change(ignore=1), change(ignore=1, iscrowd=1)),
    Replay("C162", counting("cat1", "cat2", "cat3", "cat4"), counting("cat1", "cat3", "cat2", "cat4")),
    Replay("C169", whole_image(4), whole_image(3)),
    Replay("C177", seen(upside_down), seen(list)),
    Replay("C179", of_roboflow("cat", "cat"), of_roboflow("cat", "dog")),
    Replay("C178", tiles("s_{}_{}"), tiles("s_{}{}")),
    Replay("C161", crowded(101), crowded(100)),
    Replay(
        "C171",
        file_of("a0.tif", tiff(photo(HEIGHT, WIDTH), pages=2)),
        file_of("a0.tif", tiff(photo(HEIGHT, WIDTH))),
    ),
    Replay(
        "C173",
        together(deep_file("a0.tif", 65535), deep_file("a1.tif", 4000)),
        together(deep_file("a0.tif", 65535), deep_file("a1.tif", 5000)),
    ),
    Replay("C175", real(np.nan), real(0.0)),
    Replay("C176", blank("a1", 0), blank("a1", 9)),
    Replay(
        "C172",
        file_of("a0.tif", four_bands(0, HEIGHT, WIDTH)),
        file_of("a0.tif", four_bands(2, HEIGHT, WIDTH)),
    ),
)
