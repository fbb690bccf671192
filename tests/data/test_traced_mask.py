"""A mask is decoded and traced once, whoever draws or writes it."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.sources import SourceItem
from segcli.data.traced_mask import TracedMask
from segcli.steps.predict.instance_results import InstanceResult


def test_it_is_traced_when_this_is_needed() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 10:20] = 1
    traced = TracedMask(rle.encode(mask))
    assert traced.area_px == 100
    assert traced.crop is not None and traced.crop[0].shape == (10, 10) and traced.crop[1:] == (10, 5)
    assert len(traced.outlines) == 1
    nothing = TracedMask(rle.encode(np.zeros((20, 30), np.uint8)))
    assert nothing.crop is None and nothing.outlines == ()


def test_all_files_of_a_result_take_one_decoding(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 1
    found = Detections(
        classes=np.zeros(1, np.int64), scores=np.ones(1, np.float32), boxes=None, masks=[rle.encode(mask)]
    )
    item = SourceItem("a.png", None, tmp_path / "a", np.zeros((48, 64, 3), np.uint8))
    decoded, decode = [], rle.decode_crop
    monkeypatch.setattr(rle, "decode_crop", lambda code: decoded.append(code) or decode(code))
    InstanceResult(item, found, ClassMap(("a",))).write_files(tmp_path, "compact")
    assert len(decoded) == 1
