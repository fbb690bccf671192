"""Arrays of the caller as input of predict."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.image_range import ImageRange
from segcli.data.image import RgbImage
from segcli.errors import InputError


def from_array(array: NDArray[Any], image_range: ImageRange | None) -> RgbImage:
    """The image in an array.

    Args:
        array: BGR as OpenCV reads it, uint8 [H, W, 3], or grey [H, W]; for a model that takes bands [H, W, channels].
        image_range: How values become those of 8 bits; None for images of 8 bits.

    Raises:
        InputError: The array is of another form.
    """
    if image_range is not None and image_range.takes_bands:
        return _bands_of_array(array, image_range)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.size == 0:
        raise InputError(f"an array must be uint8 [H, W, 3] (BGR) or [H, W], not {array.dtype} {list(array.shape)}")
    channels = 1 if array.ndim == 2 else array.shape[2]
    codes = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
    if channels not in codes:
        raise InputError(f"an array of {channels} channels is no image", hint="give 1, 3 (BGR) or 4 (BGRA) channels")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(array), codes[channels]), np.uint8)


def _bands_of_array(array: NDArray[Any], image_range: ImageRange) -> NDArray[np.uint8]:
    bands = array[..., np.newaxis] if array.ndim == 2 else array
    if bands.ndim != 3 or bands.size == 0 or bands.shape[2] != image_range.channels or bands.dtype.kind not in "buif":
        wanted = f"[H, W, {image_range.channels}]"
        raise InputError(f"an array must hold numbers {wanted}, not {array.dtype} {list(array.shape)}")
    return np.ascontiguousarray(image_range.apply(bands))
