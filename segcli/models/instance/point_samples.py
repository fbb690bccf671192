"""Random and uncertain points of masks: PointRend's sampling (Kirillov et al. 2020, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import paddle
from paddle import Tensor
from paddle.nn import functional as F

from segcli.models.host_memory import is_on_host
from segcli.models.instance.host_sampling import MaskSamples, at_shared_points, least_points


@dataclass(frozen=True)
class PointSampling:
    """How many points of a mask enter its loss.

    Attributes:
        points: Points per mask.
        oversample: Factor on the number of random candidates from which the uncertain points are selected.
        uncertain_share: Share of the points selected where the prediction is most uncertain; the rest is random.
    """

    points: int = 12544
    oversample: float = 3.0
    uncertain_share: float = 0.75

    def coordinates(self, logits: Tensor) -> Tensor:
        """Points (x, y) in 0..1 for mask logits [N, h, w], as [N, points, 2]; no gradient."""
        with paddle.no_grad():
            count = logits.shape[0]
            candidates = int(self.points * self.oversample)
            uncertain = int(self.points * self.uncertain_share)
            choose = least_points if is_on_host(logits) else _least_points
            chosen = choose(logits, candidates, uncertain)
            if uncertain == self.points:
                return chosen
            return paddle.concat([chosen, paddle.rand([count, self.points - uncertain, 2])], axis=1)


def _least_points(masks: Tensor, candidates: int, count: int) -> Tensor:
    """As `host_sampling.least_points`, on any device."""
    points = paddle.rand([masks.shape[0], candidates, 2])
    _, index = paddle.topk(-paddle.abs(at_points(masks, points)), count, axis=1)
    row = paddle.arange(masks.shape[0], dtype=index.dtype).unsqueeze(-1).expand_as(index)
    return paddle.gather_nd(points, paddle.stack([row, index], axis=-1))


def at_points(masks: Tensor, points: Tensor, rows: Tensor | None = None) -> Tensor:
    """Bilinear values [M, P] of masks at ``points`` [M, P, 2] (x, y in 0..1; outside reads 0).

    Args:
        masks: [N, h, w].
        points: Without gradient.
        rows: Which mask each row of points reads, [M] int64; None for the first the first, and so on.
    """
    if is_on_host(masks):
        which = np.arange(len(points)) if rows is None else rows.numpy()
        values: Tensor = MaskSamples.apply(masks, points, which)
        return values
    if rows is not None:
        masks = paddle.gather(masks, rows)
    grid = (2.0 * points - 1.0).unsqueeze(1)
    return F.grid_sample(masks.unsqueeze(1), grid, align_corners=False).squeeze([1, 2])


def maps_at_points(maps: Tensor, points: Tensor) -> Tensor:
    """As `at_points` for all ``maps`` [N, h, w] at the same ``points`` [P, 2]: [N, P]; no gradient."""
    with paddle.no_grad():
        if is_on_host(maps):
            return at_shared_points(maps, points)
        grid = (2.0 * points - 1.0).unsqueeze([0, 1])
        return F.grid_sample(maps.unsqueeze(0), grid, align_corners=False).squeeze([0, 2])
