"""The network in an ONNX file that ends in a label map, without its last steps: an enlargement and the argmax.

To cut it takes as long as to open it, so the cut network is kept in the cache of this machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from segcli.inference.exported_model import LOGITS_TENSOR
from segcli.inference.onnx_worker import cut_to_logits
from segcli.inference.runtimes.kept_networks import ONE_FILE, keep_bytes, kept_form

_SHAPE_STEPS = frozenset({"Slice", "Gather", "Concat", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Identity"})
"""Operators that pass on sizes without changing them."""
_KNOWN_SETTINGS = frozenset({"mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a"})


class End(Enum):
    """What was cut off before the argmax."""

    NOTHING = "logits"
    ENLARGEMENT = "half_pixel"
    ENLARGEMENT_OF_CORNERS = "align_corners"


class CutNetwork(NamedTuple):
    """A network that ends in logits.

    Attributes:
        source: Its file, or its content where no file can be kept.
        end: The enlargement of these logits to the size of the input, which is left to the caller.
    """

    source: Path | bytes
    end: End


def cut_network(file: Path) -> CutNetwork | None:
    """The network of a file that segcli wrote, cut; None for any other file, or if the package `onnx` is missing.

    With None the runtime returns ids instead of logits: these are correct, but tiles cannot be blended.
    """
    kept = {end: kept_form(file, f"{end.value}{ONE_FILE}") for end in End}
    known = next((end for end, path in kept.items() if path is not None and path.is_file()), None)
    if known is not None and (path := kept[known]) is not None:
        return CutNetwork(path, known)
    model = _without_argmax(file)
    if model is None:
        return None
    end = cut_enlargement(model)
    content = bytes(model.SerializeToString())
    is_the_same = kept_form(file, f"{end.value}{ONE_FILE}") == kept[end]  # not replaced while it was read
    written = keep_bytes(kept[end], content) if is_the_same else None
    return CutNetwork(content if written is None else written, end)


def logits_graph(file: Path) -> bytes | None:
    """The network of a file that segcli wrote, without the argmax alone; None as in `cut_network`."""
    model = _without_argmax(file)
    return None if model is None else bytes(model.SerializeToString())


def _without_argmax(file: Path) -> Any | None:
    if find_spec("onnx") is None:
        return None
    import onnx

    model = onnx.load(str(file))
    return model if cut_to_logits(model) else None


def cut_enlargement(model: Any) -> End:
    """Takes a last bilinear enlargement to the size of the input off a network that ends in logits, in memory."""
    producers = {name: node for node in model.graph.node for name in node.output}
    last = producers.get(LOGITS_TENSOR)
    if last is None or last.op_type != "Resize" or len(last.input) != 4 or len(model.graph.input) != 1:
        return End.NOTHING
    import onnx

    settings = {setting.name: onnx.helper.get_attribute_value(setting) for setting in last.attribute}
    ways = {b"half_pixel": End.ENLARGEMENT, b"align_corners": End.ENLARGEMENT_OF_CORNERS}
    end = ways.get(settings.get("coordinate_transformation_mode", b"half_pixel"))
    is_bilinear = settings.get("mode") == b"linear" and settings.keys() <= _KNOWN_SETTINGS
    if end is None or not is_bilinear or not _is_size_of_input(model, producers, last):
        return End.NOTHING
    small = onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, [None] * 4)
    del model.graph.output[:]
    model.graph.output.append(small)
    used = needed_nodes(model.graph.node, [last.input[0]])
    del model.graph.node[:]
    model.graph.node.extend(used)
    return end


def _is_size_of_input(model: Any, producers: dict[str, Any], last: Any) -> bool:
    """Whether the last enlargement is to batch and classes of its own input, and height and width of the image."""
    join = producers.get(last.input[3])
    if join is None or join.op_type != "Concat" or len(join.input) != 2:
        return False
    own, sides = join.input
    return _shape_read_by(producers, own) == {last.input[0]} and _shape_read_by(producers, sides) == {
        model.graph.input[0].name
    }


def _shape_read_by(producers: dict[str, Any], name: str) -> set[str]:
    """The tensors whose shapes make a size; {""} where anything else takes part in it."""
    waiting, seen, found = [name], set[str](), set[str]()
    while waiting:
        current = waiting.pop()
        node = producers.get(current)
        if current in seen or node is None or node.op_type == "Constant":
            continue
        seen.add(current)
        if node.op_type == "Shape":
            found.add(node.input[0])
        elif node.op_type in _SHAPE_STEPS:
            waiting.extend(node.input)
        else:
            return {""}
    return found


def needed_nodes(nodes: Iterable[Any], wanted: Iterable[str], given: Collection[str] = ()) -> list[Any]:
    """The nodes that lead from given tensors to wanted ones, in their order."""
    known = list(nodes)
    producers = {name: node for node in known for name in node.output if name not in given}
    waiting, needed = list(wanted), set[str]()
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.output[0] not in needed:
            needed.add(node.output[0])
            waiting.extend(node.input)
    return [node for node in known if node.output[0] in needed]
