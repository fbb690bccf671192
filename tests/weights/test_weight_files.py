from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from safetensors.numpy import load_file, save_file

from segcli.errors import WeightsError
from segcli.weights.files import read_weights, weight_format, write_pdparams, write_safetensors

TENSORS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.count": np.array(7, dtype=np.int64),
    "b": np.array([True, False]),
    "half": np.array([1.5, -2], dtype=np.float16),
    "empty": np.zeros((0, 3), dtype=np.float64),
}


def assert_equal(ours: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(ours) == set(expected)
    for name, array in expected.items():
        assert ours[name].dtype == array.dtype
        np.testing.assert_array_equal(ours[name], array)


def test_pdparams_round_trip_and_paddle_reads_it(tmp_path: Path) -> None:
    write_pdparams(tmp_path / "deep" / "a.pdparams", TENSORS)

    assert weight_format(tmp_path / "deep" / "a.pdparams") == "pdparams"
    assert_equal(read_weights(tmp_path / "deep" / "a.pdparams"), TENSORS)
    loaded = paddle.load(str(tmp_path / "deep" / "a.pdparams"))
    assert_equal({name: np.asarray(tensor) for name, tensor in loaded.items()}, TENSORS)


def test_safetensors_round_trip_against_the_official_library(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "ours.bin", TENSORS, {"classes": "a,b"})
    save_file(TENSORS, tmp_path / "theirs.bin", {"classes": "a,b"})

    assert weight_format(tmp_path / "ours.bin") == "safetensors"
    assert_equal(load_file(tmp_path / "ours.bin"), TENSORS)
    assert_equal(read_weights(tmp_path / "ours.bin"), TENSORS)
    assert_equal(read_weights(tmp_path / "theirs.bin"), TENSORS)


def test_safetensors_bfloat16(tmp_path: Path) -> None:
    bits = (np.array([1.0, -0.15625], dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)
    header = b'{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes())

    assert read_weights(tmp_path / "a")["w"].tolist() == [1.0, -0.15625]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,80]}}', "invalid shape, data type, or offset"),
        (b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', "invalid shape, data type, or offset"),
        (b'{"w":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}', "F8_E4M3"),
        (b'{"w":{"dtype":"F32"}}', "no intact safetensors"),
        (b'{"w":', "no intact safetensors"),
    ],
)
def test_malformed_safetensors(tmp_path: Path, header: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))

    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04 cut", "truncated zip"),
        (b"hello", "no weight file"),
    ],
)
def test_strangers_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.pdparams").write_bytes(content)

    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / "a.pdparams")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(tmp_path / "absent")
    with pytest.raises(WeightsError, match="is a folder"):
        read_weights(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"w": np.ones(2, np.float32)})
    before = path.read_bytes()

    with pytest.raises(WeightsError, match="lacks"):
        write_safetensors(path, {"w": np.array(["text"])})

    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]
