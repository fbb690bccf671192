"""A small U-Net (Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
https://arxiv.org/abs/1505.04597) for few images and short trainings.

Unlike the original it has batch normalisation, padded convolutions, and cheaper upsampling: a transposed convolution
doubles the size and brings the channels to those of the encoder's features, to which it is added (as in LinkNet,
https://arxiv.org/abs/1707.03718) instead of concatenated, before one convolution; at full size, where a
convolution costs most, there is only one in all. On a CPU an iteration takes a third of the time that the original's
bilinear upsampling and concatenation take.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from segcli.models.host_memory import is_on_host

CHANNELS = (16, 32, 64, 96, 128)
"""Channels of each stage, the first at the size of the image."""


class ConvBNReLU(nn.Layer):
    """A 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        weight = paddle.ParamAttr(initializer=nn.initializer.KaimingNormal())
        self.conv = nn.Conv2D(in_channels, out_channels, 3, padding=1, weight_attr=weight, bias_attr=False)
        self.norm = nn.BatchNorm2D(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H, W]."""
        return F.relu(self.norm(self.conv(x)))


class UNetBody(nn.Layer):
    """From images to features of their own size.

    Args:
        channels: Channels of each stage; each stage after the first halves the size.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        widths = tuple(channels)
        before = (3, *widths[:-1])
        pairs = list(zip(before, widths, strict=True))
        self.encoder = nn.LayerList([ConvBNReLU(*pairs[0])])
        self.encoder.extend(
            nn.Sequential(ConvBNReLU(given, width), ConvBNReLU(width, width)) for given, width in pairs[1:]
        )
        upward = tuple(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.enlarge = nn.LayerList(
            nn.Conv2DTranspose(deep, width, 2, stride=2, bias_attr=False) for deep, width in upward
        )
        self.decoder = nn.LayerList(ConvBNReLU(width, width) for _, width in upward[:-1])
        self.decoder.append(nn.Sequential(nn.BatchNorm2D(widths[0]), nn.ReLU()))
        self.out_channels = widths[0]

    def forward(self, images: Tensor) -> Tensor:
        """[N, 3, H, W] to [N, channels[0], H, W]; any size is accepted."""
        # loops over indices: Paddle's tracer does not support zip with `strict`
        features: list[Tensor] = [self.encoder[0](images)]
        for index in range(1, len(self.encoder)):
            features.append(self.encoder[index](F.max_pool2d(features[-1], 2, ceil_mode=True)))
        x: Tensor = features[-1]
        for index in range(len(self.enlarge)):
            feature = features[len(features) - 2 - index]
            x = self.decoder[index](_enlarged(x, self.enlarge[index], feature) + feature)
        return x


def _enlarged(x: Tensor, enlarge: nn.Conv2DTranspose, feature: Tensor) -> Tensor:
    """Twice the size of `x` [N, C, H, W], without the last row or column where `feature` has an odd number of them."""
    if is_on_host(x):
        below, right = 2 * x.shape[2] - feature.shape[2], 2 * x.shape[3] - feature.shape[3]
        # what is cut off afterwards leaves a view, and a sum with one takes ten times as long
        return F.conv2d_transpose(x, enlarge.weight, stride=2, padding=[0, below, 0, right])
    height, width = paddle.shape(feature)[2:].unbind(0)
    whole: Tensor = enlarge(x)
    return whole[:, :, :height, :width]
