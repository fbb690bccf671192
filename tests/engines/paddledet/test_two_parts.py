"""R-CNNs in two parts find what they find in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddledet.inference import ArrayForward, small_masks
from segcli.engines.paddledet.two_parts import RcnnHeads, RcnnStem, save_two_parts
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.split_runtime import SplitRuntime
from tests.engines.paddledet import tiny

FPN, C4, CASCADE = "MaskRCNN-ResNet50-FPN", "MaskRCNN-ResNet50", "Cascade-MaskRCNN-ResNet50-FPN"


def network(name: str) -> Any:
    built = tiny.network(name)
    built.eval()
    if name == C4:  # random weights end in scores of 1
        for layer in (built.bbox_head.bbox_score, built.bbox_head.bbox_delta):
            layer.weight.set_value(layer.weight * 1e-3)
    return built


def feeds(images: int, height: int, width: int) -> dict[str, np.ndarray]:
    shape = np.array([[height, width]] * images, np.float32)
    image = np.random.default_rng(0).random((images, 3, height, width), np.float32)
    return {"im_shape": shape, "image": image, "scale_factor": np.ones_like(shape)}


@pytest.mark.parametrize("name", [FPN, CASCADE, pytest.param(C4, marks=pytest.mark.slow)])
def test_the_parts_make_the_whole(name: str) -> None:
    whole = network(name)
    given = feeds(1, tiny.HEIGHT, tiny.WIDTH)
    expected = ArrayForward(whole)(given)
    stem, heads = RcnnStem(whole), RcnnHeads(whole)
    with paddle.no_grad(), small_masks(whole):
        features = stem(paddle.to_tensor(given["image"]))
        found = heads(*(paddle.to_tensor(given[key]) for key in ("im_shape", "scale_factor")), features)

    assert len(expected[0]) > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours.numpy(), theirs)
    own = {id(value) for value in heads.parameters()}
    assert not own & {id(value) for value in stem.parameters()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [FPN, CASCADE])
def test_the_stem_runs_elsewhere_on_images_of_any_size(name: str, tmp_path: Path) -> None:
    whole = network(name)
    save_two_parts(whole, tmp_path / "stem", tmp_path / "heads")
    onnx = convert_program(tmp_path / "stem.json", tmp_path / "stem.pdiparams", tmp_path / "stem.onnx")
    heads = PaddleRuntime(tmp_path / "heads.json", tmp_path / "heads.pdiparams", "cpu", 1)
    sizes = [(1, 64, 96), (1, 96, 64), *([(2, 128, 96)] if name == FPN else [])]
    for stem in (OnnxRuntime(onnx, 1), OpenVinoRuntime(onnx, 1)):
        runtime = SplitRuntime(stem, heads)
        assert runtime.name == f"{stem.name}+paddle"
        for size in sizes:
            expected = ArrayForward(whole)(feeds(*size))
            found = runtime.run_named(feeds(*size))
            assert [value.shape for value in found] == [value.shape for value in expected]
            assert max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True)) < 1e-3
        assert np.array_equal(runtime.run(feeds(*size)["image"]), found[0])
