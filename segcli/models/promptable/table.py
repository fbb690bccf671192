"""The promptable networks by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

import paddle

from segcli.errors import UsageError
from segcli.models.operators.layers import use_own_layers
from segcli.models.promptable.lseg import lseg
from segcli.models.promptable.sam import sam

PROMPTABLE_NETWORKS: dict[str, Callable[[], paddle.nn.Layer]] = {
    "SAM-B": lambda: sam.build_sam(sam.VIT_B),
    "SAM-L": lambda: sam.build_sam(sam.VIT_L),
    "SAM-H": lambda: sam.build_sam(sam.VIT_H),
    # PaddleX's two names: one network, prompted by boxes or by points.
    "SAM-H_box": lambda: sam.build_sam(sam.VIT_H),
    "SAM-H_point": lambda: sam.build_sam(sam.VIT_H),
    "MobileSAM": sam.build_mobile_sam,
    "SAM-tiny": lambda: sam.build_sam(sam.TINY),
    "LSeg-L": lambda: lseg.LSeg(lseg.VIT_L_16),
    "LSeg-tiny": lambda: lseg.LSeg(lseg.TINY),
}


def build_promptable_network(name: str) -> paddle.nn.Layer:
    """Builds a promptable network with random weights.

    Args:
        name: A key of `PROMPTABLE_NETWORKS`.

    Returns:
        A `Sam` or an `LSeg`.

    Raises:
        UsageError: The name is unknown; similar names are listed.
    """
    build = PROMPTABLE_NETWORKS.get(name)
    if build is None:
        near = get_close_matches(name, PROMPTABLE_NETWORKS, n=3) or list(PROMPTABLE_NETWORKS)
        raise UsageError(f"there is no promptable network {name!r}", hint=f"one of {', '.join(near)}")
    network = build()
    use_own_layers(network)
    return network
