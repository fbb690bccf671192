from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcli.data.classes import ClassMap
from segcli.data.palette import palette
from segcli.data.sources import SourceItem
from segcli.steps.predict.semantic_results import SegResult

CLASSES = ClassMap(("_background_", "cat", "dog"))


@pytest.fixture
def result():
    labels = np.zeros((5, 7), np.uint8)
    labels[1:3, 2:5] = 2
    item = SourceItem("in/猫.jpg", None, Path("in/猫"), np.full((5, 7, 3), 100, np.uint8))
    return SegResult(item, labels, CLASSES)


def test_it_has_paddlexs_keys_and_shapes(result):
    assert list(result) == ["input_path", "page_index", "input_img", "pred"]
    assert dict(result).keys() == result.keys() and np.array_equal(result["input_img"], result.rgb)
    assert set(result.json["res"]) == set(result.str["res"]) == {"input_path", "page_index", "pred"}
    assert result["pred"].shape == (1, 5, 7)
    assert result.json["res"]["pred"][0][1] == [0, 0, 2, 2, 2, 0, 0]
    assert set(result.img) == {"res", "overlay"}
    assert result.str["res"]["pred"] == "..."


def test_it_prints_itself(result, capsys):
    result.print()
    assert "in/猫.jpg" in capsys.readouterr().out
    result.print(json_format=True, indent=2, ensure_ascii=True)
    printed = capsys.readouterr().out
    assert json.loads(printed)["res"]["input_path"] == "in/猫.jpg" and "猫" not in printed


@pytest.mark.parametrize("asked", [{"format_json": True}, {"json_format": True}])
def test_it_prints_json_by_the_tutorials_word_and_by_the_codes(result, capsys, asked):
    result.print(**asked)
    assert json.loads(capsys.readouterr().out)["res"]["input_path"] == "in/猫.jpg"


def test_full_json_is_paddlexs_array(result, tmp_path):
    path = result.save_to_json(tmp_path)
    assert path == tmp_path / "in" / "猫_res.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values == result.json["res"]
    named = result.save_to_json(tmp_path / "other.json", indent=2)
    assert json.loads(named.read_text(encoding="utf-8")) == values


def test_compact_json_counts_by_name(result, tmp_path):
    values = json.loads(result.save_to_json(tmp_path, form="compact").read_text(encoding="utf-8"))
    assert values["size"] == [5, 7]
    assert values["classes"] == [
        {"id": 0, "name": "_background_", "pixels": 29, "share": 0.828571},
        {"id": 2, "name": "dog", "pixels": 6, "share": 0.171429},
    ]


def test_the_label_map_is_lossless_and_coloured(result, tmp_path):
    path = result.save_to_img(tmp_path)
    assert path == tmp_path / "in" / "猫_res.png"
    with Image.open(path) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), result.labels)
        assert image.convert("RGB").getpixel((3, 1)) == tuple(palette(3)[2])
    assert (tmp_path / "in" / "猫_overlay.jpg").is_file()
    assert result.save_to_img(tmp_path / "only.bmp") == tmp_path / "only.bmp"


def test_the_overlay_has_the_image_on_top_and_a_legend_below(result):
    overlay = result.img["overlay"]
    assert overlay.height > 5 + 10
    assert overlay.width >= 7


def test_save_all_writes_three_files(result, tmp_path):
    result.save_all(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["猫_overlay.jpg", "猫_res.json", "猫_res.png"]
