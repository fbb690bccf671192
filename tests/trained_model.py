"""A network with random weights that tell images apart, saved as training saves it, and exported once a test run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from segcli.config.schema import Config
from tests.files import shared_folder
from tests.images import make_seg_dataset

MODEL = "PP-LiteSeg-T"
NAMES = ("_background_", "red", "blue")


def make_config(output: Path, dataset: Path | None = None, *, model: str = MODEL, **sections) -> Config:
    shared = {"model": model, "output": str(output), "dataset_dir": None if dataset is None else str(dataset)}
    return Config.model_validate({"Global": shared, **sections})


def save_weights(folder: Path, *, model: str = MODEL, names: tuple[str, ...] = NAMES, seed: int = 3) -> Path:
    """`model.pdparams` and its card in `folder`."""
    import numpy as np
    import paddle

    from segcli.models.card import ModelCard
    from segcli.models.table import get_spec
    from segcli.networks import build_network

    paddle.seed(seed)
    network = build_network(model, len(names))
    for weight in network.parameters():
        if weight.ndim == 4:
            spread = (2 / np.prod(weight.shape[1:])) ** 0.5
            weight.set_value(paddle.randn(weight.shape) * spread)
    folder.mkdir(parents=True, exist_ok=True)
    paddle.save(network.state_dict(), str(folder / "model.pdparams"))
    ModelCard(model, names, preprocess=get_spec(model).preprocess).save(folder)
    return folder / "model.pdparams"


@cache
def trained_run() -> Path:
    """A folder with `data`, and with `run/best_model` and its export in `run/best_model/inference`.

    Tests read it and never write into it.
    """
    from segcli.steps.export.command import export_weights

    root = shared_folder()
    make_seg_dataset(root / "data", train=2, val=3)
    weights = save_weights(root / "run" / "best_model")
    export_weights(weights, weights.parent / "inference", make_config(root / "run", root / "data"))
    return root
