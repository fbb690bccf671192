"""Training by Paddle's and PaddleSeg's own operators, as on another device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from segcli.engines.paddleseg.maskformer_patches import MASKFORMER_PATCHES
from segcli.engines.paddleseg.patches import PATCHES, apply_patches

_FASTER = ("paddleseg.models.layers.tensor_fusion_helper", "paddleseg.models.segformer:SegFormer")
FASTER = (*MASKFORMER_PATCHES, *(one for one in PATCHES if one.owner in _FASTER))
"""Patches of PaddleSeg that claim the values of what they replace; the others mend something."""


@contextmanager
def paddles_operators(*, as_exported: bool = False) -> Iterator[None]:
    """Inside the block no operator of segcli's stands in for Paddle's.

    Args:
        as_exported: Also computes what networks of segcli's compute in another way in exported graphs alone, as the
            promptable ones do; PaddleDetection's R-CNNs cannot.
    """
    import paddle

    apply_patches()
    with ExitStack() as stack:
        # what `is_on_host` and `is_ours` ask
        stack.enter_context(patch("segcli.models.host_memory.is_traced", lambda: True))
        if as_exported:
            stack.enter_context(patch.object(paddle, "in_dynamic_mode", lambda: False))
        for one in FASTER:
            stack.enter_context(patch.object(one.find_owner(), one.attribute, one.original))
        yield


def paddles_points(sets: int, points: int) -> Iterator[np.ndarray[Any, Any]]:
    """`segcli.models.instance.host_sampling.random_points` as drawn on other devices."""
    import paddle

    return (paddle.rand([points, 2]).numpy() for _ in range(sets))
