"""What the U-Net that finds objects by their centres says of every pixel, and in which units."""

from __future__ import annotations

from typing import NamedTuple

import paddle
from paddle import Tensor

UNIT_PX = 16.0
"""Pixels in the unit of points and reaches."""
SHARPNESS = 4.0
REACH_LIMITS = (-2.5, 3.5)
"""Smallest and largest logarithm of a reach: 1.3 to 530 px."""
CENTRE, INSIDE, POINT, REACH = 0, 1, slice(2, 4), 4
"""Channels of a class: logit of a centre, logit of an object, offset to the point (y, x), logarithm of the reach."""
MAPS_PER_CLASS = 5


class SeedMaps(NamedTuple):
    """What the network says of every pixel, for each class.

    Attributes:
        centre: Logits [B, C, H, W].
        inside: Logits [B, C, H, W].
        points: [B, C, 2, H, W], y and x in units from the middle of the image.
        reach: Logarithms of units [B, C, H, W].
    """

    centre: Tensor
    inside: Tensor
    points: Tensor
    reach: Tensor


def pixel_places(height: int, width: int) -> Tensor:
    """Y and x of each pixel [2, height, width], in units from the middle."""
    y = (paddle.arange(height, dtype="float32") - (height - 1) / 2) / UNIT_PX
    x = (paddle.arange(width, dtype="float32") - (width - 1) / 2) / UNIT_PX
    return paddle.stack([y.unsqueeze(1).expand([height, width]), x.unsqueeze(0).expand([height, width])])
