"""An instance network for few images: a U-Net that predicts each pixel's class and its depth inside its object.

Every pixel is supervised, so dozens of images are enough where a detector's anchors and queries need thousands.
Besides the classes of a semantic network it has one depth map, 0 at the outline of an object and 1 in its middle
(Naylor et al. 2018, "Segmentation of Nuclei in Histopathology Images by Deep Regression of the Distance Map",
https://doi.org/10.1109/TMI.2018.2865709). Objects are the connected parts of each class; a part with several cores is
several objects (`segcli.inference.grown_objects`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from segcli.models.instance.seed_loss import seed_losses
from segcli.models.unet import CHANNELS, UNetBody

_SMALLEST = 1e-6
"""Least probability of all other classes, so that the odds of a class are finite."""


class SeedUNet(nn.Layer):
    """The whole network.

    In training mode the inputs hold ``image`` and the targets of the engine's `SeedTargets`; the result is the
    dictionary of losses. Images may have any size.

    Args:
        num_classes: Classes, background not counted.
        channels: Channels of each stage of the U-Net.
    """

    __category__: ClassVar[str] = "architecture"
    __shared__: ClassVar[list[str]] = ["num_classes"]

    def __init__(self, num_classes: int = 80, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.body = UNetBody(channels)
        # 3 x 3, as the features were upsampled by 2: 1 x 1 would leave a checkerboard pattern
        self.classifier = nn.Conv2D(self.body.out_channels, num_classes + 1, 3, padding=1)
        self.core = nn.Conv2D(self.body.out_channels, 1, 3, padding=1)

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses in training; else ``inside`` [B, C, H, W] and ``core`` [B, 1, H, W] for ``image`` [B, 3, H, W].

        Both are logits: of a pixel's class against all others, and of its depth in the object, 0 to 1.
        """
        classes, core = self.pixel_maps(inputs["image"])
        if self.training:
            with paddle.amp.auto_cast(enable=False):
                return seed_losses(classes.astype("float32"), core.astype("float32"), inputs)
        certain = F.log_softmax(classes, axis=1)[:, 1:]
        rest = (1 - paddle.exp(certain)).clip(min=_SMALLEST)
        return {"inside": certain - paddle.log(rest), "core": core}

    def pixel_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the background and the classes [B, 1 + C, H, W], and of the depth in the object [B, 1, H, W]."""
        features = self.body(images)
        return self.classifier(features), self.core(features)
