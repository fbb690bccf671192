"""YOLO and Pascal VOC sets are trained on and measured as they come, without a conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.config.load import from_values
from segcli.config.recipe import with_recipe
from segcli.models.table import get_spec
from segcli.steps.convert.command import ConvertOptions, transfer_dataset
from segcli.tasks import engine_of
from tests.coco_folder import NAMES, make_coco_folder
from tests.seg_folder import make_seg_folder

SMALL: dict[str, dict[str, Any]] = {
    "SeedUNet-S": {"Train.input_size": 64, "Train.epochs_iters": 1},
    "UNet-S": {"Train.transforms": [{"type": "Resize", "target_size": [64, 64]}, {"type": "Normalize"}]},
}


def in_format(root: Path, name: str) -> Path:
    make = {"yolo": make_coco_folder, "voc": make_seg_folder}[name]
    made = make(root / "source", train=3, val=2)
    transfer_dataset(made.root, root / name, name, ConvertOptions(allow_lossy=True))
    return root / name


@pytest.mark.parametrize(
    ("name", "model", "classes"), [("yolo", "SeedUNet-S", NAMES), ("voc", "UNet-S", ("_background_", "cat", "dog"))]
)
def test_a_step_and_an_evaluation(tmp_path, name, model, classes):
    given = {"Global.model": model, "Global.dataset_dir": str(in_format(tmp_path, name)), "Train.plan": "off"}
    config = with_recipe(from_values({**given, "Train.batch_size": 2, "Global.device": "cpu", **SMALL[model]}).config)
    spec = get_spec(model)
    session = engine_of(spec.task).open_training(spec, config)
    assert session.classes.names == tuple(classes)
    assert len(session.train_images) == 3
    session.network.train()
    loss = session.losses(next(session.batches(0)))["loss"]
    loss.backward()
    assert np.isfinite(float(loss))
    session.network.eval()
    measured = session.evaluate(session.network)
    assert measured.metrics["images"] == 2
    assert session.evaluate(session.network, most=1).metrics["images"] == 1
