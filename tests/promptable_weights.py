"""Weight files of the two tiny promptable networks, with random weights, made once a test run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.files import shared_folder


@cache
def promptable_weights(name: str) -> Path:
    """A weight file of a network with random weights; tests read it only."""
    import paddle

    from segcli.networks import build_network
    from segcli.steps.train.checkpoint import network_arrays
    from segcli.weights.files import write_pdparams

    paddle.seed(3)
    path = shared_folder() / f"{name}.pdparams"
    write_pdparams(path, network_arrays(build_network(name)))
    return path
