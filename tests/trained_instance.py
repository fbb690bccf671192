"""PP-YOLOE_seg-S with random weights that find something, saved as training saves it and exported once a test run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.files import shared_folder
from tests.instance_run import configure, make_rectangles

MODEL = "PP-YOLOE_seg-S"
NAMES = ("кот", "dog")
SIDE = 64


def save_instance_weights(folder: Path, *, names: tuple[str, ...] = NAMES, side: int = SIDE) -> Path:
    """`best_model.pdparams` and its card in `folder`."""
    import numpy as np
    import paddle

    from segcli.models.card import ModelCard
    from segcli.models.instance.table import SIZED
    from segcli.networks import build_network

    paddle.seed(3)
    network = build_network(MODEL, len(names), input_size=side)
    for name, weight in network.named_parameters():
        if weight.ndim == 4 and "proj_conv" not in name:  # fixed: what its outputs mean
            spread = (2 / np.prod(weight.shape[1:])) ** 0.5
            weight.set_value(paddle.randn(weight.shape) * spread)
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0
    with paddle.no_grad():  # normalised features, so that masks and scores are decided
        network.yolo_head.predict(network.neck(network.backbone({"image": paddle.rand([4, 3, side, side])})))
    folder.mkdir(parents=True, exist_ok=True)
    paddle.save(network.state_dict(), str(folder / "best_model.pdparams"))
    ModelCard(MODEL, names, preprocess=SIZED[MODEL].preprocess(side)).save(folder)
    return folder / "best_model.pdparams"


@cache
def trained_instance_run() -> Path:
    """A folder with `data`, and with `run/best_model` and its export in `run/best_model/inference`.

    Tests read it and never write into it.
    """
    from segcli.steps.export.command import export_weights

    root = shared_folder()
    make_rectangles(root / "data", train=2, val=3)
    weights = save_instance_weights(root / "run" / "best_model")
    export_weights(weights, weights.parent / "inference", configure(MODEL, root / "data", root / "run"))
    return root
