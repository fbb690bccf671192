"""Histogram, drawn samples, overlay and page: they exist, show what they should and need nothing from outside."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data.classes import ClassMap
from segcli.data.palette import IGNORE_COLOUR, palette
from segcli.data.samples import Split
from segcli.report.fonts import default_font, fallback_fonts, font_for
from segcli.report.lettering import text_mask
from segcli.report.overlay import legend, overlay, with_legend
from segcli.steps.check import histogram
from segcli.steps.check.histogram import COLOURS, _ticks, draw_histogram
from segcli.steps.check.html import code_marked, write_check_report
from segcli.steps.check.instance import check_instance
from segcli.steps.check.result import ClassCount
from segcli.steps.check.semantic import check_semantic
from tests.coco_folder import make_coco_folder
from tests.seg_folder import make_seg_folder

CLASSES = ClassMap(("_background_", "cat", "dog"))


def config(folder, output, **check):
    return Config.model_validate(
        {
            "Global": {"model": "PP-LiteSeg-T", "dataset_dir": str(folder.root), "output": str(output)},
            "CheckDataset": check,
        }
    )


@pytest.fixture
def folder(tmp_path):
    return make_seg_folder(tmp_path / "data")


def test_everything_the_result_names_exists(folder, tmp_path):
    output = tmp_path / "output"
    result = check_semantic(config(folder, output, demo_images=2))
    values = result.as_dict()
    assert values["check_pass"] is True
    assert values["dataset_type"] == "SegDataset"
    assert values["attributes"]["train_samples"] == 3
    assert values["attributes"]["class_names"] == ["_background_", "cat", "dog"]
    paths = [
        *values["attributes"]["train_sample_paths"],
        *values["attributes"]["val_sample_paths"],
        values["analysis"]["histogram"],
        values["report"],
    ]
    assert len(paths) == 6
    assert all((output / path).is_file() for path in paths)
    assert values["analysis"]["classes"][1] == {
        "id": 1, "name": "cat", "train_pixels": 1056, "train_images": 3, "val_pixels": 704, "val_images": 2,
    }  # fmt: skip


def test_bars_of_the_histogram_are_as_long_as_the_numbers(tmp_path):
    amounts = [(900, 100), (300, 700), (0, 200)]
    counts = [
        ClassCount(number, name, dict(zip(Split, own, strict=True)), {Split.TRAIN: 5 * number, Split.VAL: 2})
        for number, (name, own) in enumerate(zip(("猫", "dog", "$x$"), amounts, strict=True))
    ]
    draw_histogram(counts, {Split.TRAIN: 12, Split.VAL: 3}, tmp_path / "histogram.png")
    drawn = cv2.imread(str(tmp_path / "histogram.png"))[60:, :, ::-1]  # below the legend
    widths = {
        split: [
            [int((drawn[row, side] == colour).all(axis=1).sum()) for side in (np.s_[: 1210 // 2], np.s_[1210 // 2 :])]
            for row in range(len(drawn))
        ]
        for split, colour in COLOURS.items()
    }
    for split, place in ((Split.TRAIN, 0), (Split.VAL, 1)):
        left, right = np.array(widths[split]).T
        shares = np.array([own[place] for own in amounts]) / sum(own[place] for own in amounts)
        lengths = [n for n, before in zip(left, [0, *left], strict=False) if n and n != before]
        assert np.allclose(np.divide(lengths, max(lengths)), (shares / shares.max())[shares > 0], atol=0.01)
        images = [n for n, before in zip(right, [0, *right], strict=False) if n and n != before]
        assert np.allclose(np.divide(images, max(images)), [0.5, 1] if split is Split.TRAIN else [1], atol=0.01)


def test_very_wide_names_leave_room_for_bars(tmp_path, monkeypatch):
    monkeypatch.setattr(histogram, "_WIDTH_PX", 600)  # DejaVu Sans has no sign that is wide enough for the usual width
    both = dict.fromkeys(Split, 3)
    draw_histogram([ClassCount(0, "\u2031" * 28, both, both)], both, tmp_path / "histogram.png")
    drawn = cv2.imread(str(tmp_path / "histogram.png"))[60:, :, ::-1]  # below the legend
    for colour in COLOURS.values():
        assert (drawn == colour).all(axis=2).any(axis=0).sum() > 100


@pytest.mark.parametrize(("end", "ticks"), [(1.0, [0, 1]), (9e8, [0, 5e8]), (57.3, [0, 50])])
def test_marks_of_an_axis_are_round_and_few(end, ticks):
    assert list(_ticks(end, 2, whole=True)) == ticks


def test_a_second_check_leaves_no_old_images(folder, tmp_path):
    check_semantic(config(folder, tmp_path / "output", demo_images=3))
    folder.write_list("train", ["a1"])
    check_semantic(config(folder, tmp_path / "output", demo_images=1))
    drawn = sorted(path.name for path in (tmp_path / "output/check_dataset/demo_img").iterdir())
    assert drawn == ["train_1_a1.jpg", "val_1_a3.jpg"]


def test_the_page_holds_all_findings_and_needs_no_network(folder, tmp_path):
    folder.image("a1").write_bytes(b"")
    (folder.root / "class_name_to_id.txt").write_text("0: _background_\n1: <b>cat</b>\n2: собака\n")
    result = check_semantic(config(folder, tmp_path / "output"))
    page = (tmp_path / "output" / result.report).read_text(encoding="utf-8")
    assert "S203" in page
    assert "images/a1.jpg" in page
    assert "copy or download the file again" in page
    assert "<b>cat</b>" not in page
    assert "&lt;b&gt;cat&lt;/b&gt;" in page
    assert "собака" in page
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    assert "http" not in re.sub(r"data:[^\"]+", "", page)
    assert page.count("data:image/jpeg") == 4  # two whole samples of train, two of val
    assert not result.valid


def test_a_dataset_without_a_readable_sample_is_reported_too(tmp_path):
    folder = make_seg_folder(tmp_path / "data", train=1, val=1)
    for name in ("a0", "a1"):
        folder.image(name).unlink()
    result = check_semantic(config(folder, tmp_path / "output"))
    assert not result.valid
    assert result.size_range is None
    assert result.sample_paths == {Split.TRAIN: (), Split.VAL: ()}


def test_overlay_blends_and_leaves_the_background():
    image = np.full((20, 30, 3), 100, np.uint8)
    ids = np.zeros((20, 30), np.uint8)
    ids[5:15, 5:15] = 1
    ids[5:15, 20:] = 255
    drawn = overlay(image, ids, CLASSES, 0.5, outline=False)
    np.testing.assert_array_equal(drawn[0, 0], [100, 100, 100])
    np.testing.assert_allclose(drawn[10, 10], 50 + palette(3)[1] / 2, atol=1)
    np.testing.assert_allclose(drawn[10, 25], 50 + np.array(IGNORE_COLOUR) / 2, atol=1)
    np.testing.assert_array_equal(overlay(image, ids, CLASSES)[10, 14], palette(3)[1])
    np.testing.assert_array_equal(overlay(image, ids, ClassMap(("sea", "cat")), 1.0)[0, 0], [0, 0, 0])


def test_the_legend_shows_the_colours_of_the_classes_that_occur():
    drawn = {tuple(int(value) for value in colour) for colour in legend(CLASSES, [0, 2, 255], 400).reshape(-1, 3)}
    assert tuple(palette(3)[2].tolist()) in drawn
    assert IGNORE_COLOUR in drawn
    assert tuple(palette(3)[1].tolist()) not in drawn


@pytest.mark.parametrize("width", [10, 300, 2000])
def test_a_legend_fits_below_any_image(width):
    rgb = np.zeros((10, width, 3), np.uint8)
    drawn = with_legend(rgb, ClassMap(tuple(f"class {i} of many" for i in range(30))), iter(range(30)))
    assert drawn.shape[0] > 10
    assert drawn.shape[1] >= width
    left = (drawn.shape[1] - width) // 2
    np.testing.assert_array_equal(drawn[:10, left : left + width], rgb)


def test_names_in_any_script_are_drawn_or_replaced_sign_by_sign():
    for text in ("кошка", "γάτα", "Straße"):
        assert font_for(text, 16)[1] == text
    assert fallback_fonts("кошка") == ()
    font, text = font_for("\U0001fbff cat", 16)  # a sign of a block that hardly any font holds
    assert text in ("? cat", "\U0001fbff cat")
    assert font.getlength(text) > 0
    assert default_font().is_file()


@pytest.mark.parametrize("ending", ["\n", "\r", "\x1d", "\x85", "\u2029"])
def test_a_name_of_two_lines_is_drawn_in_one(ending):
    assert text_mask(f"big{ending}cat", 16).tobytes() == text_mask("big cat", 16).tobytes()


def test_a_category_may_have_a_name_of_two_lines(tmp_path):
    folder = make_coco_folder(tmp_path / "data")
    for split in ("train", "val"):
        folder.parts[split]["categories"][0]["name"] = "big\ncat"
    folder.write()
    result = check_instance(config(folder, tmp_path / "output"))
    assert result.valid and (tmp_path / "output/check_dataset/histogram.png").is_file()


def test_nothing_is_written_to_home_and_no_global_state_is_touched(folder, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    code = f"""
import sys
from segcli.steps.check.semantic import check_semantic
from segcli.config.schema import Config
check_semantic(Config.model_validate({{"Global": {{"model": "m", "dataset_dir": {str(folder.root)!r},
    "output": {str(tmp_path / "output")!r}}}}}))
assert "matplotlib.pyplot" not in sys.modules
assert "paddle" not in sys.modules
"""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("XDG", "MPL"))}
    subprocess.run([sys.executable, "-c", code], check=True, env={**variables, "HOME": str(home)}, timeout=60)
    assert list(home.iterdir()) == []


def test_large_images_are_drawn_small(folder, tmp_path):
    big = cv2.resize(cv2.imread(str(folder.image("a0"))), (2400, 1200))
    mask = cv2.resize(cv2.imread(str(folder.mask("a0")), 0), (2400, 1200), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(folder.image("a0")), big)
    cv2.imwrite(str(folder.mask("a0")), mask)
    result = check_semantic(config(folder, tmp_path / "output", demo_images=1))
    drawn = cv2.imread(str(tmp_path / "output" / result.sample_paths[Split.TRAIN][0]))
    assert drawn.shape[1] == 960
    assert 480 < drawn.shape[0] < 600


def group_of(page: str, rule_id: str) -> str:
    """What the page says of one rule."""
    _, _, after = page.partition(f"<code>{rule_id}</code>")
    return after.partition("<summary><code>")[0].partition("<h2>")[0]


def shown(page: str, rule_id: str) -> list[np.ndarray]:
    """The thumbnails of one rule, BGR."""
    data = re.findall(r"data:image/jpeg;base64,([^\"]+)", group_of(page, rule_id))
    return [cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR) for text in data]


def test_faulty_places_are_shown_with_the_page_of_their_rule(folder, tmp_path):
    ids = cv2.imread(str(folder.mask("a1")), cv2.IMREAD_GRAYSCALE)
    ids[:24] = 77
    cv2.imwrite(str(folder.mask("a1")), ids)
    cv2.imwrite(str(folder.image("a4")), cv2.resize(cv2.imread(str(folder.image("a0"))), None, fx=2, fy=2))
    cv2.imwrite(str(folder.mask("a4")), cv2.resize(ids, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST) % 3)
    folder.image("a2").write_bytes(b"")
    output = tmp_path / "output"
    check_semantic(config(folder, output))
    page = (output / "check_dataset" / "report.html").read_text(encoding="utf-8")
    (unknown,) = shown(page, "S304")
    upper, lower = np.split(unknown.astype(int), 2)
    assert upper.mean(axis=(0, 1))[2] > 200 > lower.mean(axis=(0, 1))[2]
    (pair,) = shown(page, "S501")
    assert pair.shape[1] > 2 * unknown.shape[1]
    assert shown(page, "S203") == []
    assert "segcli rule S304" in group_of(page, "S304")
    assert "<pre>classes 0 to 2" in group_of(page, "S304")


def test_a_faulty_object_is_shown_in_its_surroundings(tmp_path):
    folder = make_coco_folder(tmp_path / "data")
    folder.entry("train")["segmentation"] = [[5, 5, 25, 25, 25, 5, 5, 25, 2, 25, 2, 5]]
    folder.write()
    output = tmp_path / "output"
    values = {"Global": {"model": "SOLOv2", "dataset_dir": str(folder.root), "output": str(output)}}
    check_instance(Config.model_validate(values))
    page = (output / "check_dataset" / "report.html").read_text(encoding="utf-8")
    (drawn,) = shown(page, "C126")
    green = (drawn[..., 1] > 150) & (drawn[..., 0] < 130) & (drawn[..., 2] < 60)
    assert green.any()


def test_the_text_of_a_page_becomes_html_without_letting_any_in():
    assert code_marked("a <b> `c<d`") == "a &lt;b&gt; <code>c&lt;d</code>"
    assert code_marked("```yaml\nx: `1`\n```\n") == "<pre>x: <code>1</code></pre>"


def test_a_drawing_that_another_check_removed_is_left_out(folder, tmp_path):
    result = check_semantic(config(folder, tmp_path / "output", demo_images=2))
    gone, *others = [path for paths in result.sample_paths.values() for path in paths]
    (tmp_path / "output" / gone).unlink()
    write_check_report(result, tmp_path / "output", {}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert Path(gone).stem not in page
    assert others and all(Path(path).stem in page for path in others)
