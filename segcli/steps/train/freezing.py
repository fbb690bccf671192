"""Freezes parts of a network: `Train.freeze`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase

from segcli.config.suggest import did_you_mean, near
from segcli.engine import Network
from segcli.errors import ConfigError, ConfigFault
from segcli.plurals import listed

KEY = "Train.freeze"
_SHOWN = 12

log = logging.getLogger("segcli.train")


def freeze(network: Network, patterns: Sequence[str]) -> None:
    """Stops the gradients of the named layers; their batch normalisation keeps its running statistics.

    Args:
        network: The network, changed in place.
        patterns: Dotted names of layers, or shell-style patterns of such names: ``backbone``, ``backbone.layer[12]``.

    Raises:
        ConfigError: A pattern matches no layer with weights, or nothing is left to train.
    """
    if not patterns:
        return
    layers = dict(network.named_sublayers())
    names = {name for name, layer in layers.items() if layer.parameters()}
    chosen = {pattern: [name for name in names if fnmatchcase(name, pattern)] for pattern in patterns}
    faults = [_unknown(pattern, names) for pattern, found in chosen.items() if not found]
    if faults:
        raise ConfigError(faults)
    for layer in (layers[name] for found in chosen.values() for name in found):
        _freeze_layer(layer)
    trained = [parameter for parameter in network.parameters() if not parameter.stop_gradient]
    if not trained:
        raise ConfigError([ConfigFault(KEY, f"is {list(patterns)}; no weight is left to train", "name fewer parts")])
    frozen = sum(parameter.size for parameter in network.parameters() if parameter.stop_gradient)
    log.info(
        "frozen: %s, %.2f of %.2f million weights",
        ", ".join(patterns),
        frozen / 1e6,
        (frozen + sum(parameter.size for parameter in trained)) / 1e6,
    )


def _freeze_layer(layer: Network) -> None:
    for part in layer.sublayers(include_self=True):
        if hasattr(part, "_variance"):
            # `network.train()` would put the layer back into training mode
            part.register_forward_pre_hook(_as_evaluated)
    for parameter in layer.parameters():
        parameter.stop_gradient = True


def _as_evaluated(layer: Network, _inputs: object) -> None:
    layer.training = False


def _unknown(pattern: str, names: set[str]) -> ConfigFault:
    """The fault of a pattern without a match; layer names are shown down to the depth of the pattern."""
    depth = pattern.count(".") + 1
    shown = sorted({".".join(name.split(".")[:depth]) for name in names})
    remedy = did_you_mean(near(pattern, shown)) or f"parts are {listed(shown, _SHOWN)}"
    return ConfigFault(KEY, f"holds {pattern!r}; the network has no such part", remedy)
