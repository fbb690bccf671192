"""Widens a network of 16-bit floats to 32 bits, which is what quantization takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_DTYPE_ATTRIBUTES = ("to", "dtype")


def widen(model: Any) -> bool:
    """Makes every float16 tensor of an ONNX model float32, in place; returns whether there was one."""
    from onnx import TensorProto

    found = False
    for graph in _graphs(model.graph):
        found |= _widen_tensors(graph.initializer)
        for value in (*graph.input, *graph.output, *graph.value_info):
            kind = value.type.tensor_type
            if kind.elem_type == TensorProto.FLOAT16:
                kind.elem_type, found = TensorProto.FLOAT, True
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            found |= _widen_tensors([attribute.t] if attribute.HasField("t") else [])
            if attribute.name in _DTYPE_ATTRIBUTES and attribute.i == TensorProto.FLOAT16:
                attribute.i, found = TensorProto.FLOAT, True
    return found


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and those inside its nodes (branches, loops)."""
    yield graph
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _graphs(inner)


def _widen_tensors(tensors: Any) -> bool:
    from onnx import TensorProto, numpy_helper

    halves = [tensor for tensor in tensors if tensor.data_type == TensorProto.FLOAT16]
    for tensor in halves:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    return bool(halves)
