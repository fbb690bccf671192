"""Fills a network with the deterministic weights of the golden files (shared/refs/detweights.py)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle

UNUSED = ("visual.", "logit_scale", "pretrained.model.head.", "pretrained.model.norm.", "num_batches_tracked")


def read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def detweights(shared: Callable[[str], Path]) -> Any:
    spec = importlib.util.spec_from_file_location("detweights", shared("refs/detweights.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def paddle_name(name: str) -> str:
    name = name.removeprefix("net.").replace("running_mean", "_mean")
    return name.replace("running_var", "_variance")


def paddle_shapes(reference: dict[str, Any], unused: Collection[str] = UNUSED) -> dict[str, list[int]]:
    """Paddle's names and shapes for a reference's torch names and shapes."""
    linear = set(reference["linear_weights"])
    return {
        paddle_name(name): list(reversed(shape)) if name in linear else list(shape)
        for name, shape in reference["state_dict"].items()
        if not any(part in name for part in unused)
    }


def golden_arrays(
    shared: Callable[[str], Path], reference: dict[str, Any], unused: Collection[str] = UNUSED
) -> dict[str, npt.NDArray[np.float32]]:
    make = detweights(shared).det_array
    linear = set(reference["linear_weights"])
    return {
        paddle_name(name): make(name, shape).T if name in linear else make(name, shape)
        for name, shape in reference["state_dict"].items()
        if not any(part in name for part in unused)
    }


def fill(network: paddle.nn.Layer, arrays: dict[str, npt.NDArray[np.float32]]) -> None:
    assert set(network.state_dict()) == set(arrays)
    network.set_state_dict({name: paddle.to_tensor(np.ascontiguousarray(a)) for name, a in arrays.items()})
    network.eval()


def largest_difference(ours: paddle.Tensor, reference: npt.NDArray[np.float32]) -> float:
    assert tuple(ours.shape) == reference.shape
    return float(np.abs(ours.numpy() - reference).max())
