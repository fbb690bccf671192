from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segcli.errors import InputError, WeightsError
from segcli.steps.verify_weights import verify_weights
from segcli.weights.files import read_weights, write_pdparams
from tests.models.promptable.golden_weights import golden_arrays, read_json
from tests.promptable_weights import promptable_weights

Shared = Callable[[str], Path]


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return promptable_weights("SAM-tiny")


def verdicts(report: Any) -> dict[str, bool]:
    return {check.name: check.passed for check in report.checks}


def test_a_whole_file_is_recognised(sam: Path) -> None:
    report = verify_weights(sam)

    assert (report.model, report.passed) == ("SAM-tiny", True)


def test_missing_extra_and_broken_tensors_are_named(sam: Path, tmp_path: Path) -> None:
    tensors = dict(read_weights(sam))
    name = "mask_decoder.iou_token.weight"
    tensors["stranger"] = tensors.pop(name)
    write_pdparams(tmp_path / "a.pdparams", tensors)
    report = verify_weights(tmp_path / "a.pdparams", "SAM-tiny")
    assert not report.passed
    assert name in report.checks[0].found
    assert "stranger" in report.checks[0].found

    write_pdparams(tmp_path / "b.pdparams", {**read_weights(sam), name: np.full_like(tensors["stranger"], np.nan)})
    assert verdicts(verify_weights(tmp_path / "b.pdparams")) == {"names and shapes": True, "numbers": False}


def test_lseg_equals_the_originals_outputs_and_other_weights_do_not(shared: Shared, tmp_path: Path) -> None:
    arrays = golden_arrays(shared, read_json(shared("refs/lseg_tiny_state_dict.json")))
    write_pdparams(tmp_path / "lseg.pdparams", arrays)
    golden = shared("refs/lseg_tiny_ref.npz")

    assert verdicts(verify_weights(tmp_path / "lseg.pdparams", golden=golden))["golden logits3"]

    name = "scratch.head1.bias"
    write_pdparams(tmp_path / "other.pdparams", {**arrays, name: arrays[name] + 1})
    assert not verdicts(verify_weights(tmp_path / "other.pdparams", golden=golden))["golden logits3"]


def test_photographs_with_known_masks_tell_trained_weights_from_others(sam: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 40, 3), np.uint8))
    mask = np.zeros((40, 40), np.uint8)
    mask[3, 3] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    objects = [{"box_xyxy": [2, 2, 30, 30], "gt_mask": "m.png"}]
    (tmp_path / "prompts.json").write_text(json.dumps([{"image": "a.png", "objects": objects}]))

    report = verify_weights(sam, photos=tmp_path)

    assert not verdicts(report)["photographs"]
    assert "over 1 objects" in report.checks[-1].found


def test_what_is_no_weight_file_or_golden_file(sam: Path, tmp_path: Path) -> None:
    write_pdparams(tmp_path / "a.pdparams", {"x": np.zeros(3, np.float32)})
    with pytest.raises(WeightsError, match="fits no network"):
        verify_weights(tmp_path / "a.pdparams")
    with pytest.raises(InputError, match=r"no \.npz"):
        verify_weights(sam, golden=sam)
