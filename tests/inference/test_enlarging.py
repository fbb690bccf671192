"""A network without its last enlargement gives the label maps and logits of the whole network."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.inference import enlarging
from segcli.inference.decode_labels import label_maps, labels_of, resize_logits
from segcli.inference.enlarging import enlarged_labels, resize_weights
from segcli.inference.runtimes import onnx_graph
from segcli.inference.runtimes.onnx_graph import End, cut_enlargement, cut_network
from segcli.models.spec import Preprocess

onnx = pytest.importorskip("onnx")
SCALE = Preprocess((0.5,) * 3, (0.5,) * 3)


def _small(classes: int, height: int, width: int, period: int) -> np.ndarray:
    rng = np.random.default_rng(classes + height)
    coarse = rng.standard_normal((classes, max(2, height // period), max(2, width // period)), np.float32)
    return resize_logits(coarse, height, width)


@pytest.mark.parametrize("period", [1, 4, 16])
@pytest.mark.parametrize(
    ("small", "large"), [((16, 24), (128, 192)), ((33, 20), (130, 77)), ((20, 20), (13, 200)), ((1, 1), (70, 65))]
)
def test_labels_are_those_of_all_enlarged_classes(small, large, period):
    logits = _small(21, *small, period)
    weights = [resize_weights(*sides, align_corners=False) for sides in zip(small, large, strict=True)]
    found, expected = enlarged_labels(logits, *weights), labels_of(logits, *large)
    assert found.dtype == np.uint8
    assert np.mean(found != expected) < 1e-4, "only where two classes are equal to the last digit"


def test_equal_classes_and_absent_numbers_give_the_lowest_id():
    weights = resize_weights(8, 64, align_corners=False)
    logits = np.zeros((5, 8, 8), np.float32)
    logits[0] = -1
    assert (enlarged_labels(logits, weights, weights) == 1).all()
    assert (enlarged_labels(np.full((5, 8, 8), np.nan, np.float32), weights, weights) == 0).all()


@pytest.mark.parametrize("align_corners", [False, True])
def test_weights_are_those_of_paddle(align_corners):
    import paddle

    given = np.random.default_rng(0).standard_normal((1, 2, 9, 14)).astype(np.float32)
    tensor = paddle.to_tensor(given)
    for size in ((36, 112), (5, 20)):
        way = paddle.nn.functional.interpolate
        expected = way(tensor, size=size, mode="bilinear", align_corners=align_corners).numpy()
        down, across = (resize_weights(*s, align_corners=align_corners) for s in zip((9, 14), size, strict=True))
        np.testing.assert_allclose(down @ given[0] @ across.T, expected[0], atol=1e-5)


def _exported(folder, *, scale=8, align_corners=False, of_input=True, one_by_one=False):
    """A network that ends as those of PaddleSeg do, as an ONNX file with a label map."""
    pytest.importorskip("paddle2onnx")
    import paddle

    from segcli.inference.onnx_worker import convert

    class Network(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.body = paddle.nn.Conv2D(3, 6, scale, stride=scale)

        def forward(self, x):
            small = self.body(x)
            size = paddle.shape(x)[2:] if of_input else paddle.shape(small)[2:] * scale
            if one_by_one:
                size = [size[0], size[1]]
            way = paddle.nn.functional.interpolate
            return way(small, size=size, mode="bilinear", align_corners=align_corners)

    paddle.seed(0)
    network = Network()
    network.eval()
    spec = [paddle.static.InputSpec([None, 3, None, None], "float32", "x")]
    paddle.jit.save(network, str(folder / "logits"), input_spec=spec)
    convert(folder / "logits.json", folder / "logits.pdiparams", folder / "inference.onnx")
    return network, folder / "inference.onnx"


@pytest.fixture
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_cache")
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_a_runtime_enlarges_what_it_cut_off(tmp_path, monkeypatch, runtime, align_corners):
    module = pytest.importorskip(f"segcli.inference.runtimes.{'onnx' if runtime == 'onnxruntime' else runtime}_runtime")
    pytest.importorskip(runtime)
    import paddle

    from segcli.inference.graphs import Graph

    network, file = _exported(tmp_path, align_corners=align_corners)
    cut = cut_network(file)
    assert cut is not None and cut.end is (End.ENLARGEMENT_OF_CORNERS if align_corners else End.ENLARGEMENT)
    # opened from the kept file: it is not cut again
    monkeypatch.setattr(onnx_graph, "_without_argmax", lambda _file: pytest.fail("cut twice"))
    opened = module.open_graph(Graph(tmp_path / "inference"), file, "cpu", 1)
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 96)).astype(np.float32)
    expected = network(paddle.to_tensor(images)).numpy()
    np.testing.assert_allclose(opened.run(images), expected, atol=1e-5)
    rgb = [np.random.default_rng(seed).integers(0, 256, (61, 83, 3), np.uint8) for seed in range(2)]
    for few in (0, 1 << 24):
        monkeypatch.setattr(enlarging, "_FEW_VALUES", few)
        for size in (None, (64, 96)):
            for preprocess in (SCALE, Preprocess((0.5,) * 3, (0.5,) * 3, size=(64, 96), keep_ratio=True)):
                found = label_maps(opened.on_device, rgb, preprocess, input_size=size)
                whole = label_maps(opened.run, rgb, preprocess, input_size=size)
                assert np.mean(np.stack(found) != np.stack(whole)) < 1e-3


@pytest.mark.usefixtures("_cache")
def test_an_enlargement_to_sides_that_are_read_one_by_one_is_cut_off(tmp_path):
    import paddle

    from segcli.inference.runtimes.onnx_runtime import OnnxRuntime

    network, file = _exported(tmp_path, one_by_one=True)
    opened = OnnxRuntime(file, 1)
    assert opened.on_device is not None
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 96)).astype(np.float32)
    np.testing.assert_allclose(opened.run(images), network(paddle.to_tensor(images)).numpy(), atol=1e-5)


@pytest.mark.usefixtures("_cache")
def test_an_enlargement_to_another_size_than_the_inputs_stays(tmp_path):
    _, file = _exported(tmp_path, of_input=False)
    cut = cut_network(file)
    assert cut is not None and cut.end is End.NOTHING


def test_a_network_without_enlargement_stays():
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4]) for name in ("x", "logits")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["logits"])], "g", values[:1], values[1:])
    assert cut_enlargement(helper.make_model(graph)) is End.NOTHING


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "file"))
    _, file = _exported(tmp_path)
    cut = cut_network(file)
    assert cut is not None and isinstance(cut.source, bytes) and cut.end is End.ENLARGEMENT
