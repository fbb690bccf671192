"""Converts one exported model to ONNX; run as a separate process, because the converter can abort it.

Usage: ``python -m segcli.inference.onnx_worker PROGRAM WEIGHTS TARGET``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from segcli.inference.exported_model import LABELS_TENSOR, LOGITS_FILE, LOGITS_TENSOR
from segcli.inference.onnx_conversion import TIMES, readable_beside
from segcli.inference.opening_budget import MEMORY_OVER, is_out_of_memory, limit_this_process

OPSET = 17
CONSTANT, DOUBLE, SINGLE = "1.full", "0.a_f64", "0.a_f32"
"""Paddle's names of the operator of constants and of the two types of attributes."""


def convert(program: Path, weights: Path, target: Path) -> None:
    """Writes `target`.

    A program with logits gets the output ``labels`` (int32 [N, H, W]) in place of them, which stay in the graph as
    ``logits``; a program of any other kind keeps its outputs.
    """
    import onnx
    import paddle2onnx

    # Polygraphy, the converter's default optimiser, takes 6 to 20 s and does only what the runtimes do themselves
    readable = readable_beside(target)
    readable.write_text(single_precision(program.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        paddle2onnx.export(str(readable), str(weights), str(target), opset_version=OPSET, optimize_tool="None")
    finally:
        readable.unlink()
    model = onnx.load(str(target))
    if program.name == LOGITS_FILE:
        name_logits(model)
        append_labels(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def single_precision(program: str) -> str:
    """The program with its attributes in single precision, as the converter expects them.

    Paddle 3.3 writes some attributes in double precision: the scales of resizing, at which paddle2onnx 2.1 ends in "the
    0th elementwise MUST be ir::FloatAttribute", but also the value of a padding and the epsilon of a group norm, for
    which it then silently writes whatever lay in its memory (Paddle2ONNX issue 1646). The values of constants are the
    only ones that it reads as doubles.
    """
    values = json.loads(program)
    _shorten(values)
    return json.dumps(values)


def _shorten(value: Any) -> None:
    """Renames the type of every double in a part of a program, except the values of constants."""
    if isinstance(value, list):
        for entry in value:
            _shorten(entry)
    if not isinstance(value, dict):
        return
    is_constant = value.get("#") == CONSTANT
    if value.get("#") == DOUBLE:
        value["#"] = SINGLE
    for name, entry in value.items():
        if not (is_constant and name == "A"):
            _shorten(entry)


def name_logits(model: Any) -> None:
    """Renames the only output to ``logits``."""
    output = model.graph.output[0]
    old = output.name
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = LOGITS_TENSOR
    output.name = LOGITS_TENSOR


def append_labels(model: Any) -> None:
    """Replaces the output by the class of the largest logit, int32 [N, H, W], as PaddleX expects it."""
    from onnx import TensorProto, helper

    logits = model.graph.output.pop()
    sides = logits.type.tensor_type.shape.dim
    shape = [side.dim_param or side.dim_value for side in (sides[0], *sides[2:])]
    model.graph.node.extend(
        [
            helper.make_node("ArgMax", [LOGITS_TENSOR], ["labels_int64"], axis=1, keepdims=0),
            helper.make_node("Cast", ["labels_int64"], [LABELS_TENSOR], to=TensorProto.INT32),
        ]
    )
    model.graph.value_info.append(logits)
    model.graph.output.append(helper.make_tensor_value_info(LABELS_TENSOR, TensorProto.INT32, shape))


def cut_to_logits(model: Any) -> bool:
    """Reverts `append_labels` in memory; False if the model has no tensor called ``logits``."""
    producers = [node for node in model.graph.node if LOGITS_TENSOR in node.output]
    known = [value for value in model.graph.value_info if value.name == LOGITS_TENSOR]
    if not producers or not known:
        return False
    tail = [node for node in model.graph.node if {"labels_int64", LABELS_TENSOR} & set(node.output)]
    for node in tail:
        model.graph.node.remove(node)
    del model.graph.output[:]
    model.graph.output.append(known[0])
    return True


def main(program: Path, weights: Path, target: Path) -> int:
    """Converts within limits, which hold for this whole process."""
    # before memory is limited: libraries reserve much more address space than they use
    import onnx  # noqa: F401
    import paddle2onnx  # noqa: F401

    limit_this_process(program.stat().st_size + weights.stat().st_size, TIMES)
    try:
        convert(program, weights, target)
    except Exception as fault:
        if is_out_of_memory(fault):
            return MEMORY_OVER
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:4])))
