"""Builds the network of any model of the table; the libraries are imported only then."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from segcli.data.decoding.image_range import COLOURS
from segcli.errors import UsageError
from segcli.models.table import get_spec
from segcli.tasks import engine_of

Network = Any
DEFAULT_SIDE = 640
_REFUSALS = {
    "input_size": "takes images of any size; input_size is for instance models",
    "options": "has no options; they are for instance models",
    "input_channels": "takes RGB images; other bands are for semantic models",
    "num_classes": "takes prompts and has no classes; leave num_classes out",
}
"""By argument: why a model that does not take it refuses it."""


def build_network(
    name: str,
    num_classes: int | None = None,
    *,
    input_size: int | None = None,
    options: Mapping[str, Any] | None = None,
    lazy: bool = False,
    input_channels: int = COLOURS,
) -> Network:
    """The network of a model with random weights, in training mode.

    Args:
        name: Name in the table of models, e.g. ``SegFormer-B0``.
        num_classes: Classes of its output (semantic: with the background); None takes that of the public dataset.
        input_size: Side in pixels of the images that an instance model will mostly see.
        options: Arguments of an instance model's parts, as in `Train.network`.
        input_channels: Bands of a semantic model's images.
        lazy: Leaves the parameters without values, which is many times faster; only where every one is then loaded.

    Returns:
        A `paddle.nn.Layer`.

    Raises:
        UsageError: There is no such model, or an argument does not fit its task.
    """
    spec = get_spec(name)
    takes = spec.task.facts.network_takes
    given = {
        "input_size": input_size is not None,
        "options": bool(options),
        "input_channels": input_channels != COLOURS,
        "num_classes": num_classes is not None,
    }
    for argument, is_given in given.items():
        if is_given and argument not in takes:
            raise UsageError(f"{name} {_REFUSALS[argument]}")
    if num_classes is not None and num_classes < 1:
        raise UsageError(f"a model needs at least one class, not {num_classes}")
    from paddle import LazyGuard

    with LazyGuard() if lazy else nullcontext():
        return engine_of(spec.task).build_network(
            spec,
            num_classes or spec.task.facts.default_classes,
            input_size=(input_size or DEFAULT_SIDE) if "input_size" in takes else None,
            options=options,
            input_channels=input_channels,
        )
