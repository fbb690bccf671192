"""Exported SOLOv2 programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segcli.engines.paddledet import exporting
from segcli.engines.paddledet.inference import ArrayForward
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime
from tests.engines.paddledet import tiny


def feeds(seed: int, height: int, width: int) -> dict[str, np.ndarray]:
    shape = np.array([[height, width]], np.float32)
    image = np.random.default_rng(seed).random((1, 3, height, width), np.float32)
    return {"im_shape": shape, "image": image, "scale_factor": np.ones_like(shape)}


def agree(runtime: Runtime, find: ArrayForward) -> None:
    for given in (feeds(1, tiny.HEIGHT, tiny.WIDTH), feeds(2, tiny.WIDTH, tiny.HEIGHT)):
        expected, found = find(given), runtime.run_named(given)
        assert len(expected[2]) > 1
        assert [value.shape for value in found] == [value.shape for value in expected]
        assert max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True)) < 1e-4


def exported(folder: Path) -> tuple[PaddleRuntime, ArrayForward]:
    """A network that has seen an image before it was exported."""
    network = tiny.network("SOLOv2")
    network.eval()
    find = ArrayForward(network)
    find(feeds(0, tiny.HEIGHT, tiny.WIDTH))
    exporting.save_program(network, folder / "program", None, small=True)
    return PaddleRuntime(folder / "program.json", folder / "program.pdiparams", "cpu", 1), find


def test_the_export_remembers_no_image(tmp_path: Path) -> None:
    agree(*exported(tmp_path))


def test_an_export_that_remembers_finds_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "forget_last_run", lambda network: None)
    with pytest.raises(AssertionError):
        agree(*exported(tmp_path))


@pytest.mark.slow
def test_the_fast_runtimes_take_computed_kernels(tmp_path: Path) -> None:
    _, find = exported(tmp_path)
    onnx = convert_program(tmp_path / "program.json", tmp_path / "program.pdiparams", tmp_path / "program.onnx")
    agree(OnnxRuntime(onnx, 1), find)
    agree(OpenVinoRuntime(onnx, 1), find)
