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
from segcli.steps.check.files import FileFacts, decoded, digest, load_file


@dataclass(frozen=True)
class SampleFacts:
    """What is known of one sample.

    Attributes:
        sample: The sample.
        split: Its part.
        image: Its image.
        mask: Its mask.
        digest: Of the ends and the length of the image's file; None when it cannot be read.
        counts: Pixels of each id, int64 [256]; None when the mask is no map of 8-bit ids.
        mask_channels_equal: Whether a mask in colour holds the same value in red, green and blue.
    """

    sample: SegSample
    split: Split
    image: FileFacts
    mask: FileFacts
    digest: bytes | None = None
    counts: NDArray[np.int64] | None = None
    mask_channels_equal: bool = False


def inspect_sample(sample: SegSample, split: Split) -> SampleFacts:
    """Reads and decodes both files of a sample. Raises nothing: what is wrong is in the facts."""
    data, image = load_file(sample.image)
    sign = digest(data) if data else None
    if image.is_whole:
        image = decoded(data, image)
    data, mask = load_file(sample.mask)
    if not mask.is_whole:
        return SampleFacts(sample, split, image, mask, sign)
    try:
        pixels = decode_mask(data, name=sample.mask, header=mask.header).array
    except InputError as error:
        return SampleFacts(sample, split, image, replace(mask, fault=error.message, hint=error.hint), sign)
    if pixels.ndim == 2 and pixels.dtype == np.uint8:
        return SampleFacts(sample, split, image, mask, sign, count_ids(pixels))
    return SampleFacts(sample, split, image, mask, sign, mask_channels_equal=_channels_equal(pixels))


def _channels_equal(pixels: NDArray[Any]) -> bool:
    return pixels.ndim == 3 and pixels.shape[2] >= 3 and bool((pixels[..., :3] == pixels[..., :1]).all())
