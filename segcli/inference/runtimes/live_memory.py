"""How much memory the tensors of a network need at once, from their shapes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PROBE_PX = 256
"""Side of the image with which shapes are found: tensors whose size does not grow with the image hardly count in it."""
_REUSES_INPUT = frozenset({"Identity", "BatchNormalization", "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid"}) | {
    "HardSwish", "Add", "Sub", "Mul", "Div", "Reshape", "Squeeze", "Unsqueeze", "Cast"
}  # fmt: skip
"""Operators that write into the memory of an input that nothing needs any more, or are part of the one before."""


def bytes_per_pixel(model: Any, channels: int) -> dict[str, float]:
    """Bytes of each tensor per pixel of the image, by name, found by running the network on a small image.

    Args:
        model: An `onnx.ModelProto` with one input, an image [N, channels, H, W]; is left as it was.
        channels: Channels of the image.
    """
    import onnx

    from segcli.inference.runtimes.onnx_session import open_session

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    names = [name for node in model.graph.node if node.op_type != "Constant" for name in node.output if name]
    del whole.graph.output[:]
    whole.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = open_session(whole.SerializeToString(), 1)
    image: NDArray[np.float32] = np.zeros((1, channels, _PROBE_PX, _PROBE_PX), np.float32)
    values = session.run(names, {model.graph.input[0].name: image})
    sizes = {name: value.nbytes for name, value in zip(names, values, strict=True)}
    sizes[model.graph.input[0].name] = image.nbytes
    return {name: size / _PROBE_PX**2 for name, size in sizes.items()}


def peak_of(nodes: Sequence[Any], given: Iterable[str], wanted: Collection[str], sizes: Mapping[str, float]) -> float:
    """The largest sum of tensors that are needed at once, in the units of `sizes`.

    Args:
        nodes: The nodes in the order in which they run.
        given: Inputs, which the caller keeps.
        wanted: Outputs.
        sizes: Size of each tensor; constants have none.
    """
    last = {name: place for place, node in enumerate(nodes) for name in node.input}
    kept = set(given)
    live = {name: sizes.get(name, 0.0) for name in kept}
    now = peak = sum(live.values())
    for place, node in enumerate(nodes):
        ends = {
            name
            for name in node.input
            if name in live and last[name] == place and name not in kept and name not in wanted
        }
        freed = sum(live.pop(name) for name in ends)
        fresh = {name: sizes.get(name, 0.0) for name in node.output}
        live.update(fresh)
        added = sum(fresh.values())
        peak = max(peak, now - freed + added if node.op_type in _REUSES_INPUT else now + added)
        now += added - freed
    return peak
