"""The networks are written so that Paddle's converter to ONNX takes them as they are, prompts in any number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.models.promptable.lseg.lseg import PixelGraph, TextGraph
from segcli.models.promptable.lseg.tokenizer import tokenize
from segcli.models.promptable.sam.sam import TINY, PromptDecoder
from segcli.models.promptable.table import build_promptable_network

pytestmark = pytest.mark.slow
DIM = TINY.prompt_dim
GENERATOR = np.random.default_rng(0)


def export(network: paddle.nn.Layer, specs: list[tuple[str, list[int], str]], folder: Path) -> Any:
    paddle2onnx = pytest.importorskip("paddle2onnx", reason="paddle2onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    network.eval()
    inputs = [paddle.static.InputSpec(shape, kind, name) for name, shape, kind in specs]
    paddle.jit.save(network, str(folder / "inference"), input_spec=inputs)
    target = folder / "model.onnx"
    paddle2onnx.export(
        str(folder / "inference.json"), str(folder / "inference.pdiparams"), str(target), opset_version=17,
        optimize_tool="None",
    )  # fmt: skip
    assert target.stat().st_size > 10_000
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(target), options, providers=["CPUExecutionProvider"])


def floats(*shape: int) -> Any:
    return GENERATOR.standard_normal(shape).astype(np.float32)


def test_sam_encoder(tmp_path: Path) -> None:
    network = build_promptable_network("SAM-tiny")
    session = export(network.image_encoder, [("image", [1, 3, 256, 256], "float32")], tmp_path)
    image = floats(1, 3, 256, 256)

    exported = session.run(None, {"image": image})[0]

    with paddle.no_grad():
        expected = network.image_encoder(paddle.to_tensor(image)).numpy()
    np.testing.assert_allclose(exported, expected, atol=1e-4)


def test_sam_decoder_takes_any_number_of_objects_and_points(tmp_path: Path) -> None:
    network = build_promptable_network("SAM-tiny")
    side = 4 * network.grid
    specs = [
        ("image_embedding", [1, DIM, network.grid, network.grid], "float32"),
        ("coords", [-1, -1, 2], "float32"),
        ("labels", [-1, -1], "float32"),
        ("mask", [1, 1, side, side], "float32"),
        ("has_mask", [1], "float32"),
    ]
    decoder = PromptDecoder(network)
    session = export(decoder, specs, tmp_path)
    for objects, points, has_mask in ((1, 2, 0), (1, 4, 1), (3, 2, 1), (3, 4, 0)):
        coords = 256 * GENERATOR.random((objects, points, 2)).astype(np.float32)
        labels = GENERATOR.integers(-1, 4, (objects, points)).astype(np.float32)
        arrays = [floats(1, DIM, network.grid, network.grid), coords, labels, floats(1, 1, side, side)]
        arrays.append(np.full(1, has_mask, np.float32))

        masks, iou = session.run(None, {name: array for (name, _, _), array in zip(specs, arrays, strict=True)})

        with paddle.no_grad():
            expected = decoder(*map(paddle.to_tensor, arrays))
        np.testing.assert_allclose(masks, expected[0].numpy(), atol=1e-4)
        np.testing.assert_allclose(iou, expected[1].numpy(), atol=1e-4)


def test_lseg_halves(tmp_path: Path) -> None:
    network = build_promptable_network("LSeg-tiny")
    network.eval()
    pixels = export(PixelGraph(network), [("image", [1, 3, 96, 96], "float32")], tmp_path / "image")
    texts = export(TextGraph(network), [("tokens", [-1, 77], "int64")], tmp_path / "text")
    image = floats(1, 3, 96, 96)

    for labels in (["others", "bear"], ["a", "b c", "d"]):
        tokens = tokenize(labels)
        exported = pixels.run(None, {"image": image})[0], texts.run(None, {"tokens": tokens})[0]
        with paddle.no_grad():
            expected = network.encode_image(paddle.to_tensor(image)), network.encode_text(paddle.to_tensor(tokens))
        for ours, theirs in zip(exported, expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)
