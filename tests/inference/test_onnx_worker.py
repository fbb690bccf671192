from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from segcli.errors import ExportError
from segcli.inference import onnx_conversion
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.onnx_worker import append_labels, cut_to_logits, name_logits, single_precision

onnx = pytest.importorskip("onnx")


def normalising_model(epsilon: float):
    """x [N, 3, H, W] -> InstanceNormalization -> y."""
    from onnx import TensorProto, helper, numpy_helper

    ones = numpy_helper.from_array(np.ones(3, np.float32), "ones")
    zeros = numpy_helper.from_array(np.zeros(3, np.float32), "zeros")
    node = helper.make_node("InstanceNormalization", ["x", "ones", "zeros"], ["y"], epsilon=epsilon)
    sides = ["n", 3, "h", "w"]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in "xy"]
    graph = helper.make_graph([node], "g", values[:1], values[1:], [ones, zeros])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")
@pytest.mark.parametrize(("work", "told"), [("while True: pass", "not done after"), ("bytearray(9 << 30)", "2 GB")])
def test_a_conversion_that_takes_too_much_is_ended(tmp_path, monkeypatch, work, told):
    """The converter is replaced by one that never ends, or wants all memory."""
    for name in ("onnx", "paddle2onnx"):
        (tmp_path / f"{name}.py").write_text(f"def export(*_args, **_options):\n    {work}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if work.startswith("while"):
        monkeypatch.setattr(onnx_conversion, "WALL_TIMES", 0.02)
    model = tmp_path / "model"
    model.mkdir()
    (model / "a.json").write_text("{}")
    (model / "a.pdiparams").write_bytes(b"")
    with pytest.raises(ExportError, match=told) as error:
        convert_program(model / "a.json", model / "a.pdiparams", model / "a.onnx")
    assert "runtime=paddle" in error.value.hint
    assert sorted(path.name for path in model.iterdir()) == ["a.json", "a.pdiparams"]


def test_doubles_become_single_but_for_those_of_constants():
    scales = {"#": "0.a_array", "D": [{"#": "0.a_f64", "D": 0.5}, {"#": "0.a_i32", "D": 2}]}
    double = {"#": "0.a_f64", "D": 0.25}
    program = [{"#": "1.group_norm", "A": [{"AT": scales}, {"AT": double}]}, {"#": "1.full", "A": [{"AT": double}]}]
    norm, constant = json.loads(single_precision(json.dumps(program)))
    assert [number["#"] for number in norm["A"][0]["AT"]["D"]] == ["0.a_f32", "0.a_i32"]
    assert norm["A"][1]["AT"] == {"#": "0.a_f32", "D": 0.25}
    assert constant == program[1]


def test_paddings_and_norms_keep_their_numbers(tmp_path):
    """Left to itself the converter fills both with what lies in its memory, another number each time."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("paddle2onnx")
    import paddle

    class PaddedNorm(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.norm = paddle.nn.GroupNorm(2, 4, epsilon=0.5)

        def forward(self, x):
            return self.norm(paddle.nn.functional.pad(x, [1, 2, 0, 1], value=0.75))

    network = PaddedNorm()
    network.eval()
    images = np.random.default_rng(0).standard_normal((2, 4, 5, 7)).astype(np.float32)
    paddle.jit.save(
        network, str(tmp_path / "net"), input_spec=[paddle.static.InputSpec([None, 4, None, None], "float32", "x")]
    )
    file = convert_program(tmp_path / "net.json", tmp_path / "net.pdiparams", tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    expected = network(paddle.to_tensor(images)).numpy()
    np.testing.assert_allclose(session.run(None, {"x": images})[0], expected, atol=1e-5)


def test_labels_are_appended_and_cut_off_again(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = normalising_model(1e-5)
    images = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)

    def run(given):
        session = onnxruntime.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": images})

    (before,) = run(model)
    name_logits(model)
    append_labels(model)
    onnx.checker.check_model(model)
    (labels,) = run(model)
    assert labels.dtype == np.int32 and (labels == before.argmax(1)).all()
    assert cut_to_logits(model)
    (after,) = run(model)
    assert (after == before).all()


def test_a_foreign_model_is_left_as_it_is():
    model = normalising_model(1e-5)
    assert not cut_to_logits(model)
    assert [output.name for output in model.graph.output] == ["y"]


def test_limits_stay_below_those_of_whoever_started_the_process():
    pytest.importorskip("resource")
    program = """
import resource
from segcli.inference.opening_budget import limit_this_process
resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
limit_this_process(10, 4)
print(resource.getrlimit(resource.RLIMIT_CPU)[1], resource.getrlimit(resource.RLIMIT_AS)[1])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["50", str(8 << 30)], done.stderr
