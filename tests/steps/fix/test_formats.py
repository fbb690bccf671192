"""Repairs of LabelMe, YOLO and VOC datasets: each is planned, done, seen to help, and undone to the byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.data.changes.undo import undo
from segcli.data.formats.table import format_named
from segcli.data.image import read_mask
from segcli.data.palette import voc_palette
from segcli.data.polygons import ring_area
from segcli.models.task import Task
from segcli.steps.convert.command import transfer_dataset
from segcli.steps.fix.command import apply_fix, fix_dataset, plan_fix
from tests.coco_folder import HEIGHT, WIDTH, make_coco_folder
from tests.files import snapshot
from tests.labelme_folder import box, mask_text, shape, write_labelme
from tests.rules.formats_cases import by_other_sides, described

Edit = Callable[[Path], object]
LABELS, MAP, OBJECTS = "labels/train/a0.txt", "SegmentationClass/a0.png", "SegmentationObject/a0.png"


@dataclass(frozen=True)
class Case:
    """A rule, how a dataset is spoilt, and what holds after the repair."""

    rule: str
    spoil: Edit
    mended: Edit


def labelme(root: Path) -> None:
    for number in range(3):
        write_labelme(root, f"a{number}", [box("cat", 4, 6, 20, 30), box("dog", 30, 6, 40, 30)], seed=number)


def counted_labels(root: Path, name: str = "pig_{}") -> None:
    for number in range(6):
        shapes = [box(name.format(n), 4 + 16 * n, 4 + number, 16 + 16 * n, 30) for n in range(2 + number % 2)]
        write_labelme(root, f"n{number}", shapes, seed=10 + number)


def converted(name: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        source = make_coco_folder(root.parent / f"{root.name}_source").root
        transfer_dataset(source, root, name)
        shutil.rmtree(source)

    return make


MAKE = {"L": labelme, "Y": converted("yolo"), "C": converted("yolo"), "V": converted("voc")}


def document(root: Path, name: str = "a0") -> dict[str, Any]:
    values: dict[str, Any] = json.loads((root / f"{name}.json").read_text(encoding="utf-8"))
    return values


def change(root: Path, edit: Callable[[dict[str, Any]], object], name: str = "a0") -> None:
    values = document(root, name)
    edit(values)
    (root / f"{name}.json").write_text(json.dumps(values, indent=2), encoding="utf-8")


def painted(root: Path, name: str) -> list[Any]:
    """Outline, box and area of each object as a conversion paints it."""
    from segcli.data.formats.format import Brush
    from segcli.data.formats.object_painter import ObjectPainter

    image = next(image for image in format_named("labelme").read(root).images if image.name == f"{name}.json")
    painter = ObjectPainter(Brush())
    return [painter.segment(value, *image.size) for value in image.read_objects()]


def half_size(root: Path) -> None:
    image = cv2.imread(str(root / "a0.png"))
    cv2.imwrite(str(root / "a0.png"), cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2)))
    bits = np.zeros((10, 12), np.uint8)
    bits[2:8, 3:9] = 1
    mask = shape("cat", (8, 10), (19, 19), kind="mask", mask=mask_text(bits))
    change(root, lambda values: values["shapes"].append(mask))


def halved(root: Path) -> None:
    values = document(root)
    assert (values["imageWidth"], values["imageHeight"]) == (32, 24)
    assert values["shapes"][0]["points"][:2] == [[2, 3], [10, 3]]
    assert values["shapes"][2]["points"][0] == [4, 5]


def turned_photo(root: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.open(root / "a0.png").convert("RGB").save(root / "a0.jpg", exif=exif)
    (root / "a0.png").unlink()
    change(root, lambda values: values.update(imagePath="a0.jpg"))


def upright_points(root: Path) -> None:
    values = document(root)
    assert (values["imageWidth"], values["imageHeight"]) == (48, 64)
    xs, ys = zip(*values["shapes"][0]["points"], strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == (48 - 1 - 30, 48 - 1 - 6, 4, 20)


def chinese(root: Path) -> None:
    change(root, lambda values: values["shapes"][0].update(label="猫狗"))
    text = json.dumps(document(root), ensure_ascii=False, indent=2)
    (root / "a0.json").write_bytes(text.encode("gb18030"))


def lists(train: str, val: str) -> Edit:
    def run(root: Path) -> None:
        (root / "train_anno_list.txt").write_text(train, encoding="utf-8")
        (root / "val_anno_list.txt").write_text(val, encoding="utf-8")

    return run


def words(root: Path, name: str = "val_anno_list.txt") -> list[str]:
    return (root / name).read_text(encoding="utf-8").split()


def is_(condition: Callable[[Path], bool]) -> Edit:
    def run(root: Path) -> None:
        assert condition(root)

    return run


def lines(*texts: str) -> Edit:
    return lambda root: (root / LABELS).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def label_lines(root: Path) -> list[list[float]]:
    return [[float(word) for word in line.split()] for line in (root / LABELS).read_text().splitlines()]


def double_map(root: Path) -> None:
    for name in (MAP, OBJECTS):
        ids = read_mask(root / name)
        Image.fromarray(cv2.resize(ids, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)).save(root / name)


def same_map(root: Path) -> None:
    assert read_mask(root / MAP).shape == read_mask(root / OBJECTS).shape == (HEIGHT, WIDTH)
    assert set(np.unique(read_mask(root / MAP)).tolist()) > {0}


def in_colour(root: Path) -> None:
    for path in (root / "SegmentationClass").iterdir():
        Image.fromarray(voc_palette()[read_mask(path)].astype(np.uint8)).save(path)


def in_shares(times: int) -> Edit:
    def run(root: Path) -> None:
        for path in sorted(root.glob("*.json")):
            values = json.loads(path.read_text())
            for entry in values["shapes"]:
                entry["points"] = [[times * x / WIDTH, times * y / HEIGHT] for x, y in entry["points"]]
            path.write_text(json.dumps(values))

    return run


def bow_tie(root: Path) -> None:
    entry = shape("cat", (40, 4), (60, 24), (60, 4), (40, 24))
    change(root, lambda values: values["shapes"].append(entry))


def both_loops(root: Path) -> None:
    *_, one, other = document(root)["shapes"]
    assert one["group_id"] == other["group_id"] == 1
    areas = [ring_area([value for point in entry["points"] for value in point]) for entry in (one, other)]
    assert areas == [pytest.approx(100)] * 2


def loop_area(root: Path) -> float:
    return ring_area(label_lines(root)[0][1:])


def every_line(edit: Callable[[list[str]], list[str]]) -> Edit:
    def run(root: Path) -> None:
        for path in root.glob("labels/*/*.txt"):
            path.write_text("".join(" ".join(edit(line.split())) + "\n" for line in path.read_text().splitlines()))

    return run


CASES = {
    "resized": Case("L207", half_size, halved),
    "turned": Case("L208", turned_photo, upright_points),
    "holes": Case(
        "L309",
        lambda root: change(root, lambda values: values["shapes"].append(box("hole", 8, 10, 16, 20))),
        is_(
            lambda root: [(one["label"], one.get("group_id")) for one in document(root)["shapes"]]
            == [("cat", 1), ("dog", None), ("cat", 1)]
        ),
    ),
    "sides exchanged": Case(
        "L214",
        lambda root: change(
            root,
            lambda values: values.update(
                shapes=[box("cat", 4, 6, WIDTH - 4, 30)], imageWidth=HEIGHT, imageHeight=WIDTH
            ),
        ),
        is_(lambda root: (document(root)["imageWidth"], document(root)["imageHeight"]) == (WIDTH, HEIGHT)),
    ),
    "Chinese Windows": Case("L111", chinese, is_(lambda root: document(root)["shapes"][0]["label"] == "猫狗")),
    "outside": Case(
        "L108",
        lambda root: change(root, lambda values: values["shapes"].append(box("cat", 900, 900, 950, 950))),
        is_(lambda root: len(document(root)["shapes"]) == 2),
    ),
    "letters of another alphabet": Case(
        "L301",
        lambda root: change(root, lambda values: values["shapes"][0].update(label="сat")),
        is_(lambda root: [one["label"] for one in document(root)["shapes"]] == ["cat", "dog"]),
    ),
    "spellings": Case(
        "L301",
        lambda root: change(root, lambda values: values["shapes"][0].update(label="Cat")),
        is_(lambda root: [one["label"] for one in document(root)["shapes"]] == ["cat", "dog"]),
    ),
    "labels that count": Case(
        "L305",
        counted_labels,
        is_(lambda root: [one["label"] for one in document(root, "n1")["shapes"]] == ["pig", "pig", "pig"]),
    ),
    "labels that count, with zeros before": Case(
        "L305",
        lambda root: counted_labels(root, "pig_{:02d}"),
        is_(lambda root: [one["label"] for one in document(root, "n1")["shapes"]] == ["pig", "pig", "pig"]),
    ),
    "in both lists": Case(
        "L004", lists("a0.json\na1.json\n", "a1.json\na2.json\n"), is_(lambda root: words(root) == ["a2.json"])
    ),
    "listed and not there": Case(
        "L002", lists("a0.json\na1.json\n", "b7.json\na2.json\n"), is_(lambda root: words(root) == ["a2.json"])
    ),
    "pixels": Case(
        "Y103",
        lines(f"0 0 0 {WIDTH / 2} 0 {WIDTH / 2} {HEIGHT}"),
        is_(lambda root: label_lines(root) == [[0, 0, 0, 0.5, 0, 0.5, 1]]),
    ),
    "over the border": Case(
        "Y103",
        lines("1 0.5 0.25 1.5 0.25 1.5 0.75 0.5 0.75", "0 0.1 0.1 0.2 0.1 0.2 0.2"),
        is_(lambda root: sorted(zip(*[iter(label_lines(root)[0][1:])] * 2, strict=True))
            == [(0.5, 0.25), (0.5, 0.75), (1, 0.25), (1, 0.75)]),
    ),
    "boxes": Case(
        "Y104", lines("1 0.5 0.5 0.2 0.4"),
        is_(lambda root: label_lines(root) == [[1, 0.4, 0.3, 0.6, 0.3, 0.6, 0.7, 0.4, 0.7]]),
    ),
    "shares": Case(
        "L210", in_shares(1), is_(lambda root: document(root)["shapes"][0]["points"][:2] == [[4, 6], [20, 6]])
    ),
    "drawn twice": Case(
        "L112",
        lambda root: change(root, lambda values: values["shapes"].append(box("cat", 4.3, 6.3, 20.3, 30.3))),
        is_(lambda root: [one["label"] for one in document(root)["shapes"]] == ["cat", "dog"]),
    ),
    "bow tie": Case("L113", bow_tie, both_loops),
    "bow tie in a line": Case(
        "C126", lines("0 0.1 0.1 0.5 0.5 0.5 0.1 0.1 0.5"), is_(lambda root: loop_area(root) == pytest.approx(0.08))
    ),
    "outlined twice": Case(
        "C120", lines(*["0 0.1 0.1 0.5 0.1 0.5 0.5"] * 3), is_(lambda root: len(label_lines(root)) == 1)
    ),
    "percent": Case("Y105", every_line(lambda words: [words[0], *(str(100 * float(one)) for one in words[1:])]), is_(
        lambda root: max(max(line[1:]) for line in label_lines(root)) <= 1)),
    "pixels everywhere": Case(
        "Y113",
        every_line(
            lambda words: [words[0], *(str(float(one) * (WIDTH, HEIGHT)[n % 2]) for n, one in enumerate(words[1:]))]
        ),
        is_(lambda root: max(max(line[1:]) for line in label_lines(root)) <= 1),
    ),
    "other sides": Case(
        "Y114",
        every_line(by_other_sides),
        is_(lambda root: label_lines(root)[0][1:] == pytest.approx([0.5, 0.2, 0.95, 0.2, 0.95, 0.8], abs=1e-5)),
    ),
    "from one": Case("Y106", every_line(lambda words: [str(int(words[0]) + 1), *words[1:]]), is_(
        lambda root: {line[0] for line in label_lines(root)} == {0, 1})),
    "confidences": Case("Y108", every_line(lambda words: [*words, "0.9"]), is_(
        lambda root: {len(line) for line in label_lines(root)} == {9})),
    "nc": Case("Y107", described("nc: 7\n"), is_(lambda root: "nc: 2\n" in (root / "data.yaml").read_text())),
    "map of twice the size": Case("V104", double_map, same_map),
    "maps in colour": Case("V106", in_colour, is_(lambda root: read_mask(root / MAP).max() in (1, 2))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_repaired_and_undone(tmp_path, name):
    case, root = CASES[name], tmp_path / "data"
    MAKE[case.rule[0]](root)
    case.spoil(root)
    before = snapshot(root, without="")
    plan = plan_fix(root, Task.INSTANCE, select=[case.rule])
    assert snapshot(root, without="") == before
    assert {found.code for found in plan.repairable} == {case.rule}
    assert not plan.left and plan.done
    report = apply_fix(plan)
    assert case.rule not in {found.code for found in report.findings}, report.findings
    known = {(found.code, found.path) for found in plan.findings}
    assert not [found for found in report.findings if (found.code, found.path) not in known]
    case.mended(root)
    assert fix_dataset(root, Task.INSTANCE, select=[case.rule]).changes == ()
    undo(root)
    assert snapshot(root, without="") == before


def test_resized_shapes_paint_what_the_conversion_paints(tmp_path):
    labelme(tmp_path)
    half_size(tmp_path)
    before = painted(tmp_path, "a0")
    assert fix_dataset(tmp_path, Task.INSTANCE).changes
    assert painted(tmp_path, "a0") == before


def test_label_files_without_a_confidence_stay_as_they_are(tmp_path):
    root = tmp_path / "data"
    MAKE["Y"](root)
    first, *others = sorted(root.glob("labels/*/*.txt"))
    every_line(lambda words: [*words, "0.9"])(root)
    first.write_text("0 0.1  0.1 0.2 0.1 0.2 0.2\n")
    assert fix_dataset(root, Task.INSTANCE, select=["Y108"]).changes
    assert first.read_text() == "0 0.1  0.1 0.2 0.1 0.2 0.2\n"
    assert not any(path.name.startswith(first.name) and path != first for path in first.parent.iterdir())
    assert any(path.with_name(f"{path.name}.bak").is_file() for path in others)


def test_shares_and_confidences_among_pixels_stay(tmp_path):
    root = tmp_path / "data"
    MAKE["Y"](root)
    pixels = f"0 0 0 {WIDTH / 2} 0 {WIDTH / 2} {HEIGHT}"
    for path in root.glob("labels/*/*.txt"):
        path.write_text(f"{pixels}\n")
    (root / LABELS).write_text(f"{pixels}\n1 0.6  0.6 0.9 0.6 0.9 0.9\n{pixels} 0.87\n")
    assert fix_dataset(root, Task.INSTANCE, select=["Y113"]).changes
    assert (root / LABELS).read_text() == "0 0 0 0.5 0 0.5 1\n1 0.6  0.6 0.9 0.6 0.9 0.9\n0 0 0 0.5 0 0.5 1 0.87\n"


def named_once(root: Path) -> None:
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnc: 2\nnames: [cat]\n")


@pytest.mark.parametrize(
    ("rule", "spoil", "reason"),
    [
        ("L108", lambda root: change(root, lambda v: v.update(shapes=[box("cat", 900, 9, 950, 20)])), "all of its"),
        ("Y103", lines("0 9000 1 9001 1 9001 9"), "neither normalised"),
        ("Y103", lines("0 1.2 1.2 1.5 1.2 1.5 1.5"), "no part of it"),
        ("Y107", named_once, "without a name"),
        ("Y104", lines("0 0.5 0.5 0 0.1"), "the box is empty"),
        ("V104", lambda root: Image.fromarray(np.zeros((9, 99), np.uint8)).save(root / MAP), "aspect ratio"),
    ],
)
def test_what_cannot_be_repaired_is_said(tmp_path, rule, spoil, reason):
    root = tmp_path / "data"
    MAKE[rule[0]](root)
    spoil(root)
    before = snapshot(root, without="")
    plan = plan_fix(root, Task.INSTANCE, select=[rule])
    assert any(reason in action.message for action in plan.left)
    apply_fix(plan)
    assert snapshot(root, without="") == before


def test_the_files_of_another_format_are_repaired_beside_converted_ones(tmp_path):
    labelme(tmp_path)
    half_size(tmp_path)
    (tmp_path / "train.txt").write_text("a0.png a0.png\n")
    assert {found.code for found in plan_fix(tmp_path, Task.SEMANTIC, select=["L2"]).repairable} == {"L207"}


def test_labels_of_numbers_alone_are_left(tmp_path):
    counted_labels(tmp_path / "data", "#{}")
    before = document(tmp_path / "data", "n1")
    words = ["fix", str(tmp_path / "data"), "--select", "L305", "--yes", "--output", str(tmp_path / "out")]
    shown = " ".join(CliRunner().invoke(main, words).output.split())
    assert "'#0' does not say what it is" in shown
    assert document(tmp_path / "data", "n1") == before
