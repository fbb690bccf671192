"""One look at one sample: both files are read and decoded once, and everything the rules need is kept.

Runs in many threads at once; OpenCV, zlib and the digest let go of the interpreter's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.formats.masks import count_ids
from segcli.data.image import decode_mask
from segcli.data.samples import SegSample, Split
from segcli.errors import InputError
from segcli.steps.check.files import FileFacts, inspect_image_file, load_file


@dataclass(frozen=True)
class SampleFacts:
    """What is known of one sample.

    Attributes:
        sample: The sample.
        split: Its part.
        image: Its image.
        mask: Its mask.
        counts: Pixels of each id, int64 [256]; None when the mask is no map of 8-bit ids.
        mask_channels_equal: Whether a mask in colour holds the same value in red, green and blue.
    """

    sample: SegSample
    split: Split
    image: FileFacts
    mask: FileFacts
    counts: NDArray[np.int64] | None = None
    mask_channels_equal: bool = False


def inspect_sample(sample: SegSample, split: Split) -> SampleFacts:
    """Reads and decodes both files of a sample. Raises nothing: what is wrong is in the facts."""
    image = inspect_image_file(sample.image)
    data, mask = load_file(sample.mask)
    if not mask.is_whole:
        return SampleFacts(sample, split, image, mask)
    try:
        pixels = decode_mask(data, name=sample.mask, header=mask.header).array
    except InputError as error:
        return SampleFacts(sample, split, image, replace(mask, fault=error.message, hint=error.hint))
    if pixels.ndim == 2 and pixels.dtype == np.uint8:
        return SampleFacts(sample, split, image, mask, count_ids(pixels))
    return SampleFacts(sample, split, image, mask, mask_channels_equal=_channels_equal(pixels))


def _channels_equal(pixels: NDArray[Any]) -> bool:
    return pixels.ndim == 3 and pixels.shape[2] >= 3 and bool((pixels[..., :3] == pixels[..., :1]).all())
