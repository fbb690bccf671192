"""The report and the required values of a promptable evaluation."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.promptable.encoded import ImageHolder
from tests.coco_folder import make_coco_folder
from tests.promptable_weights import promptable_weights
from tests.seg_folder import make_seg_folder


def evaluated(tmp_path, model, data, *options: str):
    command = ["evaluate", str(data), "--model", model, "--weights", str(promptable_weights(model))]
    return CliRunner().invoke(main, [*command, "--output", str(tmp_path / "out"), "--device", "cpu", *options])


def test_clicks_have_a_page_and_can_fail_a_pull_request(tmp_path):
    data = make_coco_folder(tmp_path / "data", train=1, val=1).root
    outcome = evaluated(tmp_path, "SAM-tiny", data, "--fail-under", "miou_box=0.999")
    assert outcome.exit_code == 1 and "is below 0.999" in outcome.output, outcome.output
    page = (tmp_path / "out/evaluate_report.html").read_text(encoding="utf-8")
    text = (tmp_path / "out/evaluate_report.md").read_text(encoding="utf-8")
    for part in ("miou_box", "How it is measured", "Worst objects", "IoU 3_clicks", "segcli evaluate", "only 1 image"):
        assert part in page and part in text, part
    outcome = evaluated(tmp_path, "SAM-tiny", data, "--fail-under", "mAP=0.5")
    assert outcome.exit_code == 2 and "mAP, which is not measured" in outcome.output


def test_texts_have_a_page_with_their_classes(tmp_path):
    data = make_seg_folder(tmp_path / "data").root
    outcome = evaluated(tmp_path, "LSeg-tiny", data, "--fail-under", "mIoU=0")
    assert outcome.exit_code == 0, outcome.output
    text = (tmp_path / "out/evaluate_report.md").read_text(encoding="utf-8")
    for part in ("binary_mIoU", "How it is measured", "### Classes"):
        assert part in text, part


@pytest.mark.parametrize("model", ["SAM-tiny", "LSeg-tiny"])
def test_image_on_which_the_network_fails_is_named(tmp_path, monkeypatch, model):
    def fail(_holder, _image, **_options):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(ImageHolder, "set_image", fail)
    make = make_coco_folder if model == "SAM-tiny" else make_seg_folder
    outcome = evaluated(tmp_path, model, make(tmp_path / "data").root, "--json")
    result = json.loads(outcome.stdout)
    assert outcome.exit_code == 1
    assert result["err_type"] == "FailedImageError"
    assert re.search(r"\.(png|jpg): the model fails on this image of 64 x \d+ px: .* no such kernel", result["err_msg"])
