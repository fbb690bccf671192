"""A cut network as a function that enlarges its logits itself, and runs large images in bands if that saves memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.inference.enlarging import EnlargedOutside
from segcli.inference.preprocess import ImageRows, NetworkInput
from segcli.inference.runtimes.onnx_graph import CutNetwork, End

if TYPE_CHECKING:
    from segcli.inference.runtimes.band_network import BandNetwork

_LEAST_PX = 4_000_000
"""Pixels of the smallest input that runs in bands.

Bands save a larger share of the memory the larger the image is, and always cost time: the rows that they share run
twice. `python -m tests.bench large_predict` prints both.
"""


def enlarged_outside(
    run: Callable[[NetworkInput], NDArray[Any]],
    cut: CutNetwork | None,
    bands: Callable[[], BandNetwork | None] | None = None,
) -> EnlargedOutside | None:
    """The network with the enlargement that was cut off; None where none was.

    Args:
        run: From normalised images to small logits.
        cut: The network that it runs.
        bands: Opens the same network for large images, once; None for a runtime that has no such form.
    """
    if cut is None or cut.end is End.NOTHING:
        return None
    corners = cut.end is End.ENLARGEMENT_OF_CORNERS
    if bands is None:
        return EnlargedOutside(run, align_corners=corners)
    return EnlargedInBands(run, bands, align_corners=corners)


class EnlargedInBands(EnlargedOutside):
    """Also runs large images in bands; see `segcli.inference.preprocess.GivesLabelsOfRows`.

    Args:
        small: See `EnlargedOutside`.
        bands: Opens the network for large images; None where bands would not save memory.
        align_corners: See `EnlargedOutside`.
    """

    def __init__(
        self,
        small: Callable[[NetworkInput], NDArray[Any]],
        bands: Callable[[], BandNetwork | None],
        *,
        align_corners: bool,
    ) -> None:
        super().__init__(small, align_corners=align_corners)
        self._open_bands = bands

    @cached_property
    def _bands(self) -> BandNetwork | None:
        return self._open_bands()

    def takes_rows(self, height: int, width: int) -> bool:
        """Whether an input of this size runs in bands."""
        return height * width >= _LEAST_PX and self._bands is not None and self._bands.plan.takes(height)

    def labels_of_rows(self, image: ImageRows, used: tuple[int, int], size: tuple[int, int]) -> Labels:
        """The label map of one image, uint8 [H, W]; see `segcli.inference.preprocess.GivesLabelsOfRows`."""
        assert self._bands is not None
        labels: Labels = self.labels_of_small(self._bands(image), image.padded, used, size)[0]
        return labels
