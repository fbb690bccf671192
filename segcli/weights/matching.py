"""Matches the tensors of a file with a network: names, layouts and types, and a report of everything that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import paddle

from segcli.plurals import listed
from segcli.weights.arrays import Array

_PREFIXES = ("net.", "module.", "model.", "sam.")
_RENAMED_ENDINGS = {".running_mean": "._mean", ".running_var": "._variance"}
# In published files but unused by the networks: counters, computed tables, an image encoder and classifiers.
_UNUSED_ENDINGS = (".num_batches_tracked", ".attention_bias_idxs", "pixel_mean", "pixel_std", "logit_scale")
_UNUSED_BEGINNINGS = ("clip_pretrained.visual.", "pretrained.model.head.", "pretrained.model.norm.")
_SHOWN = 8


@dataclass(frozen=True)
class NetworkLayout:
    """The tensors that a network expects.

    Attributes:
        shapes: Name -> shape of every parameter and buffer.
        linear: Names of the weights of linear layers, ``[in, out]`` in Paddle and ``[out, in]`` in torch.
    """

    shapes: Mapping[str, tuple[int, ...]]
    linear: frozenset[str]

    @classmethod
    def of(cls, network: paddle.nn.Layer) -> NetworkLayout:
        """The layout of a network (also of one built under `paddle.LazyGuard`)."""
        shapes = {name: tuple(int(size) for size in value.shape) for name, value in network.state_dict().items()}
        layers = network.named_sublayers()
        linear = frozenset(f"{name}.weight" for name, layer in layers if isinstance(layer, paddle.nn.Linear))
        return cls(shapes, linear)


@dataclass
class Fit:
    """The tensors that fit, and a report of everything else.

    Attributes:
        tensors: Name -> array in Paddle's layout, a view of the file's array with its type. See `as_float32`.
        missing: Names that the network expects and the file lacks.
        extra: Unknown names in the file.
        unused: Known names in the file that the network does not need.
        mismatched: Name -> (shape in the file, shape expected).
        renamed: Name in the file -> name in the network.
        transposed: Names whose two dimensions were transposed.
    """

    tensors: dict[str, Array] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    transposed: list[str] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        """Whether all tensors of the network are filled and none of the file is left over, except known unused ones."""
        return not (self.missing or self.extra or self.mismatched)

    def describe_faults(self) -> str:
        """Lists what does not fit, one line per kind of fault."""
        lines = []
        for word, names in (("missing from the file", self.missing), ("unknown to the network", self.extra)):
            if names:
                lines.append(f"{len(names)} {word}: {listed(names, _SHOWN)}")
        if self.mismatched:
            pairs = [f"{name} {found} instead of {wanted}" for name, (found, wanted) in self.mismatched.items()]
            lines.append(f"{len(pairs)} of another shape: {listed(pairs, _SHOWN)}")
        return "\n".join(lines)


def fit_tensors(tensors: Mapping[str, Array], layout: NetworkLayout, *, is_torch_layout: bool = True) -> Fit:
    """Matches the tensors of a file with a network.

    The layout of linear weights is detected by their shapes; `is_torch_layout` decides only if the shapes cannot.

    Args:
        tensors: Name -> array as read from a file.
        layout: What the network expects.
        is_torch_layout: Whether the file is in torch's layout.

    Returns:
        The result; its `tensors` are complete only if `is_exact`.
    """
    fit = Fit()
    names = _network_names(tensors, layout)
    transpose = _linear_are_torch(tensors, names, layout, is_torch_layout)
    for source_name, name in names.items():
        if name not in layout.shapes:
            is_unused = name.endswith(_UNUSED_ENDINGS) or name.startswith(_UNUSED_BEGINNINGS)
            (fit.unused if is_unused else fit.extra).append(source_name)
            continue
        array = tensors[source_name]
        if name != source_name:
            fit.renamed[source_name] = name
        if transpose and name in layout.linear and array.ndim == 2:
            array = array.T
            fit.transposed.append(name)
        if array.shape != layout.shapes[name]:
            fit.mismatched[name] = (array.shape, layout.shapes[name])
            continue
        fit.tensors[name] = array
    present = set(names.values())
    fit.missing = [name for name in layout.shapes if name not in present]
    return fit


def as_float32(array: Array) -> Array:
    """A contiguous array; floats of other widths become float32, integers and booleans stay."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    return array.astype(np.float32, copy=False) if np.issubdtype(array.dtype, np.floating) else array


def _network_names(tensors: Mapping[str, Array], layout: NetworkLayout) -> dict[str, str]:
    """Name in the file -> name in the network's naming."""
    stripped = {name: name for name in tensors}
    changed = True
    while changed:
        changed = False
        for prefix in _PREFIXES:
            with_prefix = sum(name.startswith(prefix) for name in stripped.values())
            is_expected = any(name.startswith(prefix) for name in layout.shapes)
            # The file may hold a few entries of the framework beside the network's.
            if with_prefix > 0.9 * len(stripped) and not is_expected:
                stripped = {source: name.removeprefix(prefix) for source, name in stripped.items()}
                changed = True
    return {source: _paddle_ending(name) for source, name in stripped.items()}


def _paddle_ending(name: str) -> str:
    for ending, paddle_ending in _RENAMED_ENDINGS.items():
        if name.endswith(ending):
            return name.removesuffix(ending) + paddle_ending
    return name


def _linear_are_torch(
    tensors: Mapping[str, Array], names: Mapping[str, str], layout: NetworkLayout, default: bool
) -> bool:
    votes = 0
    for source, name in names.items():
        shape = tensors[source].shape
        if name in layout.linear and name in layout.shapes and len(shape) == 2 and shape[0] != shape[1]:
            votes += 1 if shape[::-1] == layout.shapes[name] else -1 if shape == layout.shapes[name] else 0
    return votes > 0 if votes else default
