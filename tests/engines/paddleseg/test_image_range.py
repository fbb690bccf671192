"""12 bits in 16 are learnt from as they were meant, and the model says so."""

from __future__ import annotations

import cv2
import numpy as np

from segcli.config.load import from_values
from segcli.config.recipe import with_recipe
from segcli.data.decoding.used_range import SETTING
from segcli.models.table import get_spec
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.tasks import engine_of
from tests.images import make_seg_dataset


def test_training_reads_what_the_check_reads(tmp_path, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)
    root = make_seg_dataset(tmp_path / "data", train=2, val=1)
    for path in (root / "images").iterdir():
        cv2.imwrite(str(path), (cv2.imread(str(path)).astype(np.uint16) << 4) + 15)
    given = {"Global.model": "UNet-S", "Global.dataset_dir": str(root), "Train.plan": "off"}
    transforms = [{"type": "Resize", "target_size": [64, 64]}, {"type": "Normalize"}]
    config = with_recipe(from_values({**given, "Train.transforms": transforms}).config)
    spec = get_spec("UNet-S")
    session = engine_of(spec.task).open_training(spec, config)
    assert session.preprocess.image_range == (0, 4095)
    image = next(session.batches(0)).tensors["img"].numpy()
    assert image.max() > 0.5, "not the black that 12 of 16 bits would be"
    seen = examine_seg_dataset(root)
    assert {found.code for found in seen.findings} & {"S211", "S216"} == {"S211"}
    assert "read as 0 to 4095" in next(found.message for found in seen.findings if found.code == "S211")
    dark = examine_seg_dataset(root, settings=PassSettings(image_range="bits"))
    assert sum(found.code == "S216" for found in dark.findings) == 3, "by all bits their content is lost"
