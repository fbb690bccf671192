"""A cut network as a function that enlarges its logits itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from segcli.inference.enlarging import EnlargedOutside
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.onnx_graph import CutNetwork, End


def enlarged_outside(run: Callable[[NetworkInput], NDArray[Any]], cut: CutNetwork | None) -> EnlargedOutside | None:
    """The network with the enlargement that was cut off; None where none was."""
    if cut is None or cut.end is End.NOTHING:
        return None
    return EnlargedOutside(run, align_corners=cut.end is End.ENLARGEMENT_OF_CORNERS)
