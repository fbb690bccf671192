"""Small ONNX models of other makers, made on the fly, with what they must answer known beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed, as where paddle2onnx has no wheel")
TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper

FLOAT = TensorProto.FLOAT


def save(path: Path, nodes, inputs, outputs, constants=(), *, weights_file: str | None = None) -> Path:
    """Writes a network; its constants into a file of their own beside it where `weights_file` names one."""
    graph = helper.make_graph(
        nodes, "g", inputs, outputs, [numpy_helper.from_array(value, name) for name, value in constants]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path), save_as_external_data=weights_file is not None, location=weights_file, size_threshold=0)
    return path


def tensor(name: str, shape, kind: int = FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def write_card(path: Path, **values) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def channel_model(path: Path, channels: int = 3, size=("h", "w"), batch="n") -> Path:
    """Logits are the channels themselves: the class is the channel that is brightest."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    shape = [batch, channels, *size]
    return save(path, nodes, [tensor("x", shape)], [tensor("y", shape)])


def semantic_guest(folder: Path, **card) -> Path:
    """A folder with an imported model that tells red, green and blue apart."""
    from segcli.steps.guests.command import import_guest

    network = channel_model(folder / "m.onnx")
    values = {"name": "colours", "task": "semantic", "classes": ["red", "green", "blue"], "output": {"kind": "logits"}}
    return import_guest(network, write_card(folder / "card.yaml", **{**values, **card}), folder / "guest").folder


def constant_model(path: Path, outputs: dict[str, np.ndarray], size: int | tuple[int, int], dtype: int = FLOAT) -> Path:
    """Says the same of every image; `size` is the side of its input, or height and width."""
    height, width = (size, size) if isinstance(size, int) else size
    nodes, constants, ports = [], [("zero", np.zeros((1,), np.float32))], []
    nodes += [
        helper.make_node("Cast", ["x"], ["xf"], to=FLOAT),
        helper.make_node("ReduceMean", ["xf"], ["m"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["nothing"]),
    ]
    for name, value in outputs.items():
        constants.append((f"c_{name}", value.astype(np.float32)))
        nodes.append(helper.make_node("Add", [f"c_{name}", "nothing"], [name]))
        ports.append(tensor(name, value.shape))
    return save(path, nodes, [tensor("x", [1, 3, height, width], dtype)], ports, constants)
