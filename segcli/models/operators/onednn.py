"""Convolutions by oneDNN, a library of kernels for CPUs that Paddle's wheels for Linux bring for inference.

It is called through its C interface, version 3; numbers are those of its header ``dnnl_types.h``. A convolution has
three passes: forward, the gradient of its input, and that of its weights. For each of them oneDNN arranges values in
an order of its own; arrays that come in and go out here have the usual one.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Mapping, Sequence
from ctypes import POINTER, byref, c_int, c_int64, c_size_t, c_void_p
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from math import prod
from typing import Any, TypeVar

import numpy as np

from segcli.cpu import find_onednn
from segcli.models.host_memory import FloatArray, empty

log = logging.getLogger("segcli.models")

Shape = tuple[int, ...]
Pair = tuple[int, int]
Moves = tuple[Pair, Pair, Pair, Pair]
"""How a kernel moves, each down and to the right: stride, dilation, zeros before and zeros after a map."""

_CPU, _IN_ORDER = 1, 1
_FLOAT32, _FLOAT_BYTES, _ANY_LAYOUT = 3, 4, 1
_TRAINING, _DIRECT = 64, 1
_OF_CALLER = 1
_FROM, _TO = 1, 17
"""Arguments of a primitive that copies one arrangement into another."""
LANES = 16
"""Channels that it computes at once, a block; of fewer, the rest is computed for nothing."""
_FEW_BLOCKS = 5
"""Blocks of the result's channels up to which it always takes several at a time."""
_NARROW = 32
"""Width of a map up to which one block at a time is as fast."""
_KEPT_CONVOLUTIONS = 256
"""More than a network has for images of one size; others are soon made again."""

_Sizes = c_int64 * 12
_Made = POINTER(c_void_p)
_FORWARD, _OF_INPUT, _OF_WEIGHT = (
    f"convolution_{name}_primitive_desc_create" for name in ("forward", "backward_data", "backward_weights")
)
_SIGNATURES: Mapping[str, Sequence[Any]] = {
    "engine_create": (_Made, c_int, c_size_t),
    "stream_create": (_Made, c_void_p, c_int),
    "stream_wait": (c_void_p,),
    "stream_destroy": (c_void_p,),
    "memory_create": (_Made, c_void_p, c_void_p, c_void_p),
    "memory_destroy": (c_void_p,),
    "memory_desc_create_with_strides": (_Made, c_int, _Sizes, c_int, _Sizes),
    "memory_desc_create_with_tag": (_Made, c_int, _Sizes, c_int, c_int),
    "memory_desc_equal": (c_void_p, c_void_p),
    "memory_desc_get_size": (c_void_p,),
    "memory_desc_destroy": (c_void_p,),
    _FORWARD: (_Made, c_void_p, c_int, c_int, *[c_void_p] * 4, *[_Sizes] * 4, c_void_p),
    _OF_INPUT: (_Made, c_void_p, c_int, *[c_void_p] * 3, *[_Sizes] * 4, c_void_p, c_void_p),
    _OF_WEIGHT: (_Made, c_void_p, c_int, *[c_void_p] * 4, *[_Sizes] * 4, c_void_p, c_void_p),
    "primitive_attr_create": (_Made,),
    "primitive_attr_set_scratchpad_mode": (c_void_p, c_int),
    "primitive_attr_destroy": (c_void_p,),
    "reorder_primitive_desc_create": (_Made, *[c_void_p] * 5),
    "primitive_desc_query_md": (c_void_p, c_int, c_int),
    "primitive_desc_destroy": (c_void_p,),
    "primitive_create": (_Made, c_void_p),
    "primitive_execute": (c_void_p, c_void_p, c_int, c_void_p),
    "primitive_destroy": (c_void_p,),
}
_RESULTS = {"memory_desc_get_size": c_size_t, "primitive_desc_query_md": c_void_p}
"""The others return a status, 0 if they succeed, or whether something is so."""


Made = TypeVar("Made", bound="ForwardConvolution")


class OneDnnError(Exception):
    """oneDNN has no kernel for something, or could not run one."""


def result_shape(x: Shape, weight: Shape, moves: Moves) -> Shape:
    """Shape [N, C', H', W'] of the result for an input [N, C, H, W] and weights [C', C / groups, h, w]."""
    stride, dilation, before, after = moves
    height, width = (
        (x[2 + axis] + before[axis] + after[axis] - dilation[axis] * (weight[2 + axis] - 1) - 1) // stride[axis] + 1
        for axis in range(2)
    )
    return (x[0], weight[0], height, width)


@cache
def is_there() -> bool:
    """Whether the installed Paddle brings oneDNN with the functions that are called here."""
    try:
        _library()
    except (OSError, AttributeError) as fault:
        log.debug("convolutions are Paddle's: %s", fault)
        return False
    return True


@lru_cache(_KEPT_CONVOLUTIONS)
def convolution(x: Shape, weight: Shape, moves: Moves, groups: int) -> Convolution | None:
    """A `Convolution`; None where oneDNN has no kernels for it."""
    return _made(Convolution, x, weight, moves, groups)


@lru_cache(_KEPT_CONVOLUTIONS)
def forward_convolution(x: Shape, weight: Shape, moves: Moves, groups: int) -> ForwardConvolution | None:
    """A `ForwardConvolution`; None where oneDNN has no kernel for it."""
    return _made(ForwardConvolution, x, weight, moves, groups)


def _made(kind: type[Made], *described: Any) -> Made | None:
    try:
        return kind(*described)
    except OneDnnError as fault:
        log.debug("%s by %s: %s", *described[:2], fault)
        return None


class ForwardConvolution:
    """A convolution over float32 arrays, which are dense.

    Args:
        x: Shape [N, C, H, W] of its input.
        weight: Shape [C', C / groups, h, w] of its weights.
        moves: How the kernel moves.
        groups: Of channels.

    Attributes:
        forward: Input [N, C, H, W] and weights [C', C / groups, h, w] to the result [N, C', H', W'].

    Raises:
        OneDnnError: There is no kernel for it.
    """

    def __init__(self, x: Shape, weight: Shape, moves: Moves, groups: int) -> None:
        y = result_shape(x, weight, moves)
        if groups > 1:  # an axis of their own
            weight = (groups, weight[0] // groups, *weight[1:])
        self._shapes = x, weight, y
        gaps = [rate - 1 for rate in moves[1]]
        self._sizes = [_Sizes(*pair) for pair in (moves[0], gaps, *moves[2:])]
        self._x, self._weight, self._y = (_any_arrangement(shape) for shape in self._shapes)
        arrays = self._x, self._weight, None, self._y  # no bias
        self._made = _Handle(_FORWARD, _engine(), _TRAINING, _DIRECT, *arrays, *self._sizes, _attributes())
        self.forward = _Pass(self._made, {_X: x, _W: weight}, _Y, y)


class Convolution(ForwardConvolution):
    """The same with the passes that make gradients; its arguments are those of `ForwardConvolution`.

    Attributes:
        of_input: Gradient of the result and weights to the gradient of the input, which may have gaps.
        of_weight: Gradient of the result and input to the gradient of the weights.

    Raises:
        OneDnnError: There is no kernel for one of them.
    """

    def __init__(self, x: Shape, weight: Shape, moves: Moves, groups: int) -> None:
        super().__init__(x, weight, moves, groups)
        _, parted, y = self._shapes
        by_forward = *self._sizes, self._made, _attributes()
        of_input = _Handle(_OF_INPUT, _engine(), _DIRECT, self._x, self._weight, self._y, *by_forward)
        of_weights = _Handle(_OF_WEIGHT, _engine(), _DIRECT, self._x, self._weight, None, self._y, *by_forward)
        self.of_input: Callable[[FloatArray, FloatArray], FloatArray] = _Pass(of_input, {_DY: y, _W: parted}, _DX, x)
        self.of_weight = _Pass(of_weights, {_DY: y, _X: x}, _DW, parted)
        channels = _divisible(x[1])
        if groups == 1 and x[3] > _NARROW and channels > x[1]:
            wide = Convolution((x[0], channels, *x[2:]), (weight[0], channels, *weight[2:]), moves, groups)
            self.of_input = partial(_of_fewer, wide.of_input)


def _divisible(channels: int) -> int:
    """So many channels, or the next ones whose blocks oneDNN computes several at a time: by twos, threes or fives."""
    blocks = -(-channels // LANES)
    while blocks > _FEW_BLOCKS and all(blocks % count for count in (2, 3, 5)):
        blocks += 1
    return channels if blocks == -(-channels // LANES) else blocks * LANES


def _of_fewer(
    of_input: Callable[[FloatArray, FloatArray], FloatArray], given: FloatArray, weight: FloatArray
) -> FloatArray:
    """The gradient of an input that has fewer channels than `of_input` gives; those added have weights of 0."""
    fewer, added = weight.shape[1], _divisible(weight.shape[1]) - weight.shape[1]
    return of_input(given, np.pad(weight, ((0, 0), (0, added), (0, 0), (0, 0))))[:, :fewer]


@dataclass(frozen=True)
class _Role:
    """What an array is to a convolution.

    Attributes:
        argument: Its number when the convolution runs.
        query: The question for its arrangement.
    """

    argument: int
    query: int


_X, _W, _Y = _Role(1, 129), _Role(33, 131), _Role(17, 133)
_SCRATCH = _Role(80, 136)
_DX, _DW, _DY = _Role(129, 130), _Role(161, 132), _Role(145, 134)


class _Pass:
    """A primitive with the arrangements of its inputs and its result."""

    def __init__(self, made: _Handle, inputs: Mapping[_Role, Shape], role: _Role, shape: Shape) -> None:
        self._primitive = _Handle("primitive_create", made)
        self._inputs = [_Place(made, each, of_input) for each, of_input in inputs.items()]
        self._result = _Place(made, role, shape, is_result=True)
        self._scratch = _Room(made, _SCRATCH)

    def __call__(self, *inputs: FloatArray) -> FloatArray:
        """The result for dense arrays.

        Raises:
            OneDnnError: The memory is not enough.
        """
        stream = _Handle("stream_create", _engine(), _IN_ORDER)
        result = empty(self._result.shape)
        arguments = {self._scratch.argument: self._scratch.memory()} if self._scratch.bytes else {}
        for place, values in zip(self._inputs, inputs, strict=True):
            memory = _Memory(place.outside, values)
            arguments[place.argument] = memory if place.copy is None else place.memory()
            if place.copy is not None:
                _run(place.copy, stream, {_FROM: memory, _TO: arguments[place.argument]})
        memory = _Memory(self._result.outside, result)
        arguments[self._result.argument] = memory if self._result.copy is None else self._result.memory()
        _run(self._primitive, stream, arguments)
        if self._result.copy is not None:
            _run(self._result.copy, stream, {_FROM: arguments[self._result.argument], _TO: memory})
        _library().dnnl_stream_wait(stream)
        return result


class _Room:
    """Values as a pass has them.

    Attributes:
        argument: Their number when it runs.
        bytes: How large they are.
    """

    def __init__(self, made: _Handle, role: _Role) -> None:
        self.argument, self._owner = role.argument, made
        self._inside = _library().dnnl_primitive_desc_query_md(made, role.query, 0)
        self.bytes = _library().dnnl_memory_desc_get_size(self._inside)

    def memory(self) -> _Memory:
        """Memory for them."""
        return _Memory(self._inside, empty([-(-self.bytes // _FLOAT_BYTES)]))


class _Place(_Room):
    """An input or the result of a pass.

    Attributes:
        shape: Of the array outside.
        outside: Arrangement of that array.
        copy: Primitive that arranges the values for the pass, or a result's back; None where there is nothing to do.
    """

    def __init__(self, made: _Handle, role: _Role, shape: Shape, *, is_result: bool = False) -> None:
        super().__init__(made, role)
        self.shape, self.outside, self.copy = shape, _dense(shape), None
        if not _library().dnnl_memory_desc_equal(self.outside, self._inside):
            start, end = (self._inside, self.outside) if is_result else (self.outside, self._inside)
            described = _Handle("reorder_primitive_desc_create", start, _engine(), end, _engine(), None)
            self.copy = _Handle("primitive_create", described)


class _Handle:
    """Something that oneDNN made, which functions take as an argument; it is given back with this object."""

    def __init__(self, maker: str, *arguments: Any) -> None:
        pointer = c_void_p()
        make, give_back = _makers(maker)
        status = make(byref(pointer), *arguments)
        if status:
            raise OneDnnError(f"{maker} of oneDNN returns {status}")
        self.pointer = self._as_parameter_ = pointer
        self._give_back = give_back

    def __del__(self) -> None:
        if hasattr(self, "_give_back"):
            self._give_back(self)


@cache
def _makers(maker: str) -> tuple[Any, Any]:
    """The function of this name, and the one that gives back what it makes."""
    kind = "primitive_desc" if "primitive_desc" in maker else maker.partition("_create")[0]
    return getattr(_library(), f"dnnl_{maker}"), getattr(_library(), f"dnnl_{kind}_destroy")


class _Memory(_Handle):
    """An array with its arrangement."""

    def __init__(self, arrangement: Any, values: FloatArray) -> None:
        # `values.ctypes` would take as long as oneDNN
        super().__init__("memory_create", arrangement, _engine(), values.__array_interface__["data"][0])
        self._values = values  # lives as long


class _Argument(ctypes.Structure):
    """Number of an argument, and what it is."""

    _fields_ = (("number", c_int), ("memory", c_void_p))


def _run(primitive: _Handle, stream: _Handle, arguments: Mapping[int, _Memory]) -> None:
    pairs = [_Argument(number, memory.pointer) for number, memory in arguments.items()]
    given = (_Argument * len(pairs))(*pairs)
    status = _library().dnnl_primitive_execute(primitive, stream, len(given), given)
    if status:
        raise OneDnnError(f"oneDNN could not compute: it returns {status}")


def _dense(shape: Shape) -> _Handle:
    """The arrangement of an array in C order."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return _Handle("memory_desc_create_with_strides", len(shape), _Sizes(*shape), _FLOAT32, _Sizes(*strides))


def _any_arrangement(shape: Shape) -> _Handle:
    """Leaves the arrangement to oneDNN."""
    return _Handle("memory_desc_create_with_tag", len(shape), _Sizes(*shape), _FLOAT32, _ANY_LAYOUT)


@cache
def _attributes() -> _Handle:
    """Each call brings the memory for what lies between, which threads would share otherwise."""
    made = _Handle("primitive_attr_create")
    _library().dnnl_primitive_attr_set_scratchpad_mode(made, _OF_CALLER)
    return made


@cache
def _engine() -> _Handle:
    return _Handle("engine_create", _CPU, 0)


@cache
def _library() -> Any:
    """The functions of oneDNN.

    Raises:
        OSError: There is none.
        AttributeError: One of the functions is missing.
    """
    file = find_onednn()
    if file is None:
        raise FileNotFoundError("there is no oneDNN, or it is not wanted")
    functions = ctypes.CDLL(str(file))  # Paddle has loaded it, with the threads of its products of matrices
    for name, arguments in _SIGNATURES.items():
        function = getattr(functions, f"dnnl_{name}")
        function.argtypes, function.restype = list(arguments), _RESULTS.get(name, c_int)
    return functions
