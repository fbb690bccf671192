"""Loads the arrays of a weight file into a network, and reports which of them fitted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcli.errors import WeightsError
from segcli.plurals import listed
from segcli.weights.arrays import Array

Network = Any

BACKBONE = "backbone."
WRAPPERS = ("_layers.", "module.", "model.", "network.")
"""Prefixes that data-parallel training and other toolkits put before every name."""
SENSIBLE_SHARE = 0.9
"""Share of the network, or of its backbone, that a file must fill to be accepted as its weights."""
_NAMED = 4
"""As many tensors are named per kind of fault."""

_log = logging.getLogger("segcli.weights")


@dataclass(frozen=True)
class Mismatch:
    """A tensor that has different shapes in the file and in the network."""

    name: str
    file_shape: tuple[int, ...]
    network_shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} (file {list(self.file_shape)}, network {list(self.network_shape)})"


@dataclass(frozen=True)
class LoadReport:
    """How the arrays of a file were used; names are the network's, except those of `unexpected`, which are the file's.

    Attributes:
        loaded: Filled from the file.
        missing: Not in the file; they keep their values.
        unexpected: In the file, but not in the network.
        mismatched: In both, in different shapes; they keep their values.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]

    @property
    def is_exact(self) -> bool:
        """Whether file and network have the same tensors."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """One line that names what did not fit."""
        parts = [f"{len(self.loaded)} tensors loaded"]
        if self.mismatched:
            parts.append(f"{len(self.mismatched)} skipped for their shape: {listed(self.mismatched, _NAMED)}")
        if self.missing:
            parts.append(f"{len(self.missing)} not in the file: {listed(self.missing, _NAMED)}")
        if self.unexpected:
            parts.append(f"{len(self.unexpected)} of the file not used: {listed(self.unexpected, _NAMED)}")
        return "; ".join(parts)


def load_into(network: Network, arrays: Mapping[str, Array]) -> LoadReport:
    """Fills the tensors of `network` that `arrays` holds by name and shape.

    A file of the backbone alone (names without ``backbone.``) is loaded into the backbone, and a wrapper's prefix
    before every name is removed. A tensor of another shape, such as a head for another number of classes, keeps its
    values; the report and the log name it.

    Args:
        network: A `paddle.nn.Layer`, possibly built without values (`paddle.LazyGuard`).
        arrays: Name -> array, in the network's layout.

    Raises:
        WeightsError: The file fills less than `SENSIBLE_SHARE` of the network and of its backbone; nothing is changed.
    """
    state = dict(network.state_dict())
    shapes = {name: tuple(int(side) for side in tensor.shape) for name, tensor in state.items()}
    placed = _place(arrays, shapes)
    report = _compare(placed, shapes, arrays)
    _require_sensible_share(report, shapes)
    for name in report.loaded:
        # Paddle refuses other types, and files may have half or double precision
        dtype = str(state[name].dtype).rpartition(".")[2]
        array = arrays[placed[name]]
        state[name].set_value(array if dtype == "bfloat16" else array.astype(dtype, copy=False))
    level = logging.WARNING if report.mismatched else logging.INFO
    _log.log(level, "%s", report.describe())
    return report


def load_exactly(network: Network, arrays: Mapping[str, Array], *, path: object) -> LoadReport:
    """Fills every tensor of `network`; `path` names the file in messages.

    Raises:
        WeightsError: A tensor of the network is not in the file, or in another shape.
    """
    try:
        report = load_into(network, arrays)
    except WeightsError as fault:
        raise WeightsError(fault.message, path=str(path), hint=fault.hint) from fault
    if report.missing or report.mismatched:
        raise WeightsError(
            f"does not hold all weights of this model: {report.describe()}",
            path=str(path),
            hint="give weights of exactly this model and class count; to start a training from them use "
            "Train.pretrain_weight_path",
        )
    return report


def _place(arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """The network's name -> the file's name, under the renaming that fits most tensors by name and shape."""
    renamings = [{name: name for name in arrays}, {BACKBONE + name: name for name in arrays}]
    for wrapper in WRAPPERS:
        if arrays and all(name.startswith(wrapper) for name in arrays):
            renamings.append({name[len(wrapper) :]: name for name in arrays})

    def fitting(renaming: dict[str, str]) -> int:
        return sum(shapes.get(new) == arrays[old].shape for new, old in renaming.items())

    return _with_endings(max(renamings, key=fitting), arrays, shapes)


def _with_endings(
    placed: dict[str, str], arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, str]:
    """Maps unmatched tensors of the file to the only network tensor whose name ends with theirs, as PaddleDetection.

    The last stage of an ImageNet ResNet is the head of Mask R-CNN on C4: `res5.*` becomes `bbox_head.head.res5.*`.
    """
    free = [name for name in shapes if name not in placed]
    result = {}
    for new, old in placed.items():
        ends = [name for name in free if name.endswith(f".{old}") and shapes[name] == arrays[old].shape]
        result[ends[0] if new not in shapes and len(ends) == 1 else new] = old
    return result


def _compare(
    placed: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Array]
) -> LoadReport:
    common = [name for name in shapes if name in placed]
    mismatched = [
        Mismatch(name, arrays[placed[name]].shape, shapes[name])
        for name in common
        if arrays[placed[name]].shape != shapes[name]
    ]
    wrong = {mismatch.name for mismatch in mismatched}
    return LoadReport(
        loaded=tuple(name for name in common if name not in wrong),
        missing=tuple(name for name in shapes if name not in placed),
        unexpected=tuple(old for new, old in placed.items() if new not in shapes),
        mismatched=tuple(mismatched),
    )


def _require_sensible_share(report: LoadReport, shapes: Mapping[str, tuple[int, ...]]) -> None:
    shares = []
    for part in ("", BACKBONE):
        wanted = [name for name in shapes if name.startswith(part)]
        filled = [name for name in report.loaded if name.startswith(part)]
        shares.append(len(filled) / len(wanted) if wanted else 0.0)
    if max(shares) < SENSIBLE_SHARE:
        raise WeightsError(
            f"these weights are of another network: they fill {len(report.loaded)} of {len(shapes)} tensors "
            f"({report.describe()})",
            hint="give weights of this model or of its backbone, or null to start at random",
        )
