"""Dense prediction transformer: tokens of a ViT to one fine feature map (Ranftl et al. 2021, arXiv:2103.13413)."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcli.models.promptable.lseg.vit import VisionTransformer
from segcli.models.promptable.sums import Convolution


class Backbone(nn.Layer):
    """A ViT and the reassembly of its four maps to strides 4, 8, 16 and 32.

    Args:
        model: The ViT with four hooks.
        dim: Its width.
        channels: Channels of the four maps.
    """

    def __init__(self, model: VisionTransformer, dim: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.model = model
        first, second, third, fourth = channels
        self.act_postprocess1 = Reassemble(dim, first, nn.Conv2DTranspose(first, first, 4, stride=4))
        self.act_postprocess2 = Reassemble(dim, second, nn.Conv2DTranspose(second, second, 2, stride=2))
        self.act_postprocess3 = Reassemble(dim, third, None)
        self.act_postprocess4 = Reassemble(dim, fourth, Convolution(fourth, fourth, 3, stride=2, padding=1))

    def forward(self, image: paddle.Tensor) -> list[paddle.Tensor]:
        """Maps ``[B, 3, H, W]`` to four maps ``[B, C_i, H / s_i, W / s_i]`` with strides 4, 8, 16, 32."""
        rows, columns = (side // self.model.patch_size for side in image.shape[2:])
        return self.reassemble(self.model(image), rows, columns)

    def reassemble(self, tokens: Sequence[paddle.Tensor], rows: int, columns: int) -> list[paddle.Tensor]:
        """Maps the ViT's four ``[B, 1 + rows * columns, dim]`` to the four maps."""
        parts = (self.act_postprocess1, self.act_postprocess2, self.act_postprocess3, self.act_postprocess4)
        # Not zip(strict=True): Paddle's tracer does not support it.
        return [part(tokens[index], rows, columns) for index, part in enumerate(parts)]


class Reassemble(nn.Layer):
    """Tokens to a map: the class token concatenated to each, a 1x1 convolution, a change of size.

    The sublayers' names are their indices in the original's list, where 1 and 2 only change the layout.
    """

    def __init__(self, dim: int, channels: int, resize: nn.Layer | None) -> None:
        super().__init__()
        self.add_sublayer("0", _Readout(dim))
        self.add_sublayer("3", Convolution(dim, channels, 1))
        self.has_resize = resize is not None
        if resize is not None:
            self.add_sublayer("4", resize)

    def forward(self, tokens: paddle.Tensor, rows: int, columns: int) -> paddle.Tensor:
        """Maps ``[B, 1 + rows * columns, dim]`` to ``[B, C, rows', columns']``."""
        x = getattr(self, "0")(tokens).transpose([0, 2, 1])
        x = getattr(self, "3")(x.reshape([-1, x.shape[1], rows, columns]))
        out: paddle.Tensor = getattr(self, "4")(x) if self.has_resize else x
        return out


class _Readout(nn.Layer):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU())

    def forward(self, tokens: paddle.Tensor) -> paddle.Tensor:
        patches = tokens[:, 1:]
        cls = tokens[:, :1] + paddle.zeros_like(patches)
        return self.project(paddle.concat([patches, cls], axis=-1))


class Scratch(nn.Layer):
    """Fuses the four maps from coarse to fine and projects them to the text's space.

    Args:
        channels: Channels of the four maps.
        features: Channels of the fused maps.
        out_dim: Width of the text's space.
    """

    def __init__(self, channels: Sequence[int], features: int, out_dim: int) -> None:
        super().__init__()
        first, second, third, fourth = channels
        self.layer1_rn = nn.Conv2D(first, features, 3, padding=1, bias_attr=False)
        self.layer2_rn = nn.Conv2D(second, features, 3, padding=1, bias_attr=False)
        self.layer3_rn = nn.Conv2D(third, features, 3, padding=1, bias_attr=False)
        self.layer4_rn = nn.Conv2D(fourth, features, 3, padding=1, bias_attr=False)
        self.refinenet1 = Fusion(features)
        self.refinenet2 = Fusion(features)
        self.refinenet3 = Fusion(features)
        self.refinenet4 = Fusion(features)
        self.head1 = Convolution(features, out_dim, 1)

    def forward(self, maps: Sequence[paddle.Tensor]) -> paddle.Tensor:
        """Maps the four maps of `Backbone` to ``[B, out_dim, H / 2, W / 2]``."""
        path = self.refinenet4(self.layer4_rn(maps[3]), None, maps[2].shape[2:])
        path = self.refinenet3(path, self.layer3_rn(maps[2]), maps[1].shape[2:])
        path = self.refinenet2(path, self.layer2_rn(maps[1]), maps[0].shape[2:])
        path = self.refinenet1(path, self.layer1_rn(maps[0]), [2 * side for side in maps[0].shape[2:]])
        return self.head1(path)


class Fusion(nn.Layer):
    """Adds a finer map, refines, and doubles the size."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_conv = Convolution(features, features, 1)
        # The coarsest block has no finer map to add, but the published file contains its unit as well.
        self.resConfUnit1 = _ResidualUnit(features)
        self.resConfUnit2 = _ResidualUnit(features)

    def forward(self, x: paddle.Tensor, finer: paddle.Tensor | None, size: Sequence[int]) -> paddle.Tensor:
        """Maps ``[B, F, h, w]`` to ``[B, F, *size]``; `finer` has the shape of `x`."""
        if finer is not None:
            x = x + self.resConfUnit1(finer)
        x = self.resConfUnit2(x)
        x = F.interpolate(x, size=[int(side) for side in size], mode="bilinear", align_corners=True)
        return self.out_conv(x)


class _ResidualUnit(nn.Layer):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2D(features, features, 3, padding=1, bias_attr=False)
        self.conv2 = nn.Conv2D(features, features, 3, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(features)
        self.bn2 = nn.BatchNorm2D(features)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        inner = self.bn1(self.conv1(F.relu(x)))
        return x + self.bn2(self.conv2(F.relu(inner)))
