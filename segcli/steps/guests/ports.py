"""Checks that a card matches the inputs and outputs of its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segcli.errors import ConfigError, ConfigFault
from segcli.models.guest_card import GuestCard
from segcli.steps.guests.network_file import NetworkFile, Port

LEAST_OUTPUTS = {"yolo": 2, "detr": 3}
"""Number of outputs per kind; other kinds have one."""


def input_of(file: NetworkFile, card: GuestCard, path: Path) -> tuple[str, str, tuple[int, int, int, int]]:
    """Returns name, dtype and shape (N, channels, height, width) of the input.

    Raises:
        ConfigError: The card does not match it.
    """
    port = port_named(file.inputs, card.input.name, f"{path.name} input.name")
    if len(file.inputs) > 1:
        others = ", ".join(one.name for one in file.inputs if one is not port)
        raise _fault(path, "input", f"the network has further inputs: {others}")
    if port.dtype is None or len(port.shape) != 4:
        raise _fault(path, "input.name", f"{port} of {port.kind} is not an image")
    batch, *rest = port.shape
    channels, height, width = rest if card.input.layout == "NCHW" else (rest[2], *rest[:2])
    if channels not in (-1, card.input.count):
        raise _fault(path, "input.channels", f"are {card.input.count}, the network takes {port} ({card.input.layout})")
    size = card.input.size
    if size is not None and any(there not in (-1, wanted) for there, wanted in zip((height, width), size, strict=True)):
        raise _fault(path, "input.size", f"is {list(size)}, the network takes {height} x {width}")
    return port.name, port.dtype, (batch, card.input.count, *(size or (height, width)))


def output_places(file: NetworkFile, card: GuestCard, path: Path) -> tuple[int, ...]:
    """Returns the indices of the outputs to use, in the order that the kind requires.

    Raises:
        ConfigError: There are too few, or one that the card names is missing.
    """
    least = LEAST_OUTPUTS.get(card.output.kind, 1)
    names = card.output.names or tuple(one.name for one in file.outputs[:least])
    if len(names) < least:
        there = ", ".join(map(str, file.outputs))
        raise _fault(path, "output.names", f"{card.output.kind} has {least} outputs; there are {there}")
    ports = [port_named(file.outputs, name, f"{path.name} output.names") for name in names]
    return tuple(file.outputs.index(port) for port in ports)


def port_named(ports: Sequence[Port], name: str | None, key: str) -> Port:
    """Looks up an input or output by name; the first where `name` is None.

    Raises:
        ConfigError: There is no such input or output.
    """
    if name is None:
        return ports[0]
    found = next((one for one in ports if one.name == name), None)
    if found is None:
        there = ", ".join(one.name for one in ports)
        raise ConfigError([ConfigFault(key, f"there is no {name!r}", f"one of {there}")])
    return found


def _fault(path: Path, key: str, message: str) -> ConfigError:
    return ConfigError([ConfigFault(f"{path.name} {key}", message)])
