"""Further data that have the fault of a rule, and data that look like it and have not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcli.data import rle
from segcli.data.formats.masks import find_root, scan_lists
from segcli.rules import finding
from segcli.rules.repair_hints import with_repairs
from tests.coco_folder import HEIGHT, WIDTH
from tests.image_files import photo
from tests.labelme_folder import box
from tests.rules.coco_cases import numbered, parts
from tests.rules.formats_cases import described, edited
from tests.rules.labelme_cases import counting, shapes_of
from tests.rules.masks_cases import bytes_of
from tests.rules.replay import KINDS, Change, looked_at
from tests.seg_folder import make_seg_folder


def animated(frames: int) -> bytes:
    """A GIF."""
    images = [Image.fromarray(photo(HEIGHT, WIDTH, seed)) for seed in range(frames)]
    target = io.BytesIO()
    images[0].save(target, "GIF", save_all=True, append_images=images[1:])
    return target.getvalue()


def background(free_px: int) -> Change:
    """Seven images with two objects and a third one around them, but for so many pixels."""

    def run(folder):
        numbered(7)(folder)
        part = folder.parts["train"]
        for content in folder.parts.values():
            content["categories"].append({"id": 9, "name": "soil"})
        for number in range(7):
            rest = np.ones((HEIGHT, WIDTH), np.uint8)
            for entry in part["annotations"]:
                if entry["image_id"] == number:
                    left, top, width, height = map(int, entry["bbox"])
                    rest[top : top + height, left : left + width] = 0
            rest[-20, :free_px] = 0
            code = {**rle.encode(rest), "counts": rle.run_lengths(rle.encode(rest)["counts"]).tolist()}
            entry = {"id": 900 + number, "image_id": number, "category_id": 9, "iscrowd": 0, "segmentation": code}
            part["annotations"].append({**entry, "bbox": [0, 0, WIDTH, HEIGHT], "area": int(rest.sum())})

    return parts(run)


def points(form) -> Change:
    """The points of both files in another form."""

    def run(root):
        for path in root.glob("*.json"):
            values = json.loads(path.read_text())
            for shape in values["shapes"]:
                shape["points"] = form(shape["points"])
            path.write_text(json.dumps(values))

    return run


def all_named(name: str) -> Change:
    """Every image of the file under a name on another computer; `{}` is its own."""

    def run(folder):
        for image in folder.parts["train"]["images"]:
            image["file_name"] = name.format(image["file_name"])

    return parts(run)


def text_categories(folder) -> None:
    """Categories by UUIDs, in another order for val."""
    for content in folder.parts.values():
        for entry in content["annotations"]:
            entry["category_id"] = f"57daf40b-{entry['category_id']}"
        for category in content["categories"]:
            category["id"] = f"57daf40b-{category['id']}"
    folder.parts["val"]["categories"].reverse()


def codes_of_other_size(folder) -> None:
    """Run-length codes of images of another size."""
    for entry in folder.parts["train"]["annotations"]:
        entry["segmentation"] = {"size": [HEIGHT, 2 * WIDTH], "counts": [9, 2 * HEIGHT * WIDTH - 9]}


def of_squares(words: str) -> Change:
    """Square images, with one line each."""

    def run(root):
        for path in root.glob("images/*/*.*"):
            Image.fromarray(photo(48, 48, int(path.stem[1:]))).save(path)
        edited(lambda _: words.split())(root)

    return run


def for_key_points(root: Path) -> None:
    """Boxes with one key point each and whether it is visible."""
    described("kpt_shape: [1, 3]\n")(root)
    edited(lambda _: ["0", "0.5", "0.5", "0.2", "0.2", "0.5", "0.5", "1"])(root)


def text_ids(folder) -> None:
    """UUIDs for all images and annotations."""
    for content in folder.parts.values():
        for image in content["images"]:
            image["id"] = f"57daf40b-5eeb-{image['id']}"
        for entry in content["annotations"]:
            entry.update(id=f"a-{entry['id']}", image_id=f"57daf40b-5eeb-{entry['image_id']}")


def pairs(folder) -> None:
    """Polygons of objects with x and y."""
    for entry in folder.parts["train"]["annotations"]:
        ring = entry["segmentation"][0]
        entry["segmentation"] = [{"x": x, "y": y} for x, y in zip(ring[0::2], ring[1::2], strict=True)]


FURTHER: dict[str, tuple[str, Change, bool]] = {
    "animated image": ("S214", bytes_of("a1.gif", animated(3)), True),
    "image as GIF": ("S214", bytes_of("a1.gif", animated(1)), False),
    "background as an object": ("C169", background(0), True),
    "object around others": ("C169", background(WIDTH), False),
    "points as objects": ("L104", points(lambda pairs: [dict(zip("xy", pair, strict=True)) for pair in pairs]), False),
    "points in one list": ("L104", points(lambda pairs: [value for pair in pairs for value in pair]), False),
    "points of three numbers": ("L104", points(lambda pairs: [[*pair, 1] for pair in pairs]), True),
    "commas between numbers": ("Y101", edited(lambda words: [",".join(words)]), False),
    "semicolons between numbers": ("Y101", edited(lambda words: [";".join(words)]), True),
    "outlines just beyond square images": (
        "Y114",
        of_squares("0 0.1 0.1 1.015 0.1 0.9 0.8"),
        False,
    ),
    "key points": ("Y108", for_key_points, False),
    "categories by UUIDs": ("C144", parts(text_categories), False),
    "empty places of a shelf": (
        "L309",
        shapes_of(lambda x, y, _: box("shelf", 0, 0, 60, 44) if x < 9 else box("empty", x, y, x + 9, y + 9)),
        False,
    ),
    "numbers as labels": ("L305", counting("1", "2", "3"), True),
    "grades": ("L305", counting("2", "3", "1"), False),
    "objects of two parts": (
        "L114",
        shapes_of(lambda x, y, _: box("cat", x / 3, y, x / 3 + 9, y + 20, group_id=1)),
        False,
    ),
    "kinds of one image each": (
        "L307",
        shapes_of(lambda x, y, n: box("abcdef"[n], x, y, x + 9, y + 9)),
        False,
    ),
    "objects numbered over all images": (
        "L307",
        shapes_of(lambda x, y, n: box(f"cat {n}", x, y, x + 9, y + 9)),
        True,
    ),
}


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("C111", all_named("C:\\Users\\ann\\x{}")),
        ("C125", parts(pairs)),
        ("C128", parts(codes_of_other_size)),
        ("C164", parts(text_ids)),
    ],
)
def test_one_cause_is_one_finding(tmp_path: Path, rule: str, change: Change):
    found = [fault for fault in looked_at(tmp_path / "data", KINDS["C"], change) if fault.path.endswith("train.json")]
    assert [(fault.code, fault.location) for fault in found] == [(rule, None)]


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_repair_of_names_is_offered_where_images_are(tmp_path: Path, is_empty: bool):
    def gone(folder):
        first, *others = sorted(folder.root.glob("images/*"))
        first.rename(folder.root / ("z" if is_empty else f"images/unlike{first.suffix}"))
        for path in others:
            path.unlink()

    (hint,) = (
        one.hint for one in looked_at(tmp_path / "data", KINDS["C"], parts(gone)) if one.path.endswith("train.json")
    )
    assert ("segcli fix" in with_repairs([finding("C111", "a.json", "", hint=hint)], tmp_path)[0].hint) != is_empty


def test_names_that_differ_at_their_ends_are_pairs(tmp_path: Path):
    folder = make_seg_folder(tmp_path / "data")
    for path in list(tmp_path.glob("data/*/*.*")) + list(tmp_path.glob("data/*.txt")):
        if path.suffix == ".txt":
            path.unlink()
        else:
            path.rename(path.with_name(f"image_{path.name}" if path.suffix == ".jpg" else f"{path.stem}_L.png"))
    found = scan_lists(folder.root)
    assert len(found.train) + len(found.val) == 5
    assert all(one.image.stem == f"image_{one.mask.stem[:-2]}" for one in (*found.train, *found.val))


@pytest.mark.parametrize("kinds", [["labelIds", "labelTrainIds", "color"], ["color", "labelIds"]])
def test_the_layout_of_cityscapes_is_read(tmp_path: Path, kinds: list[str]):
    for split, count in (("train", 3), ("val", 2)):
        images, masks = (tmp_path / kind / split / "ulm" for kind in ("leftImg8bit", "gtFine"))
        for number in range(count):
            name = f"ulm_{number:06}_000019"
            for path in (images / f"{name}_leftImg8bit.png", *(masks / f"{name}_gtFine_{kind}.png" for kind in kinds)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            (masks / f"{name}_gtFine_polygons.json").write_text('{"imgHeight": 4, "objects": [{"polygon": []}]}')
    found = scan_lists(find_root(tmp_path))
    assert (len(found.train), len(found.val)) == (3, 2)
    used = {one.mask.stem.rpartition("_")[2] for one in (*found.train, *found.val)}
    assert used == {"labelTrainIds" if "labelTrainIds" in kinds else "labelIds"}
    assert {fault.code for fault in found.findings} == {"S004"}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (lambda stem: [f"{stem}_cat", f"{stem}_dog"], "has several masks"),
        (lambda stem: ["kwzrt"[int(stem[1:])] * 2], "same name"),
        (lambda stem: [f"mask_2{stem[1:]}"], "same name"),
    ],
)
def test_masks_that_cannot_be_paired_are_told(tmp_path: Path, names, says: str):
    folder = make_seg_folder(tmp_path / "data")
    for part in ("train", "val"):
        (folder.root / f"{part}.txt").unlink()
    for path in list((folder.root / "annotations").iterdir()):
        for name in names(path.stem):
            (path.with_name(f"{name}.png")).write_bytes(path.read_bytes())
        path.unlink()
    (found,) = scan_lists(folder.root).findings
    assert found.code == "S101" and says in found.message


@pytest.mark.parametrize("name", FURTHER)
def test_it_is_told_apart(tmp_path: Path, name: str):
    rule, change, is_found = FURTHER[name]
    found = looked_at(tmp_path / "data", KINDS[rule[0]], change)
    assert (rule in {fault.code for fault in found}) == is_found, found
