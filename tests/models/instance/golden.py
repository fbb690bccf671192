"""The golden files of the instance networks: deterministic weights, inputs, outputs of the reference."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import paddle

from segcli.engines.paddledet.networks import build_instance_network
from tests.conftest import shared_path


def maker() -> ModuleType:
    """The reference's own module of weights and inputs."""
    path = shared_path("refs/golden_instance.py")
    spec = importlib.util.spec_from_file_location("golden_instance", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def side(name: str) -> int:
    """Size of the golden image."""
    return 640 if name.startswith("PP-YOLOE") else 128


def files(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and numbers of one model."""
    arrays = np.load(shared_path(f"refs/golden_{name}.npz"))
    numbers = json.loads(Path(shared_path(f"refs/golden_{name}.json")).read_text())
    return {key: arrays[key] for key in arrays.files}, numbers


def network(name: str) -> Any:
    """The network with the golden weights; the constant bins of PP-YOLOE_seg keep their values."""
    net = build_instance_network(name, 80, side(name), overrides={"num_sample_points": 12544})
    weight = maker().det_weight
    net.set_state_dict(
        {key: paddle.to_tensor(weight(key, v.shape)) for key, v in net.state_dict().items() if "proj_conv" not in key}
    )
    return net


def inputs(name: str) -> dict[str, Any]:
    """The golden image."""
    return {key: paddle.to_tensor(value) for key, value in maker().golden_input(side(name)).items()}


def targets(name: str) -> dict[str, Any]:
    """The three golden objects, in the form of the model's reader."""
    golden = maker().golden_target(side(name))
    if not name.startswith("PP-YOLOE"):
        return {key: [paddle.to_tensor(value)] for key, value in golden.items()}
    centre, size = golden["gt_bbox"][:, :2], golden["gt_bbox"][:, 2:]
    corners = np.concatenate([centre - size / 2, centre + size / 2], axis=1) * side(name)
    return {
        "gt_bbox": paddle.to_tensor(corners[None].astype("float32")),
        "gt_class": paddle.to_tensor(golden["gt_class"][None]),
        "gt_segm": paddle.to_tensor(golden["gt_segm"][None]),
        "pad_gt_mask": paddle.ones([1, 3, 1]),
    }
