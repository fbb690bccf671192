"""The argmax over the classes, computed on the network's device, so that logits need not be copied from it.

The logits of one image of 2048 x 1024 with 19 classes are 160 MB, its label map 2 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.decode_labels import inside, labels_of
from segcli.inference.preprocess import NetworkInput

if TYPE_CHECKING:
    from paddle import Tensor


class OnDevice:
    """A network as a function of arrays, which can return label maps as well; see
    `segcli.inference.preprocess.GivesLabels` and `segcli.inference.tiles.GivesBand`.

    Args:
        logits: From normalised images [N, 3, H, W] to a tensor [N, C, h, w] on the device of the network.
    """

    def __init__(self, logits: Callable[[NetworkInput], Tensor]) -> None:
        self._logits = logits

    def __call__(self, images: NetworkInput) -> NDArray[np.float32]:
        """Logits [N, C, h, w] of normalised images [N, 3, H, W]."""
        return np.asarray(self._logits(images).numpy())

    def labels(self, images: NetworkInput, used: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Label maps [N, H, W]; see `segcli.inference.preprocess.GivesLabels`."""
        import paddle

        logits = self._logits(images)
        rows, columns = inside(tuple(logits.shape[-2:]), used, (images.shape[-2], images.shape[-1]))
        logits = logits[..., :rows, :columns]
        if not paddle.is_floating_point(logits):  # ids already
            return np.stack([labels_of(one, *size) for one in np.asarray(logits.numpy())])
        with paddle.no_grad():
            return np.asarray(_resized(logits, size).argmax(axis=1).astype("uint8").numpy(), np.uint8)

    def band(self, height: int, width: int) -> DeviceBand:
        """An empty band of rows of a label map that is assembled from tiles."""
        return DeviceBand(self._logits, height, width)


class DeviceBand:
    """See `segcli.inference.tiles.Band`; the sums stay on the device."""

    def __init__(self, logits: Callable[[NetworkInput], Tensor], height: int, width: int) -> None:
        self._logits = logits
        self._size = height, width
        self._sums: Any = None

    def add(
        self,
        tiles: NetworkInput,
        used: tuple[int, int],
        lefts: Sequence[int],
        size: tuple[int, int],
        weight: NDArray[np.float32] | None,
    ) -> None:
        """Adds the logits of tiles in the same rows; see `segcli.inference.tiles.Band`."""
        import paddle

        with paddle.no_grad():
            logits = self._logits(tiles)
            rows, columns = inside(tuple(logits.shape[-2:]), used, (tiles.shape[-2], tiles.shape[-1]))
            logits = _resized(logits[..., :rows, :columns], size)
            if weight is not None:
                logits = logits * paddle.to_tensor(weight)
            if self._sums is None:
                self._sums = paddle.zeros([logits.shape[1], *self._size], dtype="float32")
            for number, left in enumerate(lefts):
                self._sums[:, :, left : left + size[1]] += logits[number]

    def take(self, rows: int) -> NDArray[np.uint8]:
        """The label map of the first rows; the others move up."""
        import paddle

        with paddle.no_grad():
            labels = np.asarray(self._sums[:, :rows].argmax(axis=0).astype("uint8").numpy(), np.uint8)
        self._move_up(rows)
        return labels

    def take_sums(self, rows: int) -> NDArray[np.float32]:
        """The sums of the first rows [classes, rows, W]; the others move up."""
        sums = np.asarray(self._sums[:, :rows].numpy(), np.float32)
        self._move_up(rows)
        return sums

    def _move_up(self, rows: int) -> None:
        import paddle

        with paddle.no_grad():
            fresh = paddle.zeros([self._sums.shape[0], rows, self._sums.shape[2]], dtype="float32")
            self._sums = paddle.concat([self._sums[:, rows:], fresh], axis=1)


def _resized(logits: Tensor, size: tuple[int, int]) -> Any:
    import paddle.nn.functional as F

    if tuple(logits.shape[-2:]) == size:
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
