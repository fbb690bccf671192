"""A network whose first part runs in bands of the image gives what the whole network gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from segcli.errors import WeightsError
from segcli.inference.decode_labels import label_maps
from segcli.inference.preprocess import ImageRows, Preprocess, normalise, pad_input
from segcli.inference.runtimes import small_logits
from segcli.inference.runtimes.band_graph import BandPlan, split_in_bands
from segcli.inference.runtimes.band_network import BandNetwork, open_bands
from segcli.inference.runtimes.live_memory import peak_of
from segcli.inference.runtimes.local_rows import Reach, local_tensors
from segcli.inference.runtimes.onnx_graph import CutNetwork, End
from segcli.inference.runtimes.onnx_part import OnnxPart
from segcli.inference.runtimes.onnx_session import open_session

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
SCALE = Preprocess((0.5,) * 3, (0.5,) * 3)


def _model(nodes, weights=(), size=("h", "w")):
    """A network from `x` to `y`; weights by name and shape."""
    from tests.onnx_models import helper, numpy_helper, tensor

    rng = np.random.default_rng(0)
    constants = [
        numpy_helper.from_array(np.asarray(rng.standard_normal(shape) / 4, np.float32), name) for name, shape in weights
    ]
    given = [helper.make_node(kind, inputs.split(), [output], **way) for kind, inputs, output, way in nodes]
    graph = helper.make_graph(given, "g", [tensor("x", [1, 3, *size])], [tensor("y", [None] * 4)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


def _network(size=("h", "w"), last="c"):
    """Wide layers, two strides between the parts, a pooling over all rows at the end."""
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", "x w1", "a", {**conv, "strides": [2, 2]}),
        ("Relu", "a", "b", {}),
        ("MaxPool", "b", "m", {**conv, "strides": [2, 2]}),
        ("Conv", "b w2", "n", {**conv, "strides": [2, 2]}),
        ("Concat", "m n", "s", {"axis": 1}),
        ("Conv", "s w3", "c", {**conv, "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
        ("Conv", "c w4", "d", {**conv, "strides": [2, 2]}),
        ("GlobalAveragePool", "d", "g", {}),
        ("Mul", "d g", "e", {}),
        ("GlobalAveragePool", "e", "f", {}),
        ("Add", f"{last} f", "y", {}),
    ]
    weights = [("w1", (32, 3, 3, 3)), ("w2", (16, 32, 3, 3)), ("w3", (4, 48, 3, 3)), ("w4", (4, 4, 3, 3))]
    return _model(nodes, weights, size)


def _rows(height, width, padded=None):
    rgb = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    return ImageRows(rgb, SCALE, padded or (height, width))


def _bands(model, tmp_path, name="onnxruntime"):
    parts = split_in_bands(model)
    assert parts is not None
    if name == "openvino":
        pytest.importorskip("openvino")
        from segcli.inference.runtimes.openvino_part import OpenVinoPart

        opened = [OpenVinoPart(part, {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}) for part in parts]
        return BandNetwork(*opened, tmp_path / "network.onnx", name)
    return BandNetwork(*(OnnxPart(part, 1) for part in parts), tmp_path / "network.onnx", name)


@pytest.mark.parametrize("height", [192, 193, 195, 198, 203, 255, 256, 257])
def test_logits_are_those_of_the_whole_network(tmp_path, height):
    network = _network()
    session = open_session(network.SerializeToString(), 1)
    bands = _bands(network, tmp_path)
    assert bands.plan.takes(height) and len(list(bands.plan.bands(height))) > 1
    for rows in (_rows(height, 45), _rows(height - 17, 45, (height, 64))):
        image = pad_input(normalise([rows.image], SCALE), rows.padded)
        np.testing.assert_array_equal(bands(rows), session.run(None, {"x": image})[0])


def test_logits_on_openvino_are_those_of_the_whole_network(tmp_path):
    network = _network()
    session = open_session(network.SerializeToString(), 1)
    bands = _bands(network, tmp_path, "openvino")
    for height in (192, 203, 257, 192):
        rows = _rows(height - 17, 45, (height, 64))
        expected = session.run(None, {"x": pad_input(normalise([rows.image], SCALE), rows.padded)})[0]
        np.testing.assert_allclose(bands(rows), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("height", [*range(96, 130), 1000, 4096])
def test_bands_give_each_row_once_with_all_that_it_needs(height):
    plan = BandPlan({"a": 8, "b": 4}, above=8, below=16)
    bands = list(plan.bands(height))
    assert bands[0].end == bands[0].kept == height and bands[-1].top == 0
    assert len(bands) <= 3 + (height < 130)
    for lower, upper in pairwise(bands):
        assert upper.kept == lower.top + plan.above and upper.end >= upper.kept + plan.below
        assert upper.top % 8 == 0 and upper.end - upper.top == bands[0].end - bands[0].top


def test_short_images_run_whole():
    plan = BandPlan({"a": 16}, above=80, below=80)
    assert plan.takes(1280) and not plan.takes(1279)


CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


@pytest.mark.parametrize(
    ("node", "reach"),
    [
        (("Conv", "a w", "y", CONV), Reach(2, 3, 3)),
        (("Conv", "a w", "y", {**CONV, "strides": [2, 2]}), Reach(4, 3, 3)),
        (("Conv", "a w", "y", {**CONV, "dilations": [2, 2]}), Reach(2, 3, 7)),
        (("Conv", "a w", "y", {**CONV, "pads": [0, 0, 2, 2]}), Reach(2, 1, 5)),
        (("MaxPool", "a", "y", {"kernel_shape": [2, 2], "strides": [2, 2]}), Reach(4, 1, 3)),
        (("Mul", "a row", "y", {}), Reach(2, 1, 1)),
        (("Concat", "a a", "y", {"axis": 1}), Reach(2, 1, 1)),
        (("Mul", "a rows", "y", {}), None),
        (("Concat", "a a", "y", {"axis": 2}), None),
        (("Add", "a x", "y", {}), None),
        (("Conv", "a w", "y", {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}), None),
        (("MaxPool", "a", "y", {"kernel_shape": [2, 2], "ceil_mode": 1}), None),
        (("GlobalAveragePool", "a", "y", {}), None),
        (("Resize", "a  scales", "y", {"mode": "linear"}), None),
        (("Softmax", "a", "y", {"axis": 2}), None),
    ],
)
def test_how_far_an_operator_reaches(node, reach):
    """`a` is the image after a convolution of stride 2."""
    weights = [
        ("v", (4, 3, 3, 3)),
        ("w", (4, 4, 3, 3)),
        ("row", (1, 4, 1, 1)),
        ("rows", (1, 1, 5, 1)),
        ("scales", (4,)),
    ]
    found = local_tensors(_model([("Conv", "x v", "a", {**CONV, "strides": [2, 2]}), node], weights).graph)
    assert found["a"] == Reach(2, 1, 1)
    assert found.get("y") == reach


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: _network((64, 64)), id="takes one size only"),
        pytest.param(
            lambda: _model(
                [("GlobalAveragePool", "x", "g", {}), ("Add", "x g", "a", {}), ("Conv", "a w", "y", CONV)],
                [("w", (9, 3, 3, 3))],
            ),
            id="pools all rows at once",
        ),
        pytest.param(
            lambda: _model(
                [
                    ("Conv", "x w", "a", CONV),
                    ("GlobalAveragePool", "a", "g", {}),
                    ("Add", "a g", "y", {}),
                ],
                [("w", (64, 3, 3, 3))],
            ),
            id="the rest needs as much",
        ),
    ],
)
def test_networks_without_a_first_part_that_is_worth_it_run_whole(model):
    assert split_in_bands(model()) is None


def test_memory_is_that_of_tensors_that_are_needed_at_once():
    model = _model(
        [("Conv", "x w", "a", CONV), ("Relu", "a", "b", {}), ("Conv", "b v", "c", CONV), ("Add", "c a", "y", {})]
    )
    sizes = {"x": 12.0, "a": 32.0, "b": 32.0, "c": 8.0, "y": 8.0}
    # the image, `a` and `b` beside `c`; without the last sum, `b` takes the place of `a`
    assert peak_of(model.graph.node, ["x"], {"y"}, sizes) == 12 + 32 + 32 + 8
    assert peak_of(model.graph.node[:3], ["x"], {"c"}, sizes) == 12 + 32 + 8


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_the_label_maps_of_a_trained_network(tmp_path, monkeypatch, name):
    pytest.importorskip("paddle2onnx")
    pytest.importorskip(name)
    from segcli.inference.exported_model import ExportedModel
    from segcli.inference.model_runtime import open_on
    from tests.trained_model import trained_run

    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path))
    model = ExportedModel.open(trained_run() / "run" / "best_model" / "inference")
    forward = open_on(model, name).on_device
    images = [np.random.default_rng(seed).integers(0, 256, (1283, 101, 3), np.uint8) for seed in range(2)]
    ways = [
        {"preprocess": SCALE},
        {"preprocess": SCALE, "input_size": (1312, 64)},
        {"preprocess": SCALE, "own_size": False},
    ]
    kept = Preprocess((0.5,) * 3, (0.5,) * 3, size=(1280, 1280), keep_ratio=True, fits=True)
    ways.append({"preprocess": kept, "input_size": (1280, 128)})
    whole = [label_maps(forward, images, **way) for way in ways]
    monkeypatch.setattr(small_logits, "_LEAST_PX", 0)
    runs: list[int] = []
    real = BandNetwork.__call__
    monkeypatch.setattr(BandNetwork, "__call__", lambda self, rows: runs.append(rows.height) or real(self, rows))
    for way, expected in zip(ways, whole, strict=True):
        for found, labels in zip(label_maps(forward, images, **way), expected, strict=True):
            assert np.mean(found != labels) <= (0 if name == "onnxruntime" else 1e-4), "two logits may be nearly equal"
    assert runs == [1283, 1283, 1312, 1312, 1283, 1283, 1280, 1280]
    assert not forward.takes_rows(1200, 4000), "too low for the reach"
    assert len(np.unique(whole[0])) > 1


def test_what_cannot_be_opened_runs_whole_and_faults_name_the_model(tmp_path):
    assert open_bands(CutNetwork(b"no network", End.ENLARGEMENT), tmp_path / "n.onnx", "onnxruntime", None) is None
    bands = _bands(_network(), tmp_path)
    grey = ImageRows(np.zeros((128, 45, 4), np.uint8), Preprocess((0.5,) * 4, (0.5,) * 4), (128, 45))
    with pytest.raises(WeightsError, match="onnxruntime cannot compute") as caught:
        bands(grey)
    assert caught.value.path == str(tmp_path / "network.onnx")
