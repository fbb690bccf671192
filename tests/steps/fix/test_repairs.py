"""Each repair takes its rule's findings away and nothing else, and is undone to the byte."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from segcli.data import rle
from segcli.data.changes.undo import undo
from segcli.data.image import read_mask
from segcli.data.palette import voc_palette
from segcli.models.task import Task
from segcli.rules import RULES
from segcli.rules.repair_hints import REPAIRED
from segcli.steps.fix.command import apply_fix, fix_dataset, plan_fix
from segcli.steps.fix.table import REPAIRS
from tests.coco_folder import CocoFolder, make_coco_folder
from tests.files import snapshot
from tests.image_files import oriented
from tests.seg_folder import SegFolder, make_seg_folder
from tests.steps.fix.test_formats import CASES as FORMAT_CASES

SEG, COCO = Task.SEMANTIC, Task.INSTANCE


@dataclass(frozen=True)
class Case:
    """A fault, and what must be there when it is repaired."""

    rule: str
    spoil: Callable[[Any], object]
    mended: Callable[[Any], object]
    class_file: bool = True


def lines(folder: SegFolder, part: str = "train") -> list[str]:
    return (folder.root / f"{part}.txt").read_text(encoding="utf-8").splitlines()


def text(name: str, words: str | bytes) -> Callable[[SegFolder], object]:
    data = words if isinstance(words, bytes) else words.encode()
    return lambda folder: (folder.root / name).write_bytes(data)


def masks(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[SegFolder], None]:
    """Every mask, changed and written as what it then is."""

    def run(folder: SegFolder) -> None:
        for path in sorted((folder.root / "annotations").glob("*.png")):
            pixels = edit(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
            Image.fromarray(pixels).save(path)

    return run


def ids_are(*expected: int) -> Callable[[SegFolder], None]:
    def run(folder: SegFolder) -> None:
        found = [read_mask(path) for path in sorted((folder.root / "annotations").glob("*.png"))]
        assert {int(value) for mask in found for value in np.unique(mask)} == set(expected)
        assert {mask.shape for mask in found} == {(48, 64)}

    return run


PALETTE = [0, 0, 0, 255, 0, 0, 0, 255, 0] + [9] * 759


def other_palettes(folder: SegFolder) -> None:
    """Classes 1 and 2 change places in one mask, and their colours with them."""
    for name in ("a0", "a1", "a2", "a3", "a4"):
        ids = read_mask(folder.mask(name))
        ids[ids == 255] = 0
        swapped = name == "a2"
        image = Image.fromarray(np.array([0, 2, 1], np.uint8)[ids] if swapped else ids)
        image.putpalette([*PALETTE[:3], *PALETTE[6:9], *PALETTE[3:6]] if swapped else PALETTE)
        image.save(folder.mask(name))


def same_colours(folder: SegFolder) -> None:
    for name in ("a0", "a2"):
        ids = read_mask(folder.mask(name))
        assert ids[10, 10] == 1 and ids[30, 40] == 2
        with Image.open(folder.mask(name)) as image:
            assert image.convert("RGB").getpixel((10, 10)) == (255, 0, 0)


def white_masks(folder: SegFolder) -> None:
    for name in ("a0", "a1", "a2", "a3", "a4"):
        ids = read_mask(folder.mask(name))
        Image.fromarray(np.where(ids == 1, 255 if name == "a1" else 1, 0).astype(np.uint8)).save(folder.mask(name))


def turned_photos(folder: SegFolder) -> None:
    """Photographs that EXIF turns by 90 degrees, and masks of them as they are stored."""
    for seed, name in enumerate(("a0", "a1", "a2", "a3", "a4")):
        folder.image(name).write_bytes(oriented(6, 64, 48, seed=seed))
        cv2.imwrite(str(folder.mask(name)), cv2.rotate(read_mask(folder.mask(name)), cv2.ROTATE_90_COUNTERCLOCKWISE))


def float_masks(folder: SegFolder) -> None:
    """Heights in metres in the place of ids, as TIFF; their whole part is an id."""
    for path in sorted((folder.root / "annotations").glob("*.png")):
        Image.fromarray(read_mask(path).astype(np.float32) + 0.5).save(path.with_suffix(".tif"))
    for part in ("train", "val"):
        text(f"{part}.txt", "\n".join(lines(folder, part)).replace(".png", ".tif"))(folder)


def colours(table: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda ids: table[np.where(ids == 255, 0, ids)]


def part_file(folder: CocoFolder, part: str = "train") -> dict[str, Any]:
    return json.loads(folder.file(part).read_text(encoding="utf-8"))


def entries(change: Callable[[dict[str, Any]], object]) -> Callable[[CocoFolder], None]:
    """Every annotation, changed."""

    def run(folder: CocoFolder) -> None:
        for content in folder.parts.values():
            for entry in content["annotations"]:
                change(entry)
        folder.write()

    return run


def first_entry(**values: Any) -> Callable[[CocoFolder], None]:
    def run(folder: CocoFolder) -> None:
        folder.entry("train").update(values)
        folder.write()

    return run


def ids_by_name(folder: CocoFolder) -> None:
    """Every annotation names the file of its image."""
    for content in folder.parts.values():
        names = {image["id"]: image["file_name"] for image in content["images"]}
        for entry in content["annotations"]:
            entry["image_id"] = names[entry["image_id"]]
    folder.write()


def as_before(folder: CocoFolder) -> None:
    """Every file says what it said before it was spoilt."""
    sound = make_coco_folder(folder.root.parent / "sound")
    for part in sound.parts:
        assert part_file(folder, part) == part_file(sound, part)


def first_image(**values: Any) -> Callable[[CocoFolder], None]:
    def run(folder: CocoFolder) -> None:
        folder.parts["train"]["images"][0].update(values)
        folder.write()

    return run


def normalise(entry: dict[str, Any]) -> None:
    entry["segmentation"] = [
        [value / (64, 48)[index % 2] for index, value in enumerate(ring)] for ring in entry["segmentation"]
    ]


def every_pair(change: Callable[[float, float], tuple[float, float]]) -> Callable[[CocoFolder], None]:
    """Every corner of the outlines of train, changed, and the boxes with them."""

    def run(folder: CocoFolder) -> None:
        for entry in folder.parts["train"]["annotations"]:
            (ring,) = entry["segmentation"]
            points = [change(x, y) for x, y in zip(ring[0::2], ring[1::2], strict=True)]
            entry["segmentation"] = [[value for point in points for value in point]]
            (left, top), (right, bottom) = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
            entry["bbox"] = [left, top, right - left, bottom - top]
            entry["area"] = (right - left) * (bottom - top)
        folder.write()

    return run


def to_corners(entry: dict[str, Any]) -> None:
    left, top, width, height = entry["bbox"]
    entry["bbox"] = [left, top, left + width, top + height]


def other_names(folder: CocoFolder) -> None:
    for part in ("train", "val"):
        folder.file(part).rename(folder.file(part).with_name(f"instances_{part}2017.json"))
    (folder.root / "annotations" / "captions_train2017.json").write_text("{}")


def repeat_objects(folder: CocoFolder) -> None:
    for content in folder.parts.values():
        content["annotations"] += [{**entry, "id": entry["id"] + 50} for entry in content["annotations"]]
    folder.write()


def repeat_ids(folder: CocoFolder) -> None:
    for entry in folder.parts["train"]["annotations"]:
        entry["id"] = 5
    folder.write()


def ids_differ(folder: CocoFolder) -> None:
    assert [entry["id"] for entry in part_file(folder)["annotations"]] == [5, 6, 7, 8, 9, 10]


def crossing(folder: CocoFolder) -> None:
    folder.entry("train").update(segmentation=[[4, 4, 20, 16, 20, 4, 4, 16]], bbox=[4, 4, 16, 12], area=96)
    folder.write()


def covers_the_same(folder: CocoFolder) -> None:
    new = part_file(folder)["annotations"][0]
    assert len(new["segmentation"]) == 2
    drawn = rle.from_polygons(((4, 4, 20, 16, 20, 4, 4, 16),), 48, 64)
    mended = rle.from_polygons(tuple(map(tuple, new["segmentation"])), 48, 64)
    difference = np.count_nonzero(rle.decode(drawn) != rle.decode(mended))
    assert difference <= 4
    assert new["area"] == 96.0 and new["bbox"] == [4, 4, 16, 12]


def over_the_border(folder: CocoFolder) -> None:
    ring = [50.0, 30.0, 80.0, 30.0, 80.0, 44.0, 50.0, 44.0]
    folder.entry("train", 1).update(segmentation=[ring], bbox=[50, 30, 30, 14], area=420)
    folder.write()


def inside(folder: CocoFolder) -> None:
    entry = part_file(folder)["annotations"][1]
    assert entry["bbox"] == [50, 30, 14, 14] and entry["area"] == 196
    assert max(entry["segmentation"][0][0::2]) == 64


def ids_as_text(folder: CocoFolder) -> None:
    """Every id but those of categories."""
    for content in folder.parts.values():
        for image in content["images"]:
            image["id"] = str(image["id"])
        for entry in content["annotations"]:
            entry.update(id=str(entry["id"]), image_id=str(entry["image_id"]))
    folder.write()


def pairs_of(entry: dict[str, Any]) -> list[tuple[float, float]]:
    ring = entry["segmentation"][0]
    return list(zip(ring[0::2], ring[1::2], strict=True))


def to_pairs(entry: dict[str, Any]) -> None:
    (ring,) = entry["segmentation"]
    entry["segmentation"] = [[[x, y] for x, y in zip(ring[0::2], ring[1::2], strict=True)]]


def enlarge(folder: CocoFolder) -> None:
    """Enlarges an image, not its outlines."""
    cv2.imwrite(str(folder.image("a0")), cv2.resize(cv2.imread(str(folder.image("a0"))), None, fx=2, fy=2))


def twice_as_large(folder: CocoFolder) -> None:
    content = part_file(folder)
    image, first, third = content["images"][0], content["annotations"][0], content["annotations"][2]
    assert (image["width"], image["height"]) == (128, 96)
    assert first["bbox"] == [8, 8, 40, 24] and first["area"] == 960 and max(first["segmentation"][0]) == 48
    assert third["bbox"] == [4, 4, 20, 12]


def category_ids_from_0(folder: CocoFolder) -> None:
    """Categories 1 and 2, and annotations that count from 0."""
    for content in folder.parts.values():
        for number, entry in enumerate(content["categories"], start=1):
            entry["id"] = number
        for entry in content["annotations"]:
            entry["category_id"] = {3: 0, 7: 1}[entry["category_id"]]
    folder.write()


def second_category(name: str) -> Callable[[CocoFolder], None]:
    """One more category in both files, with one object that was a dog."""

    def run(folder: CocoFolder) -> None:
        for content in folder.parts.values():
            content["categories"].append({"id": 9, "name": name})
        folder.entry("train", 1)["category_id"] = 9
        folder.write()

    return run


def category_in_text(folder: CocoFolder) -> None:
    """The same, with its id written as text and as a decimal, as some tools do."""
    second_category("dog")(folder)
    folder.parts["train"]["categories"][-1]["id"] = "9"
    folder.entry("train", 1)["category_id"] = 9.0
    folder.write()


def val_category(name: str) -> Callable[[CocoFolder], None]:
    def run(folder: CocoFolder) -> None:
        folder.parts["val"]["categories"][1]["name"] = name
        folder.write()

    return run


def part_names(folder: CocoFolder) -> list[str]:
    return [entry["name"] for entry in part_file(folder, "val")["categories"]]


def categories_from_1(folder: CocoFolder) -> None:
    assert [entry["category_id"] for entry in part_file(folder)["annotations"]] == [1, 2] * 3


def copy_image(folder: SegFolder, of: str = "a0", to: str = "a4") -> None:
    folder.image(to).write_bytes(folder.image(of).read_bytes())


def copy_coco(folder: CocoFolder, of: str = "a0", to: str = "a4") -> None:
    folder.image(to).write_bytes(folder.image(of).read_bytes())


def near(path: Path, of: Path) -> None:
    """The next frame of a video."""
    pixels = cv2.imread(str(of))
    cv2.imwrite(str(path), np.roll(pixels, 1, axis=1))


def near_seg(folder: SegFolder) -> None:
    near(folder.image("a4"), folder.image("a0"))


def near_coco(folder: CocoFolder) -> None:
    near(folder.image("a4"), folder.image("a0"))


def moved_to_train(folder: CocoFolder) -> None:
    train, val = part_file(folder), part_file(folder, "val")
    assert [image["file_name"] for image in val["images"]] == ["a3.png"]
    assert train["images"][3] == {"id": 3, "file_name": "a4.png", "width": 64, "height": 48}
    assert [(entry["id"], entry["image_id"]) for entry in train["annotations"][6:]] == [(7, 3), (8, 3)]
    assert len(val["annotations"]) == 2


def val_lost_one(folder: CocoFolder) -> None:
    content = part_file(folder, "val")
    assert [image["file_name"] for image in content["images"]] == ["a3.png"]
    assert {entry["image_id"] for entry in content["annotations"]} == {0}
    assert folder.image("a4").is_file()


A = [f"images/a{number}.jpg annotations/a{number}.png" for number in range(5)]
CASES = {
    "repeated line": Case(
        "S104", text("train.txt", "\n".join([*A[:3], A[0]])), lambda folder: lines(folder) == A[:3] or pytest.fail()
    ),
    "byte order mark": Case("S106", text("train.txt", b"\xef\xbb\xbf" + "\r\n".join(A[:3]).encode()), lines),
    "commas": Case("S103", text("train.txt", f'{A[0]}\n"images/a1.jpg","annotations/a1.png"\n{A[2]}\n'), lines),
    "mask not named": Case("S103", text("train.txt", f"{A[0]}\nimages/a1.jpg\n{A[2]}\n"), lines),
    "case of an image": Case("S201", text("train.txt", f"images/A0.JPG annotations/a0.png\n{A[1]}\n{A[2]}"), lines),
    "folder of a mask": Case("S202", text("train.txt", f"images/a0.jpg masks/a0.png\n{A[1]}\n{A[2]}"), lines),
    "suffix of a mask": Case("S202", text("train.txt", f"images/a0.jpg annotations/a0.bmp\n{A[1]}\n{A[2]}"), lines),
    "0 and 255": Case("S406", masks(lambda ids: np.where(ids == 1, 255, 0).astype(np.uint8)), ids_are(0, 1), False),
    "16 bits": Case("S302", masks(lambda ids: ids.astype(np.uint16)), ids_are(0, 1, 2, 255)),
    "16 bits scaled": Case("S302", masks(lambda ids: ids.astype(np.uint16) * 257), ids_are(0, 1, 2, 255)),
    "equal channels": Case("S301", masks(lambda ids: np.repeat(ids[..., None], 3, 2)), ids_are(0, 1, 2, 255)),
    "colours of VOC": Case("S301", masks(colours(voc_palette())), ids_are(0, 1, 2)),
    "any colours": Case(
        "S301",
        masks(colours(np.array([[0, 0, 0], [255, 0, 9], [9, 255, 0]], np.uint8))),
        ids_are(0, 1, 2),
    ),
    "half the size": Case("S207", masks(lambda ids: ids[::2, ::2]), ids_are(0, 1, 2, 255)),
    "not turned": Case("S207", turned_photos, ids_are(0, 1, 2, 255)),
    "gaps": Case(
        "S403", masks(lambda ids: np.where(ids == 255, 255, ids * 7).astype(np.uint8)), ids_are(0, 1, 2, 255), False
    ),
    "grey levels": Case(
        "S408",
        masks(lambda ids: np.array([0, 128, 255], np.uint8)[np.where(ids == 255, 0, ids)]),
        ids_are(0, 1, 2),
        False,
    ),
    "palettes": Case("S407", other_palettes, same_colours, False),
    "ids from one": Case(
        "S413", masks(lambda ids: np.where(ids == 255, 255, ids + 1).astype(np.uint8)), ids_are(0, 1, 2, 255)
    ),
    "mask of another": Case(
        "S109",
        text("train.txt", "".join(f"images/a{n}.jpg annotations/a{(n + 1) % 3}.png\n" for n in range(3))),
        lambda folder: lines(folder) == A[:3] or pytest.fail(),
    ),
    "mask first": Case(
        "S110",
        text("train.txt", "".join(f"annotations/a{n}.png images/a{n}.jpg\n" for n in range(3))),
        lambda folder: lines(folder) == A[:3] or pytest.fail(),
    ),
    "white beside ids": Case("S409", white_masks, ids_are(0, 1), False),
    "copy in train": Case("S502", lambda folder: copy_image(folder, "a0", "a1"), lines),
    "copy in both": Case("S501", copy_image, lambda folder: lines(folder, "val") == A[3:4] or pytest.fail()),
    "other tools' names": Case("C108", other_names, as_before),
    "suffix of a name": Case("C111", first_image(file_name="a0.tiff"), as_before),
    "case of a name": Case("C163", first_image(file_name="A0.PNG"), as_before),
    "hash before a name": Case("C163", first_image(file_name="/data/upload/1/3f1a2b9c-a0.png"), as_before),
    "ids as text": Case("C164", ids_as_text, as_before),
    "polygons as text": Case(
        "C125", entries(lambda entry: entry.update(segmentation=json.dumps(entry["segmentation"]))), as_before
    ),
    "numbers as text": Case(
        "C125", entries(lambda entry: entry.update(segmentation=[list(map(str, entry["segmentation"][0]))])), as_before
    ),
    "pairs of x and y": Case(
        "C125",
        entries(
            lambda entry: entry.update(segmentation=[dict(zip("xy", pair, strict=True)) for pair in pairs_of(entry)])
        ),
        as_before,
    ),
    "no size": Case("C119", first_image(width=0, height=None), as_before),
    "corners": Case("C137", entries(to_corners), as_before),
    "one corner box": Case("C134", first_entry(bbox=[4.0, 4.0, 24.0, 16.0]), as_before),
    "no box": Case("C123", first_entry(bbox=None), as_before),
    "empty box": Case("C122", first_entry(bbox=[4, 4, 0, 0]), as_before),
    "over the border": Case("C121", over_the_border, inside),
    "no area": Case("C130", first_entry(area=None), as_before),
    "another area": Case("C138", first_entry(area=9999), as_before),
    "normalised": Case("C136", entries(normalise), as_before),
    "percent": Case("C155", every_pair(lambda x, y: (x / 64 * 100, y / 48 * 100)), as_before),
    "pairs": Case("C125", entries(to_pairs), as_before),
    "image enlarged": Case("C114", enlarge, twice_as_large),
    "one name twice": Case("C142", second_category("dog"), as_before),
    "one name twice, by text": Case("C142", category_in_text, as_before),
    "another letter": Case("C150", second_category("ｄog"), as_before),
    "another spelling": Case(
        "C143", val_category("Dog"), lambda folder: part_names(folder) == ["кот", "dog"] or pytest.fail()
    ),
    "category ids from 0": Case("C158", category_ids_from_0, categories_from_1),
    "names of files": Case("C159", ids_by_name, as_before),
    "image ids from 1": Case("C159", entries(lambda entry: entry.update(image_id=entry["image_id"] + 1)), as_before),
    "y before x": Case("C156", every_pair(lambda x, y: (y, x)), as_before),
    "crossing": Case("C126", crossing, covers_the_same),
    "crowd as text": Case("C135", first_entry(iscrowd="0"), as_before),
    "one id": Case("C133", repeat_ids, ids_differ),
    "objects twice": Case("C120", repeat_objects, as_before),
    "near in both lists": Case("S503", near_seg, lambda folder: lines(folder) == [*A[:3], A[4]] or pytest.fail()),
    "near in both files": Case("C153", near_coco, moved_to_train),
    "copy in one file": Case("C152", lambda folder: copy_coco(folder, "a3", "a4"), val_lost_one),
    "copy in both files": Case("C151", copy_coco, val_lost_one),
}


def made(root: Path, case: Case) -> tuple[Any, Task]:
    if case.rule.startswith("S"):
        return make_seg_folder(root, class_file=case.class_file), SEG
    return make_coco_folder(root), COCO


def test_every_repair_has_a_case_and_its_rule_says_so():
    assert {case.rule for case in (*CASES.values(), *FORMAT_CASES.values())} == set(REPAIRS)
    said = {rule.id for rule in RULES.values() if rule.repair in REPAIRED and rule.id[0] != "D"}
    assert said == set(REPAIRS)


@pytest.mark.parametrize("name", CASES)
def test_it_is_repaired_and_undone(tmp_path, name):
    case = CASES[name]
    folder, task = made(tmp_path / "data", case)
    case.spoil(folder)
    before = snapshot(folder.root, without="")
    plan = plan_fix(folder.root, task, select=[case.rule])
    assert snapshot(folder.root, without="") == before
    assert {found.code for found in plan.repairable} == {case.rule}
    assert not plan.left
    report = apply_fix(plan)
    assert case.rule not in {found.code for found in report.findings}
    old = [(found.code, found.path, found.location) for found in plan.findings]
    hidden_before = case.rule in ("C108", "C111", "S301", "S302", "S406", "S407", "S408", "S409", "C136")
    # a copy that is taken out of the lists stays in its folder, and is told so
    left_out = {"S006", "C165"} if name.startswith("copy") else set()
    new = [
        found
        for found in report.findings
        if (found.code, found.path, found.location) not in old and found.code not in left_out
    ]
    assert hidden_before or not new, new
    case.mended(folder)
    assert fix_dataset(folder.root, task, select=[case.rule]).changes == ()
    undo(folder.root)
    assert snapshot(folder.root, without="") == before


def test_other_bytes_stay(tmp_path):
    """Windows' line ends and an odd blank; the indentation, order and keys of a file of another tool."""
    folder = make_seg_folder(tmp_path / "seg")
    text("train.txt", "\r\n".join([f"  {A[0]}", A[1], A[0], f"{A[2]} "]) + "\r\n")(folder)
    fix_dataset(folder.root, SEG, select=["S104"])
    assert (folder.root / "train.txt").read_bytes() == "\r\n".join([f"  {A[0]}", A[1], f"{A[2]} ", ""]).encode()

    coco = make_coco_folder(tmp_path / "coco")
    coco.entry("train")["area"] = None
    content = {"info": {"by": "кот"}, **coco.parts["train"], "zzz": [1.0, 2e-3]}
    words = json.dumps(content, indent="\t", ensure_ascii=False).replace("null", "9999")
    coco.file("train").write_text(words, encoding="utf-8")
    coco.file("train").chmod(0o600)
    fix_dataset(coco.root, COCO, select=["C138"])
    assert coco.file("train").read_text(encoding="utf-8") == words.replace("9999", "240.0")
    assert coco.file("train").stat().st_mode & 0o777 == 0o600


def test_a_palette_and_a_resolution_stay(tmp_path):
    folder = make_seg_folder(tmp_path / "data", class_file=False)
    for path in (folder.root / "annotations").glob("*.png"):
        image = Image.fromarray(np.where(read_mask(path) == 1, 255, 0).astype(np.uint8))
        image.putpalette([value % 251 for value in range(768)])
        image.save(path, dpi=(300, 300))
    fix_dataset(folder.root, SEG)
    with Image.open(folder.mask("a0")) as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == list(range(12))
        assert round(image.info["dpi"][0]) == 300


def test_names_of_other_systems(tmp_path):
    """An accent in two characters, as macOS writes it."""
    folder = make_seg_folder(tmp_path / "data")
    folder.image("a0").rename(folder.image(unicodedata.normalize("NFD", "é")))
    text("train.txt", "\n".join(["images/é.jpg annotations/a0.png", *A[1:3]]))(folder)
    report = fix_dataset(folder.root, SEG, select=["S201"])
    assert not report.findings


@pytest.mark.parametrize(
    ("rule", "spoil", "reason"),
    [
        ("S201", text("train.txt", f"images/nothing.jpg annotations/a0.png\n{A[1]}"), "no single file"),
        ("S103", text("train.txt", f"{A[0]}\nnonsense\n"), "no existing image and mask"),
        ("S207", masks(lambda ids: ids[:-9]), "aspect ratio differs"),
        ("S302", masks(lambda ids: ids.astype(np.uint16) * 300 + 1), "objects or measurements"),
        ("S302", float_masks, "negative or fractions"),
        ("S501", lambda folder: [copy_image(folder, "a0", name) for name in ("a3", "a4")], "nothing would be left"),
    ],
)
def test_what_cannot_be_repaired_is_said(tmp_path, rule, spoil, reason):
    folder = make_seg_folder(tmp_path / "data")
    spoil(folder)
    before = snapshot(folder.root, without="")
    plan = plan_fix(folder.root, SEG, select=[rule])
    assert any(reason in action.message for action in plan.left)
    apply_fix(plan)
    assert snapshot(folder.root, without="") == before


def test_white_of_several_classes_is_left(tmp_path):
    folder = make_seg_folder(tmp_path / "data", class_file=False)
    white_masks(folder)
    Image.fromarray(np.where(read_mask(folder.mask("a3")) == 1, 2, 0).astype(np.uint8)).save(folder.mask("a3"))
    plan = plan_fix(folder.root, SEG, select=["S409"])
    assert "any of the classes 1, 2" in plan.left[0].message and not plan.draft.changed


def test_copies_of_another_category_are_left(tmp_path):
    folder = make_coco_folder(tmp_path / "data")
    entry = folder.entry("train")
    folder.parts["train"]["annotations"].append({**entry, "id": 90, "category_id": 7})
    folder.write()
    plan = plan_fix(folder.root, COCO, select=["C120"])
    assert "give two categories" in plan.left[0].message and not plan.draft.changed


def test_several_repairs_of_one_file_are_one_transaction(tmp_path):
    folder = make_coco_folder(tmp_path / "data")
    entries(normalise)(folder)
    repeat_objects(folder)
    folder.entry("train").update(iscrowd="0")
    folder.parts["val"]["images"][0].update(file_name="A3.PNG")
    folder.write()
    before = snapshot(folder.root, without="")
    report = fix_dataset(folder.root, COCO)
    assert not report.findings
    assert [change.target for change in report.changes] == [
        "annotations/instance_train.json",
        "annotations/instance_val.json",
    ]
    undo(folder.root)
    assert snapshot(folder.root, without="") == before
