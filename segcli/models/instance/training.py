"""How the instance models are trained: the settings that PaddleX ships, as a function of the image size."""

from __future__ import annotations

from segcli.models.spec import IMAGENET_MEAN, IMAGENET_STD, HalfPrecision, Preprocess, Recipe, TrainRecipe

_PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_LONG_PER_SHORT = 1333 / 800
_MULTI_SCALE = (480, 512, 544, 576, 608, 640, 640, 640, 672, 704, 736, 768, 800)
_FILL = [123.675, 116.28, 103.53]
_MOMENTUM: Recipe = {"optimizer": {"type": "Momentum", "momentum": 0.9}, "regularizer": {"type": "L2", "factor": 1e-4}}
_CUBIC = 2
_LINEAR = 1


def _short_and_long(short: int) -> list[int]:
    return [short, round(short * _LONG_PER_SHORT)]


def _normalize(mean: tuple[float, ...], std: tuple[float, ...]) -> Recipe:
    return {"type": "NormalizeImage", "mean": list(mean), "std": list(std), "is_scale": True}


def step_schedule(start_factor: float) -> Recipe:
    """A tenth of the learning rate after 8, and again after 11 of 12 epochs."""
    return {
        "schedulers": [
            {"name": "PiecewiseDecay", "gamma": 0.1, "milestones": [8, 11]},
            {"name": "LinearWarmup", "start_factor": start_factor},
        ]
    }


def rcnn_preprocess(size: int = 800, *, stride: int = 32) -> Preprocess:
    """Shorter side to `size`, longer side at most 5/3 of it, padded to a multiple of `stride`."""
    short, long = _short_and_long(size)
    return Preprocess(IMAGENET_MEAN, IMAGENET_STD, (short, long), keep_ratio=True, cubic=True, stride=stride)


def rcnn_recipe(size: int = 800, *, stride: int = 32, clip: float | None = None, double: bool = False) -> TrainRecipe:
    """MaskRCNN and Cascade-MaskRCNN: momentum SGD, shorter side between 0.8 and 1 of `size`.

    Args:
        size: Largest shorter side in pixels.
        stride: Batches are padded to a multiple of this; the C4 network needs none (1).
        clip: Largest global norm of the gradients; None for no clipping.
        double: 24 epochs instead of 12, and a warm-up from a tenth of the learning rate (ResNeXt).
    """
    scales = [_short_and_long(round(size * (0.8 + 0.04 * step))) for step in range(6)]
    schedule = step_schedule(0.1 if double else 0.001)
    schedule["schedulers"][0]["milestones"] = [16, 22] if double else [8, 11]
    return TrainRecipe(
        skips_parts=True,
        optimizer=_MOMENTUM if clip is None else {**_MOMENTUM, "clip_grad_by_norm": clip},
        lr_scheduler=schedule,
        loss={},
        transforms=(
            {"type": "RandomResize", "target_size": scales, "interp": _CUBIC, "keep_ratio": True},
            {"type": "RandomFlip", "prob": 0.5},
            _normalize(IMAGENET_MEAN, IMAGENET_STD),
            {"type": "Permute"},
        ),
        batch_transforms=({"type": "PadBatch", "pad_to_stride": stride if stride > 1 else -1},),
        learning_rate=0.01,
        warmup_steps=1000,
        epochs=24 if double else 12,
        images_per_step=8,
    )


def solo_preprocess(size: int = 800) -> Preprocess:
    """As for R-CNN, but with linear interpolation, and normalised before resizing."""
    short, long = _short_and_long(size)
    return Preprocess(IMAGENET_MEAN, IMAGENET_STD, (short, long), keep_ratio=True, exact=True, stride=32)


def solo_recipe(size: int = 800) -> TrainRecipe:
    """SOLOv2: momentum SGD; the scale ranges of the grids are proportional to the image size."""
    bounds = [(1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)]
    ranges = [[max(round(low * size / 800), 1), round(high * size / 800)] for low, high in bounds]
    return TrainRecipe(
        skips_parts=True,
        optimizer=_MOMENTUM,
        lr_scheduler=step_schedule(0.0),
        loss={},
        transforms=(
            {"type": "Poly2Mask"},
            {"type": "Resize", "target_size": _short_and_long(size), "interp": _LINEAR, "keep_ratio": True},
            {"type": "RandomFlip"},
            _normalize(IMAGENET_MEAN, IMAGENET_STD),
            {"type": "Permute"},
        ),
        batch_transforms=(
            {"type": "PadBatch", "pad_to_stride": 32},
            {
                "type": "Gt2Solov2Target",
                "num_grids": [40, 36, 24, 16, 12],
                "scale_ranges": ranges,
                "coord_sigma": 0.2,
            },
        ),
        learning_rate=0.01,
        warmup_steps=1000,
        epochs=12,
        images_per_step=16,
    )


def square_preprocess(size: int = 640) -> Preprocess:
    """A square of `size`, values scaled to 0..1 only: PP-YOLOE_seg and Mask-RT-DETR."""
    return Preprocess(*_PLAIN, (size, size), cubic=True)


def ppyoloe_seg_recipe(size: int = 640) -> TrainRecipe:
    """PP-YOLOE_seg: momentum SGD, a cosine schedule that is longer than the training, moving average."""
    return TrainRecipe(
        skips_parts=True,
        optimizer={
            "optimizer": {"type": "Momentum", "momentum": 0.9},
            "regularizer": {"type": "L2", "factor": 5e-4},
        },
        lr_scheduler={
            "schedulers": [
                {"name": "CosineDecay", "max_epochs": 96},
                {"name": "LinearWarmup", "start_factor": 0.0},
            ]
        },
        loss={},
        transforms=(
            {"type": "Poly2Mask", "del_poly": True},
            {"type": "RandomDistort"},
            {"type": "ExpandWithMasks", "fill_value": _FILL},
            {"type": "CropWithMasks"},
            {"type": "RandomFlip"},
            {"type": "Resize", "target_size": [size, size], "keep_ratio": False, "interp": _CUBIC},
        ),
        batch_transforms=(_normalize(*_PLAIN), {"type": "Permute"}, {"type": "PadTargets"}),
        learning_rate=0.001,
        warmup_epochs=5,
        epochs=80,
        ema_decay=0.9998,
        images_per_step=64,
        shares_norms=True,
        half_precision=HalfPrecision(refused=("reduce_mean",)),
    )


def mask_rtdetr_recipe(size: int = 640, *, learning_rate: float = 5e-5) -> TrainRecipe:
    """Mask-RT-DETR: AdamW at a constant rate, clipped gradients, side between 0.75 and 1.25 of `size`.

    Args:
        size: Side in pixels.
        learning_rate: PaddleX's for 2 images on each of 4 devices; L has twice that of the others.
    """
    sides = [max(round(side * size / 640 / 32), 1) * 32 for side in _MULTI_SCALE]
    return TrainRecipe(
        without_views=True,
        skips_parts=True,
        optimizer={
            "optimizer": {"type": "AdamW", "weight_decay": 1e-4},
            "regularizer": False,
            "clip_grad_by_norm": 0.1,
        },
        lr_scheduler={
            "schedulers": [
                {"name": "PiecewiseDecay", "gamma": 1.0, "milestones": [100], "use_warmup": True},
                {"name": "LinearWarmup", "start_factor": 0.001},
            ]
        },
        loss={},
        transforms=(
            {"type": "Poly2Mask", "del_poly": True},
            {"type": "DistortSometimes", "prob": 0.8},
            {"type": "ExpandWithMasks", "fill_value": _FILL},
            {"type": "CropWithMasks", "prob": 0.8},
            {"type": "RandomFlip"},
        ),
        batch_transforms=(
            {
                "type": "BatchRandomResize",
                "target_size": sides,
                "random_size": True,
                "random_interp": True,
                "keep_ratio": False,
            },
            _normalize(*_PLAIN),
            {"type": "NormalizeBox"},
            {"type": "BboxXYXY2XYWH"},
            {"type": "Permute"},
        ),
        learning_rate=learning_rate,
        warmup_steps=2000,
        epochs=72,
        ema_decay=0.9999,
        ema_growth="exponential",
        images_per_step=8,
        shares_norms=True,
    )


_THIRD = [0.7, 1.3, 0.5]
SEED_COLOURS: Recipe = {
    "type": "RandomDistort",
    "hue": [0, 0, 0.0],
    "saturation": _THIRD,
    "contrast": _THIRD,
    "brightness": _THIRD,
    "random_channel": False,
}
"""Colour distortion as for UNet-S; that of detectors slows a short training down."""


def seed_preprocess(size: int = 256) -> Preprocess:
    """A square of `size`, shrunk by area averages, scaled to -1..1: the U-Net that finds objects by their cores."""
    return Preprocess(size=(size, size), area=True)


def seed_unet_recipe(size: int = 256) -> TrainRecipe:
    """The U-Net that finds objects by their cores: Muon at a high learning rate that falls to 0, moving average."""
    return TrainRecipe(
        optimizer={
            "optimizer": {"type": "Muon", "weight_decay": 0.01},
            "regularizer": False,
            "clip_grad_by_norm": 10.0,
        },
        lr_scheduler={
            "schedulers": [
                {"name": "CosineDecay", "max_epochs": 60},
                {"name": "LinearWarmup", "start_factor": 0.01},
            ]
        },
        loss={},
        transforms=(
            {"type": "WarpWithMasks", "size": size},
            SEED_COLOURS,
        ),
        batch_transforms=(
            _normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            {"type": "Permute"},
            {"type": "SeedTargets"},
        ),
        learning_rate=0.003,
        warmup_steps=50,
        epochs=60,
        ema_decay=0.99,
        shares_norms=True,
    )
