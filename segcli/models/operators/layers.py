"""Paddle's layers of a network made those of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paddle import nn

from segcli.models.operators.bias import BiasedConv2D, BiasedConv2DTranspose
from segcli.models.operators.convolution import DirectConv2D
from segcli.models.operators.depthwise import DepthwiseConv2D
from segcli.models.operators.linear import RowLinear
from segcli.models.operators.narrowing import NarrowingConv2D
from segcli.models.operators.normalisation import RowNorm
from segcli.models.operators.resizing import Resized

KINDS: dict[type[nn.Layer], Sequence[Any]] = {
    nn.Conv2D: (DepthwiseConv2D, DirectConv2D, NarrowingConv2D, BiasedConv2D),
    nn.Conv2DTranspose: (BiasedConv2DTranspose,),
    nn.LayerNorm: (RowNorm,),
    nn.Linear: (RowLinear,),
    nn.Upsample: (Resized,),
}
"""What may stand in for a layer of Paddle: classes derived from it; the first that says it `suits` a layer does."""


def use_own_layers(network: nn.Layer) -> int:
    """Makes, in place, layers of Paddle those that train faster on a CPU; parameters and names stay.

    Returns:
        How many.
    """
    found = 0
    for layer in network.sublayers(include_self=True):
        kind = next((kind for kind in KINDS.get(type(layer), ()) if kind.suits(layer)), None)
        if kind is not None:
            layer.__class__ = kind
            found += 1
    return found
