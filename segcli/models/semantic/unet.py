"""The small U-Net as a semantic network."""

from __future__ import annotations

from collections.abc import Sequence

from paddle import Tensor, nn

from segcli.models.unet import CHANNELS, UNetBody


class SmallUNet(nn.Layer):
    """A U-Net with one logit per class and pixel.

    Args:
        num_classes: Classes of the output.
        channels: Channels of each stage; each stage after the first halves the size.
    """

    def __init__(self, num_classes: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.body = UNetBody(channels)
        self.classifier = nn.Conv2D(self.body.out_channels, num_classes, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[N, 3, H, W] to one output, logits [N, classes, H, W]."""
        return [self.classifier(self.body(x))]
