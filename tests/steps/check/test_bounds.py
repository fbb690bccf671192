"""Work and results stay in proportion to the data, whatever the data are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.class_files import read_class_names
from segcli.data.classes import ClassMap
from segcli.data.formats.coco_file import AnnotationFile
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.formats.yolo_layout import yolo_layout
from segcli.data.lists import split_line
from segcli.data.polygons import Sides, crossings_within
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.findings import MOST_LISTED, as_entries
from segcli.report import objects
from segcli.rules import finding
from segcli.steps.check import semantic
from segcli.steps.check.fingerprint import MOST_PAIRS, most_together
from segcli.steps.check.histogram import MOST_ROWS, most_frequent
from segcli.steps.check.inspection import SampleFacts, ToInspect, inspect_samples
from segcli.steps.check.instance import ObjectTally
from segcli.steps.check.result import ClassCount
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from tests.seg_folder import make_seg_folder

LOOSE = 8
"""Four times the work may take so many times the CPU time before it counts as more than linear."""


def cpu_seconds(work: Callable[[], Any]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def random_ring(corners: int) -> list[float]:
    return (np.random.default_rng(0).random(2 * corners) * 190).tolist()


def test_crossings_of_random_corners_take_linear_time() -> None:
    small, large = Sides.of([random_ring(5_000)]), Sides.of([random_ring(20_000)])
    crossings_within(small)  # warm up

    assert cpu_seconds(lambda: crossings_within(large)) < LOOSE * cpu_seconds(lambda: crossings_within(small)) + 0.2


def test_pairs_of_sides_are_bounded_and_what_is_left_is_told() -> None:
    number = np.arange(2_000)
    odd, slope = number % 2, number * 0.001
    zigzag = np.stack([np.where(odd, 100, 0) + slope, np.where(odd, 0, 100) - slope], axis=1)
    square = [0.0, 0.0, 10.0, 10.0, 10.0, 0.0, 0.0, 10.0]
    sides = Sides.of([square, zigzag.ravel().tolist()])

    crossed, untested = crossings_within(sides, most_pairs=1_000)

    assert set(crossed) == {0}
    assert untested == {1}


def test_long_sides_beside_each_other_are_tested_across() -> None:
    """10,000 sides that all lie above each other, but not beside each other."""
    rows = np.repeat(np.arange(5_000), 2)
    columns = np.where(np.arange(10_000) % 4 < 2, 0, 100)
    comb = np.stack([np.roll(columns, 1), rows], axis=1).ravel().tolist()

    _, untested = crossings_within(Sides.of([comb]), most_pairs=200_000)

    assert not untested


@pytest.mark.parametrize("radius", [1e5, 9e6, 1.6e7])
def test_disc_with_a_far_rim(radius: float) -> None:
    """The rim passes through column 20 of the image, which lies on its left."""
    canvas = LabelCanvas(40, 60)
    circle = Shape(0, "a", "circle", ((20 - radius, 20.0), (20.0, 20.0)))

    spent = cpu_seconds(lambda: canvas.paint(circle, 7))

    assert spent < 2
    assert (canvas.labels()[:, :20] == 7).all()
    assert not canvas.labels()[:, 22:].any()


def test_drawing_shows_the_largest_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    tinted: list[int] = []
    monkeypatch.setattr(objects, "tint", lambda _image, mask, *_: tinted.append(int(mask.sum())))
    mask = np.zeros((30, 40), np.uint8)
    drawn = []
    for side in range(1, 6):
        mask[:side, :side] = 1
        drawn.append(objects.DrawnObject(TracedMask(rle.encode(mask)), (0, 0, side, side), 0, "a"))
    monkeypatch.setattr(objects, "MOST_DRAWN", 3)

    objects.draw_objects(np.zeros((30, 40, 3), np.uint8), drawn, ClassMap(("a",)))

    assert tinted == [25, 16, 9]


def test_histogram_of_very_many_classes_shows_the_frequent_ones() -> None:
    amounts = [{Split.TRAIN: number % 7, Split.VAL: 0} for number in range(1_203)]
    counts = [ClassCount(number, f"c{number}", amount, amount) for number, amount in enumerate(amounts)]

    kept = most_frequent(counts)

    assert len(kept) == MOST_ROWS
    assert {sum(count.amounts.values()) for count in kept} == {6}
    assert [count.class_id for count in kept] == sorted(count.class_id for count in kept)


def test_fingerprint_of_very_many_classes_names_the_frequent_pairs() -> None:
    together = np.ones((1_203, 1_203), np.int64)
    together[3, 5] = together[5, 3] = 9

    pairs = most_together(together)

    assert len(pairs) == MOST_PAIRS
    assert pairs[0] == [3, 5, 9]


def test_findings_beyond_the_limit_are_not_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = finding("S104", "train.txt", "is the same as line 1")
    written = []
    monkeypatch.setattr(type(found), "as_dict", lambda self: written.append(1) or {"code": self.code})

    entries = as_entries([found] * 200_000)

    assert len(written) == MOST_LISTED
    assert entries["findings_left_out"] == {"S104": 200_000 - MOST_LISTED}


def test_lines_that_repeat_are_decoded_once_and_counted_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_seg_folder(tmp_path / "data")
    once = examine_seg_dataset(folder.root, settings=PassSettings(workers=1))
    folder.write_list("train", ["a0", "a1", "a2"] * 4)
    decoded: list[Path] = []

    def inspect(samples: Iterable[ToInspect]) -> Iterator[SampleFacts]:
        for wanted in samples:
            decoded.append(wanted.sample.image)
            yield from inspect_samples([wanted])

    monkeypatch.setattr(semantic, "inspect_samples", inspect)

    seen = examine_seg_dataset(folder.root, settings=PassSettings(workers=1))

    assert len(decoded) == 5
    assert len(seen.dataset.train) == 12
    assert (seen.tally.pixels[Split.TRAIN] == 4 * once.tally.pixels[Split.TRAIN]).all()
    assert (seen.tally.images[Split.TRAIN] == 4 * once.tally.images[Split.TRAIN]).all()
    codes = [found.code for found in seen.findings]
    assert codes.count("S104") == 9
    assert sorted(code for code in codes if code != "S104") == sorted(found.code for found in once.findings)


def test_categories_take_linear_time(tmp_path: Path) -> None:
    def names(number: int) -> float:
        file = AnnotationFile(tmp_path, "a.json")
        content = {"categories": [{"id": index, "name": f"c{index}"} for index in range(number)]}
        return cpu_seconds(lambda: file.categories(content))

    names(100)

    assert names(20_000) < LOOSE * names(5_000) + 0.2


def test_very_many_classes_are_not_counted_two_by_two() -> None:
    tally = ObjectTally(1_000_000)

    assert tally.together.shape == (0, 0)
    assert most_together(tally.together) == []


def test_line_of_a_hundred_thousand_blanks(tmp_path: Path) -> None:
    assert split_line(tmp_path, "a " * 100_000) is None


def test_path_of_a_hundred_thousand_folders_in_a_yolo_description(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("train: " + "a/" * 100_000 + "\nnames: [a]\n")

    assert cpu_seconds(lambda: yolo_layout(tmp_path / "data.yaml")) < 5


def test_class_file_of_very_many_names(tmp_path: Path) -> None:
    def read(names: int) -> float:
        (tmp_path / "label.txt").write_text("".join(f"class {number}\n" for number in range(names)))
        return cpu_seconds(lambda: read_class_names(tmp_path))

    read(100)

    assert read(40_000) < LOOSE * read(10_000) + 0.2


def test_class_id_of_thousands_of_digits(tmp_path: Path) -> None:
    (tmp_path / "class_name_to_id.txt").write_text("0: background\n" + "1" * 5_000 + ": cat\n")

    names, findings = read_class_names(tmp_path)

    assert names is not None and names.names == ("background",)
    assert [found.code for found in findings] == ["S107"]
