from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segcli.inference.runtimes import openvino_runtime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from tests.own_process import run_alone

openvino = pytest.importorskip("openvino")


def make_network(folder: Path, shape: list[int]) -> Path:
    """The sum over the channels of an image, and the image's negative."""
    from openvino import opset13 as ops

    image = ops.parameter(shape, np.float32, name="image")
    image.output(0).tensor.set_names({"image"})
    total = ops.reduce_sum(image, np.array([1]), keep_dims=True)
    path = folder / "network.xml"
    openvino.save_model(openvino.Model([total, ops.negative(image)], [image], "network"), path)
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shape of the input of each network that is compiled."""
    found: list[str] = []
    compile_one = OpenVinoRuntime._compile

    def watched(self: OpenVinoRuntime) -> object:
        found.append(str(self._model.inputs[0].partial_shape))
        return compile_one(self)

    monkeypatch.setattr(OpenVinoRuntime, "_compile", watched)
    monkeypatch.setattr(openvino_runtime, "_OFTEN", 3)
    return found


def image(height: int, width: int, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(height * width).random((batch, 3, height, width), np.float32)


def test_one_network_for_rare_sizes_and_one_for_a_frequent_size(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for side in range(4, 12):
        given = image(side, 5)
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    # the first, the second to compare with, and all others
    assert compiled == ["[1,3,4,5]", "[1,3,5,5]", "[1,3,?,?]"]
    given = image(20, 30)
    answers = [runtime.run_named({"image": given, "unknown": given}) for _ in range(6)]
    assert compiled[3:] == ["[1,3,20,30]"]
    for total, negative in answers:
        assert np.allclose(total, given.sum(1, keepdims=True), atol=1e-6)
        assert np.array_equal(negative, -given)


def test_a_network_of_one_size_is_compiled_for_it(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [1, 3, 6, 7]), 1)
    runtime.run(image(6, 7))
    runtime.run(image(6, 7))
    assert compiled == ["[1,3,6,7]"]


def test_each_number_of_images_has_its_network(tmp_path: Path, compiled: list[str]) -> None:
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for batch in (1, 2, 1, 2):
        for side in (4, 5, 6):
            given = image(side, 5, batch)
            assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert {"[1,3,?,?]", "[2,3,?,?]"} <= set(compiled)


@pytest.mark.parametrize("fails", [True, False])
def test_a_network_that_answers_otherwise_with_free_sizes_is_compiled_for_each(
    *, fails: bool, tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_one = OpenVinoRuntime._compile

    def spoil_free(self: OpenVinoRuntime) -> object:
        network = compile_one(self)
        if "?" not in str(self._model.inputs[0].partial_shape):
            return network
        if fails:
            raise RuntimeError("a dimension is not known")
        return lambda inputs: {port: value + 1 for port, value in network(inputs).items()}

    monkeypatch.setattr(OpenVinoRuntime, "_compile", spoil_free)
    runtime = OpenVinoRuntime(make_network(tmp_path, [-1, 3, -1, -1]), 1)
    for side in (4, 5, 6, 4):
        given = image(side, 5)
        assert np.allclose(runtime.run(given), given.sum(1, keepdims=True), atol=1e-6)
    assert compiled == ["[1,3,4,5]", "[1,3,5,5]", "[1,3,?,?]", "[1,3,6,5]"]


def test_signals_reach_a_process_whose_networks_were_closed() -> None:
    """The stack of signal handlers that OpenVINO takes away would end it by a segmentation fault."""
    run_alone(Path(__file__).with_name("alone_openvino_core.py"))
