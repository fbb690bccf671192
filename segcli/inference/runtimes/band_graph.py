"""A network in two parts, of which the first runs on horizontal bands of the image.

Most memory of a whole image is that of the first layers, which are the largest tensors of many networks and depend on
few rows of the image. So they run band by band, each with all rows that it needs, and the rest runs once, on what they
made: small tensors, among them those that a decoder takes. ONNX Runtime gives the values bit for bit; OpenVINO
rounds otherwise in networks of other sizes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.inference.runtimes.kept_networks import ONE_FILE, keep_bytes, kept_form
from segcli.inference.runtimes.live_memory import bytes_per_pixel, peak_of
from segcli.inference.runtimes.local_rows import Reach, local_tensors
from segcli.inference.runtimes.onnx_graph import CutNetwork, needed_nodes

PLAN = "bands"
"""Key of the plan in the properties of the first part."""
_BANDS = 3
"""With three both parts need about as much memory, and few rows run twice."""
_MOST_SHARE = 0.5
"""Of the memory of the whole network: a cut that saves less is not worth two more files."""
_MOST_TWICE = 0.25
"""Rows of an image, as a share, that run more than once: where bands are short for their reach, time is lost."""
_FIRST, _REST = f"first{ONE_FILE}", f"rest{ONE_FILE}"


@dataclass(frozen=True)
class Band:
    """Rows of the image that are run at a time.

    Attributes:
        top: The first row.
        end: The row after the last one.
        kept: The row after the last one for which all that is needed is in the band.
    """

    top: int
    end: int
    kept: int


@dataclass(frozen=True)
class BandPlan:
    """How the first part runs.

    Attributes:
        strides: Rows of the image per row of each tensor between the parts, by name.
        above: Rows that a band needs above the rows that it is for; a multiple of every stride.
        below: Rows that it needs below them; likewise.
    """

    strides: Mapping[str, int]
    above: int
    below: int

    def takes(self, height: int) -> bool:
        """Whether few enough rows of an image run more than once."""
        return (_BANDS - 1) * (self.above + self.below) <= _MOST_TWICE * height

    def bands(self, height: int) -> Iterator[Band]:
        """The bands of an image that `takes` accepts, from the bottom to the top.

        All are equally tall, for runtimes that compile a network for one size, and begin at a row of every tensor.
        """
        step = math.lcm(*self.strides.values())
        shared = self.above + self.below
        least = _up_to_multiple(-(-(height + (_BANDS - 1) * shared) // _BANDS), step)
        top = (height - least) // step * step
        tall, kept = height - top, height
        yield Band(top, height, height)
        while top > 0:
            kept = top + self.above
            top = max(0, kept + self.below - least)
            yield Band(top, top + tall, kept)


@dataclass(frozen=True)
class BandParts:
    """The two networks, as files or their content; the first holds the plan."""

    first: Path | bytes
    rest: Path | bytes


def band_parts(cut: CutNetwork) -> BandParts | None:
    """The two parts of a network without its last enlargement; None where bands save too little memory.

    They are kept in the cache; an empty file says that there are none.
    """
    first, rest = _kept(cut.source, _FIRST), _kept(cut.source, _REST)
    if first is not None and rest is not None and first.is_file() and rest.is_file():
        return BandParts(first, rest) if first.stat().st_size else None
    if find_spec("onnx") is None:
        return None
    import onnx

    whole = isinstance(cut.source, bytes)
    made = split_in_bands(onnx.load_model_from_string(cut.source) if whole else onnx.load(str(cut.source)))
    contents = (b"", b"") if made is None else made
    # the first part last: where it is, both are
    files = [keep_bytes(path, content) for path, content in zip((rest, first), reversed(contents), strict=True)]
    if made is None:
        return None
    return BandParts(files[1] or made[0], files[0] or made[1])


def _kept(source: Path | bytes, ending: str) -> Path | None:
    return kept_form(source, ending) if isinstance(source, Path) else None


def split_in_bands(model: Any) -> tuple[bytes, bytes] | None:
    """The two parts of a network, as ONNX files; None where no cut saves enough memory.

    Of all cuts that do, the one with the shortest reach is taken: the fewest rows run twice.

    Args:
        model: An `onnx.ModelProto` with one input, an image, and one output; is changed.
    """
    graph = model.graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        return None
    sides = graph.input[0].type.tensor_type.shape.dim
    channels = sides[1].dim_value if len(sides) == 4 and not (sides[2].dim_value or sides[3].dim_value) else 0
    if not channels:  # or the network takes one size only
        return None
    _join_identities(graph)
    local = local_tensors(graph)
    image, output = graph.input[0].name, graph.output[0].name
    if len(local) == 1 or output in local:
        return None
    sizes = bytes_per_pixel(model, channels)
    most = _MOST_SHARE * peak_of(graph.node, [image], {output}, sizes)
    for between in _cuts(graph, local):
        first = needed_nodes(graph.node, between)
        rest = needed_nodes(graph.node, [output], between)
        in_bands = sum(sizes[name] for name in between) + peak_of(first, [image], set(between), sizes) / _BANDS
        if image not in between and max(in_bands, peak_of(rest, between, {output}, sizes)) <= most:
            plan = _plan({name: local[name] for name in between})
            return _part(model, first, [image], between, plan), _part(model, rest, between, [output])
    return None


def _join_identities(graph: Any) -> None:
    """Takes nodes that pass a tensor on under another name out of a graph."""
    outputs, names = {value.name for value in graph.output}, dict[str, str]()
    for node in list(graph.node):
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
        if node.op_type == "Identity" and node.output[0] not in outputs:
            names[node.output[0]] = node.input[0]
            graph.node.remove(node)


def _cuts(graph: Any, local: Mapping[str, Reach]) -> Iterator[list[str]]:
    """The tensors between a first part that reaches so far and the rest, the shortest reach first."""
    for farthest in sorted({reach.farthest for reach in local.values()}):
        inner = {name for name, reach in local.items() if reach.farthest <= farthest}
        yield list(
            dict.fromkeys(
                name for node in graph.node if node.output[0] not in inner for name in node.input if name in inner
            )
        )


def _plan(between: Mapping[str, Reach]) -> BandPlan:
    strides = {name: reach.stride for name, reach in between.items()}
    step = math.lcm(*strides.values())
    above = _up_to_multiple(max(reach.above for reach in between.values()), step)
    return BandPlan(strides, above, _up_to_multiple(max(reach.below for reach in between.values()), step))


def _up_to_multiple(rows: int, step: int) -> int:
    return -(-rows // step) * step


def _part(
    model: Any, nodes: Sequence[Any], given: Sequence[str], wanted: Sequence[str], plan: BandPlan | None = None
) -> bytes:
    import onnx

    kinds = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    given_values, wanted_values = (
        [
            kinds.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4)
            for name in names
        ]
        for names in (given, wanted)
    )
    used = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in used]
    graph = onnx.helper.make_graph(nodes, model.graph.name, given_values, wanted_values, constants)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    if plan is not None:
        onnx.helper.set_model_props(part, {PLAN: json.dumps(asdict(plan))})
    return bytes(part.SerializeToString())
