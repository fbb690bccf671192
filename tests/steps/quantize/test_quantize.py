from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from segcli.data.temporary import MARK
from segcli.errors import MissingPartError, ParityError, UsageError
from segcli.inference import precision
from segcli.inference.exported_model import ExportedModel
from segcli.inference.runtimes.choice import open_runtime
from segcli.steps.guests.command import import_guest
from segcli.steps.predict.model import create_model
from segcli.steps.quantize.command import Quantized, quantize
from segcli.steps.quantize.widen import widen
from tests.images import make_seg_dataset
from tests.trained_model import trained_run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper

from tests.instance_run import make_rectangles
from tests.onnx_models import save, tensor, write_card
from tests.trained_instance import NAMES, trained_instance_run


def convolution_guest(folder, dtype=np.float32):
    """Logits by a convolution of 3 x 3."""
    weights = np.zeros((3, 3, 3, 3), dtype)
    for channel in range(3):
        weights[channel, channel, 1, 1] = 1
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=kind),
        helper.make_node("Conv", ["c", "w"], ["y"], pads=[1, 1, 1, 1]),
    ]
    ports = [tensor("x", ["n", 3, "h", "w_"], kind)], [tensor("y", ["n", 3, "h", "w_"], kind)]
    network = save(folder / "m.onnx", nodes, *ports, [("w", weights)])
    names = ["_background_", "red", "blue"]
    card = write_card(folder / "c.yaml", name="conv", task="semantic", classes=names, output={"kind": "logits"})
    return import_guest(network, card, folder / "guest").folder


def test_a_model_of_8_bits_scores_as_before(tmp_path, caplog):
    data = make_seg_dataset(tmp_path / "data", train=1, val=3)
    with caplog.at_level(logging.INFO, "segcli"):
        done = quantize(str(convolution_guest(tmp_path)), str(data), tmp_path / "int8", most_loss=0.02, images=2)
    assert f"{tmp_path / 'int8'} runs on" in caplog.text and MARK not in caplog.text
    assert done.images == 2 and abs(done.before - done.after) <= 0.02
    import onnx

    kinds = {node.op_type for node in onnx.load(str(tmp_path / "int8" / "inference.onnx")).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


def test_a_runtime_that_refuses_the_model_names_the_file_that_is_left(tmp_path, monkeypatch, caplog):
    pytest.importorskip("openvino")
    from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime

    make = OpenVinoRuntime.__init__

    def refuse(runtime, file, *arguments, **options):
        if MARK in str(file):
            raise RuntimeError(f'Exception from src/core.cpp:84:\nUnable to read the model: "{file}"\n')
        make(runtime, file, *arguments, **options)

    monkeypatch.setattr(OpenVinoRuntime, "__init__", refuse)
    data, int8 = make_seg_dataset(tmp_path / "data", train=1, val=3), tmp_path / "int8"
    quantize(str(convolution_guest(tmp_path)), str(data), int8, most_loss=0.02, images=2)
    (told,) = (record.getMessage() for record in caplog.records if "because openvino" in record.getMessage())
    why = f'openvino cannot run this model: Unable to read the model: "{int8 / "inference.onnx"}"'
    assert told == f"{int8} runs on onnxruntime, because openvino: {why}"


def test_a_model_with_weights_of_16_bits_is_widened_first(tmp_path):
    data = make_seg_dataset(tmp_path / "data", train=1, val=3)
    folder = convolution_guest(tmp_path, np.float16)
    assert ExportedModel.open(folder).guest.dtype == "float16"
    done = quantize(str(folder), str(data), tmp_path / "int8", most_loss=0.02, images=2)
    assert abs(done.before - done.after) <= 0.02
    import onnx

    graph = onnx.load(str(tmp_path / "int8" / "inference.onnx")).graph
    kinds = {tensor.data_type for tensor in graph.initializer}
    assert TensorProto.INT8 in kinds and TensorProto.FLOAT16 not in kinds
    assert ExportedModel.open(tmp_path / "int8").guest.dtype == "float32"


def test_widening_reaches_constants_and_branches():
    half = numpy_helper.from_array(np.ones(1, np.float16), "one")
    port = helper.make_tensor_value_info("z", TensorProto.FLOAT16, [1])
    branch = helper.make_graph([helper.make_node("Constant", [], ["z"], value=half)], "b", [], [port])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1])
    model = helper.make_model(helper.make_graph([node], "g", [condition], [output]))
    assert widen(model) and not widen(model)
    for attribute in model.graph.node[0].attribute:
        inner = attribute.g
        assert inner.node[0].attribute[0].t.data_type == TensorProto.FLOAT
        assert inner.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_objects_of_a_trained_model(tmp_path):
    run = trained_instance_run()
    done = quantize(str(run / "run" / "best_model"), str(run / "data"), tmp_path / "int8", most_loss=1, images=2)
    assert done.score == "AP" and done.bytes_after < done.bytes_before / 2
    image = np.full((64, 64, 3), 90, np.uint8)
    (found,) = create_model("PP-YOLOE_seg-S", tmp_path / "int8", threshold=0.0).predict(image)
    assert found["boxes"] and len(found["masks"]) == len(
        found["boxes"]
    )  # masks are those of the head, not of the image


def test_objects_of_an_imported_model(tmp_path):
    data = make_rectangles(tmp_path / "data", train=1, val=2)
    done = quantize(str(yolo_guest(tmp_path)), str(data), tmp_path / "int8", most_loss=1, images=2)
    assert done.score == "AP" and done.after >= 0


def yolo_guest(folder):
    """One prototype and 64 boxes, all from a convolution."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 0.1, (7, 3, 8, 8)).astype(np.float32)
    masks = rng.normal(0, 0.1, (1, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["r"], strides=[8, 8]),
        helper.make_node("Reshape", ["r", "shape"], ["o"]),
        helper.make_node("Conv", ["x", "v"], ["p"]),
    ]
    constants = [("w", rows), ("v", masks), ("shape", np.array([1, 7, 64]))]
    outputs = [tensor("o", [1, 7, 64]), tensor("p", [1, 1, 64, 64])]
    network = save(folder / "m.onnx", nodes, [tensor("x", [1, 3, 64, 64])], outputs, constants)
    values = {"name": "y", "task": "instance", "classes": list(NAMES)}
    values |= {"input": {"size": [64, 64], "resize": "letterbox"}, "output": {"kind": "yolo", "activation": "sigmoid"}}
    return import_guest(network, write_card(folder / "c.yaml", **values), folder / "guest").folder


def test_a_trained_model_becomes_a_third_as_large(tmp_path):
    run = trained_run()
    done = quantize(str(run / "run" / "best_model"), str(run / "data"), tmp_path / "int8", most_loss=1, images=2)
    assert done.bytes_after < done.bytes_before / 3
    source = run / "run" / "best_model" / "inference"
    for folder, milliseconds in ((source, done.milliseconds_before), (tmp_path / "int8", done.milliseconds_after)):
        kept = json.loads((folder / "proofs.json").read_text())["proofs"]
        assert milliseconds == min(one["milliseconds"] for one in kept if one["agrees"]) > 0


@pytest.mark.parametrize(
    ("after", "told"), [(4.0, "2.5 times as fast"), (9.8, "no faster on this"), (20.0, "no faster on this")]
)
def test_it_is_told_whether_the_model_became_faster(tmp_path, after, told):
    done = Quantized(tmp_path, "int8", "cpu", "mIoU", 0.5, 0.5, milliseconds_before=10.0, milliseconds_after=after)
    assert f"10.0 ms before, {after:.1f} ms after: {told}" in dict(done.summary())["time of an image"]
    unknown = Quantized(tmp_path, "fp16", "gpu:0", "mIoU", 0.5, 0.5)
    assert "time of an image" not in dict(unknown.summary())


def test_one_that_loses_more_is_not_kept(tmp_path):
    data = make_seg_dataset(tmp_path / "data", train=1, val=2)
    folder = convolution_guest(tmp_path)
    with pytest.raises(ParityError, match="allowed is a loss of -1"):
        quantize(str(folder), str(data), tmp_path / "int8", most_loss=-1)
    assert not (tmp_path / "int8").exists()
    with pytest.raises(UsageError, match="something else"):
        quantize(str(folder), str(data), tmp_path)


def test_16_bits_are_refused_where_the_processor_does_not_have_them(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "processor_capabilities", lambda: ("FP32", "INT8"))
    folder = convolution_guest(tmp_path)
    with pytest.raises(MissingPartError, match="does not compute in fp16: OpenVINO lists FP32, INT8") as refused:
        quantize(str(folder), str(tmp_path / "data"), tmp_path / "half", precision="fp16", device="cpu")
    assert "--precision int8" in refused.value.hint and not (tmp_path / "half").exists()
    with pytest.raises(UsageError, match="8 bits run on the CPU"):
        quantize(str(folder), str(tmp_path / "data"), tmp_path / "half", device="gpu:0")
    with pytest.raises(UsageError, match="conv has no program of Paddle, which is what runs on gpu:0"):
        quantize(str(folder), str(tmp_path / "data"), tmp_path / "half", precision="fp16", device="gpu:0")
    with pytest.raises(UsageError, match="no precision fp8"):
        quantize(str(folder), str(tmp_path / "data"), tmp_path / "half", precision="fp8")


def test_a_model_of_16_bits_runs_where_the_processor_has_them_and_nowhere_else(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(precision, "processor_capabilities", lambda: ("FP32", "BF16"))
    data = make_seg_dataset(tmp_path / "data", train=1, val=2)
    folder = convolution_guest(tmp_path)
    done = quantize(str(folder), str(data), tmp_path / "half", precision="bf16", device="cpu", most_loss=0.02)
    assert done.precision == "bf16" and dict(done.summary())["precision"] == "bf16 on cpu"
    half = ExportedModel.open(tmp_path / "half")
    runtime = open_runtime(half)
    assert runtime.name == "openvino" and half.graph.precision == "bf16"
    with pytest.raises(UsageError, match="onnxruntime computes with 32 bits"):
        open_runtime(half, "onnxruntime")
    monkeypatch.setattr(precision, "processor_capabilities", lambda: ("FP32",))
    with pytest.raises(MissingPartError, match="does not compute in bf16"):
        open_runtime(half)


def test_this_processor_says_what_it_computes_with():
    pytest.importorskip("openvino")
    assert "FP32" in precision.processor_capabilities()
