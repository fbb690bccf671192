"""Which tensors of a network depend on few rows of its image, the same number everywhere.

A convolution or pooling reads some rows above and below; what it adds to the reach depends on the stride at which it
works. Anything else than the operators below, and any setting of them that places windows by the size of the image,
ends what is local: a tensor that is not understood is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ELEMENTWISE = frozenset(
    {"Identity", "Relu", "LeakyRelu", "Elu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Erf"}
    | {"Add", "Sub", "Mul", "Div"}
)
_WINDOWED = frozenset({"Conv", "MaxPool", "AveragePool"})
_CHANNELS = (1, -3)
"""Axis of the channels in [N, channels, H, W]."""
_AXES = 4


@dataclass(frozen=True)
class Reach:
    """The rows of the image that a row of a tensor depends on.

    Attributes:
        stride: Rows of the image per row of the tensor.
        above: Row r depends on no row of the image before ``r * stride - above``.
        below: It depends on no row after ``r * stride + below``.
    """

    stride: int
    above: int
    below: int

    @property
    def farthest(self) -> int:
        """The larger of both."""
        return max(self.above, self.below)


def local_tensors(graph: Any) -> dict[str, Reach]:
    """The reach of each tensor that depends on the image by local operators only, by name.

    Args:
        graph: An `onnx.GraphProto` with one input, an image [N, channels, H, W].
    """
    import onnx

    constants = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    found = {graph.input[0].name: Reach(1, 0, 0)}
    for node in graph.node:
        settings = {setting.name: onnx.helper.get_attribute_value(setting) for setting in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = tuple(settings["value"].dims) if "value" in settings else ()
            continue
        reach = _reach(node, settings, found, constants)
        if reach is not None:
            found[node.output[0]] = reach
    return found


def _reach(
    node: Any, settings: Mapping[str, Any], found: Mapping[str, Reach], constants: Mapping[str, tuple[int, ...]]
) -> Reach | None:
    """The reach of the only output of a node; None where it is not local."""
    given = [name for name in node.input if name]
    moving = [name for name in given if name not in constants]
    if node.domain or len(node.output) != 1 or not moving or not all(name in found for name in moving):
        return None
    before = [found[name] for name in moving]
    if len({reach.stride for reach in before}) > 1:
        return None
    joined = Reach(before[0].stride, max(one.above for one in before), max(one.below for one in before))
    fixed = [constants[name] for name in given if name in constants]
    if node.op_type in _WINDOWED and [node.input[0]] == moving:
        shape = settings.get("kernel_shape") or (fixed[0][2:] if fixed else ())
        return _through_window(joined, tuple(shape), settings)
    keeps_rows = {
        "BatchNormalization": [node.input[0]] == moving and not settings.get("training_mode", 0),
        "Concat": settings.get("axis") in _CHANNELS and not fixed,
    }.get(node.op_type, node.op_type in _ELEMENTWISE and all(_is_alike_in_all_rows(dims) for dims in fixed))
    return joined if keeps_rows else None


def _is_alike_in_all_rows(dims: tuple[int, ...]) -> bool:
    """Whether a constant that is combined with [N, channels, H, W] has one value for all rows."""
    return len(dims) < 2 or (len(dims) <= _AXES and dims[-2] == 1)


def _through_window(before: Reach, shape: tuple[int, ...], settings: Mapping[str, Any]) -> Reach | None:
    """The reach after windows of this shape; None where their places depend on the size of the image."""
    if len(shape) != 2 or settings.get("auto_pad", b"NOTSET") != b"NOTSET" or settings.get("ceil_mode", 0):
        return None
    pads = settings.get("pads", (0, 0, 0, 0))
    span = (shape[0] - 1) * settings.get("dilations", (1, 1))[0]
    if min(pads) < 0 or max(pads[0], pads[2]) > span:  # windows that see padding alone
        return None
    return Reach(
        before.stride * settings.get("strides", (1, 1))[0],
        before.above + pads[0] * before.stride,
        before.below + (span - pads[0]) * before.stride,
    )
