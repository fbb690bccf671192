"""PP-HGNetV2, the backbone of Mask-RT-DETR (PaddleClas `PPHGNetV2_B1` to `_B6`, without learnable affine blocks)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import paddle
from paddle import Tensor, nn

from segcli.models.instance.boxes import FeatureShape
from segcli.models.instance.layers import ConvNormAct


@dataclass(frozen=True)
class _Training:
    """How a part of the backbone trains: factor on the learning rate, and whether BatchNorm is frozen."""

    learning_rate: float
    frozen_norm: bool

    def conv(self, *args: Any, act: str | None = "relu", groups: int = 1, padding: Any = None) -> ConvNormAct:
        """A convolution with these training settings."""
        return ConvNormAct(
            *args,
            act=act,
            groups=groups,
            padding=padding,
            learning_rate=self.learning_rate,
            frozen_norm=self.frozen_norm,
        )


@dataclass(frozen=True)
class StageSpec:
    """One stage: blocks of ``layers`` convolutions of width ``mid``, whose outputs are concatenated and squeezed.

    Attributes:
        light: Each convolution is a 1x1 and a depthwise one instead of a full one.
    """

    mid: int
    out: int
    blocks: int
    layers: int
    light: bool = False
    kernel_size: int = 3


def _spec(
    stem: tuple[int, int], layers: int, widths: Sequence[tuple[int, int, int]]
) -> tuple[tuple[int, int], tuple[StageSpec, ...]]:
    """The four stages of one size: the last two are light and use 5x5 kernels."""
    stages = [
        StageSpec(mid, out, blocks, layers, light=i >= 2, kernel_size=5 if i >= 2 else 3)
        for i, (mid, out, blocks) in enumerate(widths)
    ]
    return stem, tuple(stages)


# size -> (stem width, width after the stem), stages as (mid, out, blocks)
SIZES: Mapping[str, tuple[tuple[int, int], tuple[StageSpec, ...]]] = {
    "S": _spec((24, 32), 3, [(32, 64, 1), (48, 256, 1), (96, 512, 2), (192, 1024, 1)]),
    "M": _spec((24, 32), 4, [(32, 96, 1), (64, 384, 1), (128, 768, 3), (256, 1536, 1)]),
    "L": _spec((32, 48), 6, [(48, 128, 1), (96, 512, 1), (192, 1024, 3), (384, 2048, 1)]),
    "X": _spec((32, 64), 6, [(64, 128, 1), (128, 512, 2), (256, 1024, 5), (512, 2048, 2)]),
    "H": _spec((48, 96), 6, [(96, 192, 2), (192, 512, 3), (384, 1024, 6), (768, 2048, 3)]),
}


class _Stem(nn.Layer):
    """Image to stride 4 in two branches: a max-pooling and two 2x2 convolutions."""

    def __init__(self, mid: int, out: int, how: _Training) -> None:
        super().__init__()
        self.stem1 = how.conv(3, mid, 3, 2)
        self.stem2a = how.conv(mid, mid // 2, 2, padding="SAME")
        self.stem2b = how.conv(mid // 2, mid, 2, padding="SAME")
        self.stem3 = how.conv(2 * mid, mid, 3, 2)
        self.stem4 = how.conv(mid, out, 1)
        self.pool = nn.MaxPool2D(kernel_size=2, stride=1, ceil_mode=True, padding="SAME")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem1(x)
        x = paddle.concat([self.pool(x), self.stem2b(self.stem2a(x))], axis=1)
        out: Tensor = self.stem4(self.stem3(x))
        return out


class _LightConv(nn.Layer):
    """1x1 convolution, then a depthwise one."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, how: _Training) -> None:
        super().__init__()
        self.conv1 = how.conv(in_channels, out_channels, 1, act=None)
        self.conv2 = how.conv(out_channels, out_channels, kernel_size, groups=out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(self.conv1(x))
        return out


class _Block(nn.Layer):
    """A chain of convolutions; the input and every output are concatenated, squeezed and expanded."""

    def __init__(self, in_channels: int, spec: StageSpec, how: _Training, *, residual: bool) -> None:
        super().__init__()
        self._residual = residual
        inputs = [in_channels, *[spec.mid] * (spec.layers - 1)]
        self.layers = nn.LayerList(
            [
                _LightConv(c, spec.mid, spec.kernel_size, how)
                if spec.light
                else how.conv(c, spec.mid, spec.kernel_size)
                for c in inputs
            ]
        )
        self.aggregation_squeeze_conv = how.conv(in_channels + spec.layers * spec.mid, spec.out // 2, 1)
        self.aggregation_excitation_conv = how.conv(spec.out // 2, spec.out, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer(outputs[-1]))
        y = self.aggregation_excitation_conv(self.aggregation_squeeze_conv(paddle.concat(outputs, axis=1)))
        out: Tensor = y + x if self._residual else y
        return out


class _Stage(nn.Layer):
    """Depthwise down-sampling (all stages but the first), then the blocks."""

    def __init__(self, in_channels: int, spec: StageSpec, how: _Training, *, downsample: bool) -> None:
        super().__init__()
        self.downsample = how.conv(in_channels, in_channels, 3, 2, groups=in_channels, act=None) if downsample else None
        blocks = [_Block(in_channels if i == 0 else spec.out, spec, how, residual=i > 0) for i in range(spec.blocks)]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x if self.downsample is None else self.downsample(x))


class SegHGNetV2(nn.Layer):
    """PP-HGNetV2 with the feature maps of all four stages (strides 4, 8, 16, 32).

    Args:
        arch: S, M, L, X or H, a key of `SIZES`.
        lr_mult_list: Factor on the learning rate of the stem and of each stage.
        freeze_at: 0 or more freezes the stem; -1 trains everything (needed without pretrained weights).
        freeze_norm: Whether every BatchNorm stays as loaded; must be False without pretrained weights.
    """

    __category__: ClassVar[str] = "backbone"

    def __init__(
        self,
        arch: str = "L",
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
        freeze_at: int = 0,
        freeze_norm: bool = True,
    ) -> None:
        super().__init__()
        (stem_mid, channels), specs = SIZES[arch]
        self.stem = _Stem(stem_mid, channels, _Training(lr_mult_list[0], freeze_norm))
        self.stages: nn.LayerList[_Stage] = nn.LayerList()
        for i, spec in enumerate(specs):
            self.stages.append(_Stage(channels, spec, _Training(lr_mult_list[i + 1], freeze_norm), downsample=i > 0))
            channels = spec.out
        self._channels = [spec.out for spec in specs]
        if freeze_at >= 0:
            for parameter in self.stem.parameters():
                parameter.stop_gradient = True

    @property
    def out_shape(self) -> list[FeatureShape]:
        """Channels and strides of the four outputs."""
        return [FeatureShape(c, 4 * 2**i) for i, c in enumerate(self._channels)]

    def forward(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """``inputs["image"]`` [B, 3, H, W] -> four maps at strides 4, 8, 16, 32."""
        x = self.stem(inputs["image"])
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs
