"""Random and uncertain points of masks: PointRend's sampling (Kirillov et al. 2020, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import Tensor
from paddle.nn import functional as F


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
            candidates = paddle.rand([count, 1, int(self.points * self.oversample), 2])
            confidence = paddle.abs(at_points(logits.detach(), candidates.squeeze(1)))
            uncertain = int(self.points * self.uncertain_share)
            _, index = paddle.topk(-confidence, uncertain, axis=1)
            row = paddle.arange(count, dtype=index.dtype).unsqueeze(-1).expand_as(index)
            chosen = paddle.gather_nd(candidates.squeeze(1), paddle.stack([row, index], axis=-1))
            if uncertain == self.points:
                return chosen
            return paddle.concat([chosen, paddle.rand([count, self.points - uncertain, 2])], axis=1)


def at_points(masks: Tensor, points: Tensor) -> Tensor:
    """Bilinear values [N, P] of ``masks`` [N, h, w] at ``points`` [N, P, 2] (x, y in 0..1; outside reads 0)."""
    grid = (2.0 * points - 1.0).unsqueeze(1)
    return F.grid_sample(masks.unsqueeze(1), grid, align_corners=False).squeeze([1, 2])
