from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.errors import WeightsError
from segcli.weights.safe_pickle import read_paddle_object, read_pdparams


class Evil:
    """Runs a command when a naive reader opens it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_equals_paddle_load(tmp_path: Path, protocol: int) -> None:
    network = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4))
    path = tmp_path / "a.pdparams"
    paddle.save(network.state_dict(), str(path), protocol=protocol)

    ours = read_pdparams(path)

    assert list(ours) == list(network.state_dict())
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(ours[name], tensor.numpy())
        assert ours[name].dtype == np.float32


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    values = paddle.to_tensor([1.0, -2.5, 3.140625]).astype("bfloat16")
    paddle.save({"w": values}, str(tmp_path / "a.pdparams"))

    assert read_pdparams(tmp_path / "a.pdparams")["w"].tolist() == [1.0, -2.5, 3.140625]


def test_optimizer_state_with_nested_tables(tmp_path: Path) -> None:
    layer = paddle.nn.Linear(2, 2)
    optimizer = paddle.optimizer.Momentum(
        paddle.optimizer.lr.PolynomialDecay(0.1, 10), parameters=layer.parameters(), multi_precision=True
    )
    layer(paddle.ones([1, 2])).sum().backward()
    optimizer.step()
    paddle.save(optimizer.state_dict(), str(tmp_path / "a.pdopt"))

    state = read_paddle_object(tmp_path / "a.pdopt")

    assert state["LR_Scheduler"]["last_epoch"] == 0
    expected = {name: t.numpy() for name, t in optimizer.state_dict().items() if isinstance(t, paddle.Tensor)}
    assert len(expected) == 2
    for name, values in expected.items():
        np.testing.assert_array_equal(state[name], values)


def test_numpy_1_names_and_fortran_order(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3))
    stream = pickle.dumps({"w": array}, protocol=2)
    assert b"numpy._core" in stream
    (tmp_path / "a.pdparams").write_bytes(stream.replace(b"numpy._core", b"numpy.core"))

    np.testing.assert_array_equal(read_pdparams(tmp_path / "a.pdparams")["w"], array)


def test_sliced_tensor_is_put_together(tmp_path: Path) -> None:
    table = {
        "w@@.0": np.arange(4, dtype=np.float32),
        "w@@.1": np.arange(4, 6, dtype=np.float32),
        "UnpackBigParamInfor@@": {"w": {"OriginShape": (2, 3), "slices": ["w@@.0", "w@@.1"]}},
    }
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(table, protocol=2))

    tensors = read_pdparams(tmp_path / "a.pdparams")

    assert list(tensors) == ["w"]
    np.testing.assert_array_equal(tensors["w"], np.arange(6, dtype=np.float32).reshape(2, 3))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "posix.system"), (eval, "builtins.eval"), (getattr, "builtins.getattr"), (np.load, "numpy.load")],
)
def test_evil_pickle_is_refused_by_name(tmp_path: Path, protocol: int, function: Any, name: str) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "a.pdparams"
    path.write_bytes(pickle.dumps({"w": np.ones(2), "x": Evil(function, f"touch {marker}")}, protocol=protocol))

    with pytest.raises(WeightsError, match="refused global") as caught:
        read_pdparams(path)

    assert name.replace("builtins", "") in str(caught.value)
    assert str(path) in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    "array",
    [np.array([object()], dtype=object), np.array(["text"]), np.zeros(1, dtype=[("a", "f4")]), np.zeros(1, "M8[s]")],
    ids=["object", "text", "record", "date"],
)
def test_arrays_that_are_no_numbers_are_refused(tmp_path: Path, array: Any) -> None:
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps({"w": array}))

    with pytest.raises(WeightsError, match=r"plain numbers|refused global"):
        read_pdparams(tmp_path / "a.pdparams")


def test_array_with_too_little_data_is_refused(tmp_path: Path) -> None:
    stream = pickle.dumps({"w": np.arange(3, dtype=np.float32)}, protocol=2)
    (tmp_path / "a.pdparams").write_bytes(stream.replace(b"K\x03\x85", b"K\x63\x85"))

    with pytest.raises(WeightsError, match=r"shape \(99,\) with 12 bytes"):
        read_pdparams(tmp_path / "a.pdparams")


def test_truncated_and_empty_tables(tmp_path: Path) -> None:
    stream = pickle.dumps({"w": np.zeros(100, np.float32)}, protocol=4)
    (tmp_path / "cut.pdparams").write_bytes(stream[: len(stream) // 2])
    (tmp_path / "none.pdparams").write_bytes(pickle.dumps({"epoch": 3}))

    with pytest.raises(WeightsError, match=r"truncated|no intact pickle"):
        read_pdparams(tmp_path / "cut.pdparams")
    with pytest.raises(WeightsError, match="no tensors"):
        read_pdparams(tmp_path / "none.pdparams")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_pdparams(tmp_path / "absent.pdparams")
