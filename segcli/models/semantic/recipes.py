"""How the semantic models are trained: PaddleX's settings of each family, and those of the small U-Net."""

from __future__ import annotations

from segcli.models.spec import HalfPrecision, Preprocess, Recipe, TrainRecipe

CROP_SIZE = (512, 512)
"""Width and height in pixels of PaddleX's training crop; `Train.crop_size` replaces it."""
IMAGENET = Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
HALF = Preprocess()
PADDLESEG_HALF = HalfPrecision(
    allowed=("elementwise_add", "batch_norm", "sync_batch_norm"), refused=("bilinear_interp_v2",)
)
"""PaddleSeg's operator lists (`core/train.py`) for all its models."""
SHRUNK = Preprocess(area=True)
"""For a network that is trained at a much smaller size than the images'."""


def normalize(preprocess: Preprocess) -> Recipe:
    """The transform that scales to 0..1, subtracts the mean and divides by the deviation."""
    return {"type": "Normalize", "mean": list(preprocess.mean), "std": list(preprocess.std)}


def standard_transforms(crop_size: tuple[int, int] = CROP_SIZE) -> tuple[Recipe, ...]:
    """Augmentation of every family but MaskFormer: scale, crop, flip, colours."""
    return (
        {"type": "ResizeStepScaling", "min_scale_factor": 0.5, "max_scale_factor": 2.0, "scale_step_size": 0.25},
        {"type": "RandomPaddingCrop", "crop_size": list(crop_size)},
        {"type": "RandomHorizontalFlip"},
        {"type": "RandomDistort", "brightness_range": 0.4, "contrast_range": 0.4, "saturation_range": 0.4},
        normalize(HALF),
    )


def maskformer_transforms() -> tuple[Recipe, ...]:
    """Augmentation of MaskFormer, whose loss needs one mask per present class."""
    colours = {
        "brightness_range": 0.125,
        "brightness_prob": 1.0,
        "contrast_range": 0.5,
        "contrast_prob": 1.0,
        "saturation_range": 0.5,
        "saturation_prob": 1.0,
        "hue_range": 18,
        "hue_prob": 1.0,
    }
    short_sides = [int(512 * tenths / 10) for tenths in range(5, 21)]
    return (
        {"type": "ResizeByShort", "short_size": short_sides, "max_size": 2048},
        {"type": "RandomPaddingCrop", "crop_size": list(CROP_SIZE)},
        {"type": "RandomDistort", **colours},
        {"type": "RandomHorizontalFlip"},
        {"type": "GenerateInstanceTargets", "ignore_index": 255},
        normalize(IMAGENET),
    )


def cross_entropy(*coefficients: float) -> Recipe:
    """Cross entropy on each output of the network, summed with these coefficients."""
    return {"types": [{"type": "CrossEntropyLoss"} for _ in coefficients], "coef": list(coefficients)}


def polynomial(power: float, warmup_start_lr: float | None = None) -> Recipe:
    """Polynomial decay to 0; `warmup_start_lr` is the learning rate at which a warm-up begins."""
    schedule: dict[str, object] = {"type": "PolynomialDecay", "power": power, "end_lr": 0.0}
    return schedule if warmup_start_lr is None else {**schedule, "warmup_start_lr": warmup_start_lr}


def convolutional_recipe(loss: Recipe, crop_size: tuple[int, int] = CROP_SIZE) -> TrainRecipe:
    """DeepLab, OCRNet and PP-LiteSeg: momentum SGD."""
    return TrainRecipe(
        half_precision=PADDLESEG_HALF,
        optimizer={"type": "SGD", "momentum": 0.9, "weight_decay": 4.0e-5},
        lr_scheduler=polynomial(0.9),
        loss=loss,
        transforms=standard_transforms(crop_size),
        learning_rate=0.01,
    )


def segformer_recipe(crop_size: tuple[int, int] = CROP_SIZE) -> TrainRecipe:
    """SegFormer: AdamW with the same settings for all parameters."""
    return TrainRecipe(
        half_precision=PADDLESEG_HALF,
        optimizer={"type": "AdamW", "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01},
        lr_scheduler=polynomial(1.0),
        loss=cross_entropy(1.0),
        transforms=standard_transforms(crop_size),
        learning_rate=6.0e-5,
    )


def seaformer_recipe() -> TrainRecipe:
    """SeaFormer: AdamW, no weight decay of norms and position embeddings.

    PaddleX intends ten times the learning rate for the head, but its group is called `head`, which no parameter's name
    contains: its weights were trained at one learning rate, as here.
    """
    groups = [
        {"name": "pos_emb", "weight_decay_mult": 0.0},
        {"name": "head", "lr_mult": 10.0},
        {"name": "norm", "weight_decay_mult": 0.0},
    ]
    return TrainRecipe(
        half_precision=PADDLESEG_HALF,
        optimizer={"type": "AdamW", "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "custom_cfg": groups},
        lr_scheduler=polynomial(1.0, warmup_start_lr=1.0e-6),
        loss=cross_entropy(1.0),
        transforms=standard_transforms(),
        learning_rate=2.5e-4,
        warmup_steps=1500,
    )


def maskformer_recipe() -> TrainRecipe:
    """MaskFormer: AdamW with clipped gradients; the engine adds `num_classes` to the loss and the targets.

    PaddleX begins with a group `backbone` of factor 1, which removes the backbone's norms and bias tables from the
    groups without decay; it is left out here.
    """
    groups = [
        {"name": "norm", "weight_decay_mult": 0.0},
        {"name": "relative_position_bias_table", "weight_decay_mult": 0.0},
    ]
    return TrainRecipe(
        without_views=True,
        half_precision=PADDLESEG_HALF,
        optimizer={
            "type": "AdamW",
            "weight_decay": 0.01,
            "custom_cfg": groups,
            "grad_clip_cfg": {"name": "ClipGradByNorm", "clip_norm": 0.01},
        },
        lr_scheduler=polynomial(0.9, warmup_start_lr=6.0e-11),
        loss={"types": [{"type": "MaskFormerLoss", "eos_coef": 0.1}], "coef": [1.0]},
        transforms=maskformer_transforms(),
        learning_rate=6.0e-5,
        warmup_steps=1500,
    )


def unet_recipe() -> TrainRecipe:
    """The small U-Net: Muon at a high learning rate, cross entropy and Dice.

    Dice weighs all classes equally, however few their pixels.
    """
    both = {
        "type": "MixedLoss",
        "losses": [{"type": "CrossEntropyLoss"}, {"type": "BatchDiceLoss"}],
        "coef": [1.0, 1.0],
    }
    return TrainRecipe(
        optimizer={
            "type": "Muon",
            "weight_decay": 0.01,
            "grad_clip_cfg": {"name": "ClipGradByGlobalNorm", "clip_norm": 5.0},
        },
        lr_scheduler=polynomial(0.9),
        loss={"types": [both], "coef": [1.0]},
        transforms=standard_transforms((256, 256)),
        learning_rate=0.003,
        warmup_steps=20,
        ema_decay=0.99,
        shares_norms=True,
        half_precision=PADDLESEG_HALF,
    )
