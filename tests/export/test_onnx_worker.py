from __future__ import annotations

import json

import numpy as np
import pytest

from segcli.export.onnx_worker import append_labels, cure_epsilons, cut_to_logits, name_logits

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


def program(tmp_path, epsilon: float):
    operators = [{"#": "p", "A": [0, 1]}, {"#": "1.group_norm", "A": [{"N": "epsilon", "AT": {"D": epsilon}}]}]
    path = tmp_path / "logits.json"
    path.write_text(json.dumps({"program": {"ops": operators}}))
    return path


@pytest.mark.parametrize("written", [0.0, 3e-3])
def test_a_wrong_epsilon_becomes_that_of_the_program(tmp_path, written):
    model = normalising_model(written)
    cure_epsilons(model, program(tmp_path, 1e-5))
    assert model.graph.node[0].attribute[0].f == pytest.approx(1e-5)


def test_a_right_epsilon_stays(tmp_path):
    model = normalising_model(1e-6)
    cure_epsilons(model, program(tmp_path, 1e-6))
    assert model.graph.node[0].attribute[0].f == pytest.approx(1e-6)


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
