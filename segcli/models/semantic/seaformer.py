"""SeaFormer: its head and its four sizes (Wan et al. 2023, https://arxiv.org/abs/2301.13156, table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from segcli.models.operators.resizing import interpolate
from segcli.models.semantic.seaformer_backbone import Bottleneck, ConvBN, SeaFormer, SeaFormerSize, initial_weight


class FusionBlock(nn.Layer):
    """Fine local features, gated by coarse global ones."""

    def __init__(self, local_channels: int, global_channels: int, out_channels: int) -> None:
        super().__init__()
        self.local_embedding = ConvBN(local_channels, out_channels)
        self.global_act = ConvBN(global_channels, out_channels)

    def forward(self, local: Tensor, context: Tensor) -> Tensor:
        """[N, local, H, W] and [N, global, h, w] to [N, out, H, W]."""
        gate = F.hardsigmoid(self.global_act(context))
        gate = interpolate(gate, local.shape[2:], mode="bilinear", align_corners=False)
        result: Tensor = self.local_embedding(local) * gate
        return result


class ConvBNReLU(ConvBN):
    """Convolution, batch normalisation, ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H, W]."""
        return F.relu(super().forward(x))


class SeaFormerSeg(nn.Layer):
    """Backbone and light head.

    Args:
        num_classes: Classes of the output.
        backbone: The backbone.
        head_channels: Channels before the classifier.
        embed_dims: Channels after each fusion, the last equal to `head_channels`.
        dropout: Share of the channels dropped before the classifier, in training.
    """

    def __init__(
        self, num_classes: int, backbone: SeaFormer, head_channels: int, embed_dims: Sequence[int], dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear_fuse = ConvBNReLU(head_channels, head_channels, groups=head_channels)
        self.dropout = nn.Dropout2D(dropout)
        weight = paddle.ParamAttr(initializer=initial_weight(1, num_classes))
        self.cls_seg = nn.Conv2D(head_channels, num_classes, 1, weight_attr=weight)
        self.num_fusions = len(embed_dims)
        local_channels = [backbone.out_channels[0], *embed_dims]
        for index, out_channels in enumerate(embed_dims):
            fusion = FusionBlock(local_channels[index], backbone.out_channels[index + 1], out_channels)
            self.add_sublayer(f"fuse{index + 1}", fusion)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[N, 3, H, W] to one tensor of logits [N, num_classes, H, W]."""
        features = self.backbone(x)
        fused = features[0]
        for index in range(self.num_fusions):
            fused = getattr(self, f"fuse{index + 1}")(fused, features[index + 1])
        logits = self.cls_seg(self.dropout(self.linear_fuse(fused)))
        return [interpolate(logits, x.shape[2:], mode="bilinear", align_corners=False)]


def _stages(
    first: tuple[Bottleneck, ...], widths: tuple[int, int, int, int], expansions: tuple[int, int, int, int]
) -> tuple[tuple[Bottleneck, ...], ...]:
    """The five stages: all but the first halve the side once; stages 2 and 3 have two bottlenecks, 4 and 5 have one."""
    kernels = (5, 3, 5, 3)
    stages = [first]
    for index, (kernel, channels, expansion) in enumerate(zip(kernels, widths, expansions, strict=True)):
        halving = Bottleneck(kernel, expansion, channels, 2)
        again = (Bottleneck(kernel, expansion, channels, 1),) if index < 2 else ()
        stages.append((halving, *again))
    return tuple(stages)


def _first(channels: int) -> tuple[Bottleneck, ...]:
    return Bottleneck(3, 1, 16, 1), Bottleneck(3, 4, channels, 2), Bottleneck(3, 3, channels, 1)


_FIRST_LARGE = Bottleneck(3, 3, 32, 1), Bottleneck(3, 4, 64, 2), Bottleneck(3, 4, 64, 1)
SIZES: dict[str, SeaFormerSize] = {
    "tiny": SeaFormerSize(16, _stages(_first(16), (32, 64, 128, 160), (3, 3, 3, 6)), depths=(2, 2), num_heads=4),
    "small": SeaFormerSize(16, _stages(_first(24), (48, 96, 160, 192), (3, 3, 4, 6)), depths=(3, 3), num_heads=6),
    "base": SeaFormerSize(16, _stages(_first(32), (64, 128, 192, 256), (3, 3, 4, 6)), depths=(4, 4)),
    "large": SeaFormerSize(
        32,
        _stages(_FIRST_LARGE, (128, 192, 256, 320), (4, 4, 4, 6)),
        depths=(3, 3, 3),
        key_dims=(16, 20, 24),
        mlp_ratios=(2, 4, 6),
    ),
}


def seaformer_tiny() -> SeaFormer:
    """The smallest backbone."""
    return SeaFormer(SIZES["tiny"])


def seaformer_small() -> SeaFormer:
    """The second size."""
    return SeaFormer(SIZES["small"])


def seaformer_base() -> SeaFormer:
    """The third size."""
    return SeaFormer(SIZES["base"])


def seaformer_large() -> SeaFormer:
    """The largest backbone."""
    return SeaFormer(SIZES["large"])
