"""Rules of semantic data."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
from PIL import Image

from segcli.data.splits.groups import groups_by_folder
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.image_files import damaged_jpeg, jpeg, oriented, photo, tiff
from tests.rules.replay import Change, Replay
from tests.seg_folder import SIZE, SegFolder

IMAGE, MASK = "images/a1.jpg", "annotations/a1.png"
NAMES = [f"a{number}" for number in range(5)]


def ids(folder: SegFolder, name: str = "a1") -> np.ndarray:
    return cv2.imread(str(folder.mask(name)), cv2.IMREAD_GRAYSCALE)


def mask(pixels: np.ndarray) -> Change:
    """Another mask of one sample."""
    return lambda folder: cv2.imwrite(str(folder.mask("a1")), pixels)


def masks(change, *names: str) -> Change:
    """Other ids in the masks of some samples."""

    def run(folder):
        for name in names or NAMES:
            cv2.imwrite(str(folder.mask(name)), change(ids(folder, name)))

    return run


def image(pixels: np.ndarray, name: str = IMAGE) -> Change:
    """Another image of one sample."""

    def run(folder):
        cv2.imwrite(str(folder.root / name), pixels)
        in_list(IMAGE, name)(folder)

    return run


def shown(change) -> Change:
    """Twelve more images in each of which two rectangles are seen, and masks of them after a change."""

    def run(folder):
        for seed in range(12):
            rng = np.random.default_rng(100 + seed)
            rgb, ids = rng.integers(90, 110, (*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8)
            for id_ in (1, 2):
                (left, top), (wide, high) = rng.integers(2, (40, 26)), rng.integers(9, 20, 2)
                for pixels, value in ((rgb, 90 * id_), (ids, id_)):
                    pixels[top : top + high, left : left + wide] = value
            cv2.imwrite(str(folder.image(f"b{seed}")), rgb)
            cv2.imwrite(str(folder.mask(f"b{seed}")), change(ids))
        folder.write_list("train", [f"b{seed}" for seed in range(8)])
        folder.write_list("val", [f"b{seed}" for seed in range(8, 12)])

    return run


def in_corner(ids: np.ndarray) -> np.ndarray:
    """A mask at half its size, in the upper left part of an empty one."""
    padded = np.zeros_like(ids)
    padded[: SIZE[0] // 2, : SIZE[1] // 2] = ids[::2, ::2]
    return padded


def of_roboflow(first: str, second: str) -> Change:
    """The first image of each split under the name of a copy that Roboflow made."""

    def run(folder):
        for old, new in (("a0", f"{first}_jpg.rf.0a1b2c3d"), ("a3", f"{second}_jpg.rf.4e5f6a7b")):
            folder.image(old).rename(folder.image(new))
            for path in (folder.root / "train.txt", folder.root / "val.txt"):
                path.write_text(path.read_text().replace(f"images/{old}.jpg", f"images/{new}.jpg"))

    return run


def tiles(name: str, of: str = "scene") -> Change:
    """Two images of 160 x 160 px, or many of 40 x 40 px, cut into tiles; every fourth is in val."""

    def run(folder):
        names = []
        for scene in range(2):
            rgb = cv2.resize(np.random.default_rng(scene).integers(0, 255, (20, 20, 3), np.uint8), (160, 160))
            for row, column in np.ndindex(4, 4):
                tile = rgb[40 * row :, 40 * column :][:40, :40]
                if of == "tile":
                    tile = photo(40, 40, seed=100 * scene + 10 * row + column)
                names.append(name.format(scene, row, column))
                cv2.imwrite(str(folder.image(names[-1])), tile)
                cv2.imwrite(str(folder.mask(names[-1])), ids(folder, "a0")[:40, :40])
        folder.write_list("train", [own for number, own in enumerate(names) if number % 4])
        folder.write_list("val", names[::4])

    return run


def deep(*highest: int) -> Change:
    """Images of 16 bits with these greatest values in the place of the first ones."""

    def run(folder):
        for number, high in enumerate(highest):
            pixels = noise(*SIZE, 3, high=high, dtype="uint16")
            cv2.imwrite(str(folder.root / f"images/a{number}.png"), pixels)
            in_list(f"images/a{number}.jpg", f"images/a{number}.png")(folder)

    return run


def bytes_of(name: str, data: bytes) -> Change:
    """Another image file of one sample."""

    def run(folder):
        (folder.root / "images" / name).write_bytes(data)
        in_list(IMAGE, f"images/{name}")(folder)

    return run


def four_bands(kind: int, *size: int) -> bytes:
    """A TIFF whose fourth band is unspecified (0) or transparency (2)."""
    return tiff(np.dstack([photo(*(size or SIZE)), np.full(size or SIZE, 255, np.uint8)]), extra=(kind,))


def in_list(old: str, new: str, part: str = "train") -> Change:
    """Other words in a list."""

    def run(folder):
        path = folder.root / f"{part}.txt"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return run


def line(text: str, part: str = "train") -> Change:
    """One more line in a list."""

    def run(folder):
        with (folder.root / f"{part}.txt").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    return run


def content(name: str, data: bytes) -> Change:
    return lambda folder: (folder.root / name).write_bytes(data)


def text(name: str, words: str) -> Change:
    return content(name, words.encode())


def gone(name: str) -> Change:
    return lambda folder: (folder.root / name).unlink()


def cut(name: str, share: float) -> Change:
    def run(folder):
        data = (folder.root / name).read_bytes()
        (folder.root / name).write_bytes(data[: int(share * len(data))])

    return run


def together(*changes: Change) -> Change:
    def run(folder):
        for change in changes:
            change(folder)

    return run


def copy(source: str, target: str) -> Change:
    return lambda folder: shutil.copy(folder.root / source, folder.root / target)


def moved_below(*names: str) -> Change:
    """The dataset in folders below, none above."""

    def run(folder):
        for name in names:
            shutil.copytree(folder.root, folder.root.parent / "copies" / name)
        shutil.rmtree(folder.root)
        (folder.root.parent / "copies").rename(folder.root)

    return run


def no_dataset(folder):
    shutil.rmtree(folder.root)
    folder.root.mkdir()


def as_jpeg_mask(folder):
    cv2.imwrite(str(folder.root / "annotations" / "a1.jpg"), ids(folder))
    in_list(MASK, "annotations/a1.jpg")(folder)


def renamed(folder):
    folder.image("a1").rename(folder.root / "images" / "a1.jfif")
    in_list(IMAGE, "images/a1.jfif")(folder)


def small(side: int) -> Change:
    """Image and mask of a height."""

    def run(folder):
        cv2.imwrite(str(folder.image("a1")), cv2.imread(str(folder.image("a1")))[:side])
        cv2.imwrite(str(folder.mask("a1")), ids(folder)[:side])

    return run


def noise(*shape: int, high: int = 255, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


def class_list(*names: str) -> Change:
    """The file class_name.txt instead of the other."""
    return together(gone("class_name_to_id.txt"), text("class_name.txt", "".join(f"{name}\n" for name in names)))


def real(value: float) -> Change:
    """An image of real numbers, one of which is replaced."""
    values = noise(*SIZE).astype(np.float32) / 255
    values[3, 3] = value
    return bytes_of("a1.tif", tiff(values))


def same_masks(count: int) -> Change:
    """So many more samples with one and the same mask."""

    def run(folder):
        for number in range(count):
            folder.write_sample(f"b{number}", 9 + number)
            shutil.copy(folder.mask("a0"), folder.mask(f"b{number}"))
            line(f"images/b{number}.jpg annotations/b{number}.png")(folder)

    return run


def one_pixel(value: int) -> Change:
    def change(pixels):
        pixels[0, 0] = value
        return pixels

    return masks(change, "a1")


def pairs(*names: str) -> Change:
    """A training list of these images and masks."""
    lines = ["images/{}.jpg annotations/{}.png\n".format(*pair.split()) for pair in names]
    return lambda folder: (folder.root / "train.txt").write_text("".join(lines))


def exchanged(folder):
    (folder.root / "train.txt").write_text("".join(f"annotations/{name}.png images/{name}.jpg\n" for name in NAMES[:3]))


def image_file(data: bytes) -> Change:
    return lambda folder: folder.image("a1").write_bytes(data)


def only(*values: int, **names: tuple[str, ...]):
    """Masks with these ids; all others become 1."""
    return masks(lambda pixels: np.where(np.isin(pixels, values), pixels, 1).astype(np.uint8), *names.get("names", ()))


def frame(left: int, name: str) -> Change:
    """A frame of a still camera before which something has come to a column."""
    rgb = cv2.resize(noise(6, 8, 3), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    rgb[20:30, left : left + 8] = 255
    return lambda folder: cv2.imwrite(str(folder.root / "images" / name), rgb)


def in_folder(name: str, part: str) -> Change:
    """An image in the folder images/walk."""

    def run(folder):
        (folder.root / "images" / "walk").mkdir(exist_ok=True)
        folder.image(name).rename(folder.root / "images" / "walk" / f"{name}.jpg")
        in_list(f"images/{name}.jpg", f"images/walk/{name}.jpg", part)(folder)

    return run


def through_jpeg(pixels: np.ndarray) -> np.ndarray:
    """What JPEG makes of a mask that is stretched to be seen."""
    stretched = np.where(pixels < 255, pixels * 100, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", stretched, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def palettes(first: tuple[int, ...], other: tuple[int, ...]) -> Change:
    """Masks of 0, 1, 2 as palette files; the numbers are the places of black, red and green in the palette."""

    def run(folder):
        for name, order in zip(NAMES, (first, other, first, first, first), strict=True):
            colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)[list(order)]
            picture = Image.fromarray(np.minimum(ids(folder, name), 2))
            picture.putpalette(colours.tobytes())
            picture.save(folder.mask(name))

    return run


def by_folder(folder, _option):
    return examine_seg_dataset(folder.root, settings=PassSettings(workers=1, group_of=groups_by_folder)).findings


def times(factor: int) -> Change:
    """All ids multiplied, without names; nothing is ignored."""
    multiplied = masks(lambda pixels: np.where(pixels < 255, pixels * factor, 0).astype(np.uint8))
    return together(gone("class_name_to_id.txt"), multiplied)


def binary(value: int) -> Change:
    """Masks of 0 and 1, one of them of 0 and another value."""
    return together(
        text("class_name_to_id.txt", "0: _background_\n1: thing\n"),
        masks(lambda pixels: (pixels == 1).astype(np.uint8)),
        masks(lambda pixels: pixels * value, "a1"),
    )


def numbered(*counts: int) -> Change:
    """Masks of so many objects each, which are numbered from 1."""

    def run(folder):
        for name, count in zip(NAMES, counts, strict=True):
            pixels = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) // 8 % (count + 1)
            cv2.imwrite(str(folder.mask(name)), pixels.astype(np.uint8))

    return together(gone("class_name_to_id.txt"), run)


def many_classes(count: int) -> Change:
    return text("class_name_to_id.txt", "".join(f"{number}: class {number}\n" for number in range(count)))


def rename(old: str, new: str) -> Change:
    def run(folder):
        path = folder.root / "class_name_to_id.txt"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return run


WALK_IN_TRAIN = in_folder("a0", "train")
FOUR_CLASSES = text("class_name_to_id.txt", "0: _background_\n1: cat\n2: dog\n3: bird\n")
BACKGROUND = np.zeros(SIZE, np.uint8)
UNLISTED_ID = masks(lambda pixels: np.where(pixels == 2, 7, pixels).astype(np.uint8))
WITH_BORDER = np.vstack([BACKGROUND[:-2], np.full((2, SIZE[1]), 255, np.uint8)])
ALMOST_IGNORED = np.vstack([np.ones((1, SIZE[1]), np.uint8), np.full((SIZE[0] - 1, SIZE[1]), 255, np.uint8)])

MASKS = (
    Replay("S001", no_dataset),
    Replay("S002", moved_below("one", "two"), moved_below("one")),
    Replay("S101", gone("val.txt")),
    Replay("S102", text("val.txt", "\n \n"), text("val.txt", "images/a3.jpg annotations/a3.png\n")),
    Replay("S103", line("images/a0.jpg"), line("images/a4.jpg\tannotations/a4.png")),
    Replay("S104", line(f"{IMAGE} {MASK}"), line("images/a4.jpg annotations/a4.png")),
    Replay("S105", line(f"{IMAGE} annotations/a0.png"), line(f"{IMAGE} {MASK}")),
    Replay(
        "S106",
        content("val.txt", "images/a3.jpg annotations/a3.png\n".encode("utf-8-sig")),
        text("val.txt", "images/a3.jpg annotations/a3.png\r\n"),
    ),
    Replay("S107", text("class_name_to_id.txt", "0: _background_\n1: cat\n2: dog\na bird\n")),
    Replay("S108", in_list("annotations/a0.png", MASK), in_list("annotations/a0.png", "annotations/a0.png")),
    Replay("S201", gone(IMAGE)),
    Replay("S202", gone(MASK)),
    Replay("S203", content(IMAGE, b"no image"), cut(IMAGE, 0.9)),
    Replay("S204", cut(IMAGE, 0.9)),
    Replay("S205", content(MASK, b"no mask"), cut(MASK, 0.9)),
    Replay("S206", cut(MASK, 0.9)),
    Replay("S207", masks(lambda pixels: pixels[:-1], "a1"), small(40)),
    Replay("S208", renamed),
    Replay("S209", image(noise(*SIZE)), image(noise(*SIZE, 3))),
    Replay("S210", image(noise(*SIZE, 4), "images/a1.png"), image(noise(*SIZE, 3), "images/a1.png")),
    Replay(
        "S211",
        image(noise(*SIZE, 3, high=65535, dtype="uint16"), "images/a1.png"),
        image(noise(*SIZE, 3), "images/a1.png"),
    ),
    Replay("S216", deep(65535, 4000), deep(65535, 5000)),
    Replay("S218", real(np.nan), real(0.0)),
    Replay("S219", image(np.full((*SIZE, 3), 7, np.uint8)), image(np.clip(noise(*SIZE, 3), 7, 30))),
    Replay("S212", small(31), small(32)),
    Replay("S213", bytes_of("a1.jpg", damaged_jpeg()), bytes_of("a1.jpg", jpeg())),
    Replay("S214", bytes_of("a1.tif", tiff(photo(*SIZE), pages=2)), bytes_of("a1.tif", tiff(photo(*SIZE)))),
    Replay("S215", bytes_of("a1.tif", four_bands(0)), bytes_of("a1.tif", four_bands(2))),
    Replay("S301", mask(noise(*SIZE, 3, high=3)), mask(noise(*SIZE, high=3))),
    Replay("S302", mask(noise(*SIZE, high=3, dtype="uint16")), mask(noise(*SIZE, high=3))),
    Replay("S303", as_jpeg_mask),
    Replay("S304", one_pixel(3), one_pixel(255)),
    Replay("S305", mask(WITH_BORDER), together(mask(WITH_BORDER), one_pixel(1))),
    Replay("S306", mask(np.full(SIZE, 255, np.uint8)), mask(ALMOST_IGNORED)),
    Replay("S307", masks(through_jpeg), masks(lambda pixels: cv2.resize(pixels, None, fx=2, fy=2, interpolation=0))),
    Replay("S413", masks(lambda ids: np.where(ids < 255, ids + 1, 255).astype(np.uint8)), masks(lambda ids: ids)),
    Replay("S109", pairs("a0 a1", "a1 a2", "a2 a0"), pairs("a0 a0", "a1 a1", "a2 a2")),
    Replay("S110", exchanged),
    Replay("S111", in_list(MASK, IMAGE), in_list(MASK, MASK)),
    Replay("S414", numbered(2, 5, 6, 9, 9), numbered(2, 5, 6, 7, 7)),
    Replay("S217", image_file(oriented(3, *SIZE)), image_file(oriented(1, *SIZE))),
    Replay("S401", FOUR_CLASSES, together(FOUR_CLASSES, one_pixel(3))),
    Replay("S402", only(0, 1, names=("a3", "a4")), only(0, 1, names=("a3",))),
    Replay("S403", together(gone("class_name_to_id.txt"), UNLISTED_ID), gone("class_name_to_id.txt")),
    Replay("S404", lambda folder: None, option=2, near_option=3),
    Replay("S405", class_list("cat", "dog"), class_list("_background_", "cat", "dog")),
    Replay(
        "S406",
        masks(lambda pixels: np.where(pixels == 1, 255, 0).astype(np.uint8)),
        masks(lambda pixels: np.where(pixels == 1, 255, pixels).astype(np.uint8)),
    ),
    Replay("S407", palettes((0, 1, 2), (0, 2, 1)), palettes((0, 1, 2), (0, 1, 2))),
    Replay("S408", times(100), times(7)),
    Replay("S409", binary(255), binary(1)),
    Replay("S418", masks(lambda pixels: np.where(pixels == 0, 255, pixels)), one_pixel(255)),
    Replay("S410", masks(lambda pixels: np.full_like(pixels, 255), "a3", "a4"), one_pixel(255)),
    Replay("S411", many_classes(256), many_classes(255)),
    Replay("S412", together(FOUR_CLASSES, rename("bird", "background")), FOUR_CLASSES),
    Replay("S415", together(FOUR_CLASSES, rename("bird", "Сat")), FOUR_CLASSES),
    Replay("S416", same_masks(8), same_masks(5)),
    Replay("S417", masks(np.ones_like), masks(np.ones_like, "a1")),
    Replay("S506", of_roboflow("cat", "cat"), of_roboflow("cat", "dog")),
    Replay("S505", tiles("s{}_{}_{}"), tiles("s{}_{}_{}", of="tile")),
    Replay("S419", shown(in_corner), shown(np.copy)),
    Replay("S420", shown(np.flipud), shown(np.copy)),
    Replay("S501", copy(IMAGE, "images/a4.jpg"), copy(IMAGE, "images/a2.jpg")),
    Replay("S503", together(frame(20, "a0.jpg"), frame(22, "a4.jpg")), frame(20, "a0.jpg")),
    Replay("S504", together(WALK_IN_TRAIN, in_folder("a4", "val")), WALK_IN_TRAIN, look=by_folder),
    Replay("S502", copy(IMAGE, "images/a2.jpg"), copy(IMAGE, "images/a4.jpg")),
)
