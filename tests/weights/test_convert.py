from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.errors import UsageError, WeightsError
from segcli.models.promptable.table import build_promptable_network
from segcli.weights.convert import convert_weights, guess_architecture, network_layout
from segcli.weights.files import read_weights, write_pdparams, write_safetensors
from tests.weights.torch_fixtures import plain, write_legacy, write_zip

RANDOM = np.random.default_rng(0)


def torch_tensors(name: str, prefix: str = "") -> dict[str, Any]:
    """A file's tensors as torch would hold them: its own names, linear weights [out, in], counters."""
    layout = network_layout(name)
    tensors: dict[str, Any] = {}
    for key, shape in layout.shapes.items():
        array = RANDOM.standard_normal(shape).astype(np.float32)
        torch_name = key.replace("._mean", ".running_mean").replace("._variance", ".running_var")
        tensors[prefix + torch_name] = np.ascontiguousarray(array.T) if key in layout.linear else array
        if key.endswith("._mean"):
            tensors[prefix + torch_name.replace("running_mean", "num_batches_tracked")] = np.array(9)
    return tensors


def as_stored(tensors: dict[str, Any]) -> OrderedDict[str, Any]:
    kinds = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}
    return OrderedDict((name, plain(array, kinds[str(array.dtype)])) for name, array in tensors.items())


def test_sam_from_torch(tmp_path: Path) -> None:
    tensors = torch_tensors("SAM-tiny")
    source = write_zip(tmp_path / "sam.pth", as_stored({**tensors, "pixel_mean": np.ones((3, 1, 1), np.float32)}))

    report = convert_weights(source, tmp_path / "sam.pdparams")

    assert report.architecture == "SAM-tiny"
    assert report.source_format == "torch"
    assert (report.missing, report.extra, report.unused) == ((), (), ("pixel_mean",))
    assert report.tensors == len(tensors)
    network = build_promptable_network("SAM-tiny")
    linear = network_layout("SAM-tiny").linear
    assert set(report.transposed) == linear
    network.set_state_dict(paddle.load(str(tmp_path / "sam.pdparams")))
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), tensors[name].T if name in linear else tensors[name])


def test_lseg_from_a_lightning_checkpoint(tmp_path: Path) -> None:
    tensors = torch_tensors("LSeg-tiny", "net.")
    unused = {
        "net.clip_pretrained.visual.proj": np.ones((4, 2), np.float32),
        "net.clip_pretrained.logit_scale": np.array(2.6, np.float32),
        "net.pretrained.model.head.weight": np.ones((10, 4), np.float32),
        "net.pretrained.model.norm.bias": np.ones(4, np.float32),
    }
    source = write_legacy(tmp_path / "a.ckpt", {"epoch": 1, "state_dict": as_stored({**tensors, **unused})})

    report = convert_weights(source, tmp_path / "a.safetensors")

    assert report.architecture == "LSeg-tiny"
    assert set(unused) < set(report.unused)
    assert all(name in unused or name.endswith("num_batches_tracked") for name in report.unused)
    written = read_weights(tmp_path / "a.safetensors")
    assert set(written) == set(network_layout("LSeg-tiny").shapes)
    name = "scratch.refinenet1.resConfUnit1.bn1.running_var"
    assert report.renamed[f"net.{name}"] == "scratch.refinenet1.resConfUnit1.bn1._variance"
    np.testing.assert_array_equal(written["scratch.refinenet1.resConfUnit1.bn1._variance"], tensors[f"net.{name}"])


def test_paddle_layout_is_told_by_shapes(tmp_path: Path) -> None:
    network = build_promptable_network("SAM-tiny")
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    write_safetensors(tmp_path / "paddle.safetensors", arrays)

    report = convert_weights(tmp_path / "paddle.safetensors", tmp_path / "b.pdparams")

    assert report.transposed == ()
    written = read_weights(tmp_path / "b.pdparams")
    assert all(np.array_equal(written[name], array) for name, array in arrays.items())


def test_half_precision_is_widened(tmp_path: Path) -> None:
    tensors = {name: array.astype(np.float16) for name, array in torch_tensors("SAM-tiny").items()}

    convert_weights(write_zip(tmp_path / "a.pth", as_stored(tensors)), tmp_path / "a.pdparams")

    written = read_weights(tmp_path / "a.pdparams")
    assert {array.dtype for array in written.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(written["image_encoder.pos_embed"], tensors["image_encoder.pos_embed"])


def test_missing_extra_and_misshapen_are_all_named(tmp_path: Path) -> None:
    tensors = torch_tensors("SAM-tiny")
    del tensors["mask_decoder.iou_token.weight"]
    tensors["image_encoder.pos_embed"] = tensors["image_encoder.pos_embed"][:, :5]
    tensors["my.own.layer"] = np.ones(3, np.float32)
    source = write_zip(tmp_path / "a.pth", as_stored(tensors))

    with pytest.raises(WeightsError, match="does not fit SAM-tiny") as caught:
        convert_weights(source, tmp_path / "a.pdparams")

    message = str(caught.value)
    assert "1 missing from the file: mask_decoder.iou_token.weight" in message
    assert "1 unknown to the network: my.own.layer" in message
    assert "image_encoder.pos_embed (1, 5, 32, 64) instead of (1, 32, 32, 64)" in message
    assert not (tmp_path / "a.pdparams").exists()


def test_strange_file_and_wrong_calls(tmp_path: Path) -> None:
    write_pdparams(tmp_path / "a.pdparams", {"w": np.ones((2, 3), np.float32)})

    with pytest.raises(WeightsError, match="fits no network"):
        convert_weights(tmp_path / "a.pdparams", tmp_path / "b.pdparams")
    with pytest.raises(UsageError, match="SAM-Z"):
        convert_weights(tmp_path / "a.pdparams", tmp_path / "b.pdparams", "SAM-Z")
    with pytest.raises(WeightsError, match="no known suffix"):
        convert_weights(tmp_path / "a.pdparams", tmp_path / "b.txt")
    with pytest.raises(WeightsError, match="both source and target"):
        convert_weights(tmp_path / "a.pdparams", tmp_path / "a.pdparams", "none")
    report = convert_weights(tmp_path / "a.pdparams", tmp_path / "b.safetensors", "none")
    assert (report.tensors, report.source_format) == (1, "pdparams")
    assert read_weights(tmp_path / "b.safetensors")["w"].shape == (2, 3)


@pytest.mark.parametrize("name", ["MobileSAM", "SAM-tiny", "LSeg-tiny"])
def test_architecture_is_guessed(name: str) -> None:
    assert guess_architecture(torch_tensors(name, "module.")) == name


@pytest.mark.parametrize("name", ["SAM-B", "SAM-L", "SAM-H", "LSeg-L"])
def test_large_architectures_are_guessed(name: str) -> None:
    layout = network_layout(name)
    # Views of one number have the shapes without the gigabytes.
    zero = np.float32(0)
    tensors = {
        key: np.broadcast_to(zero, shape[::-1] if key in layout.linear else shape)
        for key, shape in layout.shapes.items()
    }

    assert guess_architecture(tensors) == name
