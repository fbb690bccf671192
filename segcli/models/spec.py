"""Description of a model as pure data, available before any library is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from segcli.data.decoding.image_range import ImageRange, RangeSetting, parse_range
from segcli.models.task import Task

Recipe = Mapping[str, Any]
"""A library class by name and its arguments: ``{"type": "PolynomialDecay", "power": 0.9}``."""


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input.

    Attributes:
        mean: Per-channel mean (RGB, or as many bands as the network takes) subtracted after scaling to 0..1.
        std: Per-channel standard deviation by which the result is divided.
        size: Height and width in pixels to which an image is resized; None for its own size.
        keep_ratio: Whether `size` bounds the shorter and the longer side instead of being the size itself.
        fits: With `keep_ratio`: whether `size` is that of the padded input, into which an image fits.
        cubic: Whether resizing interpolates cubically instead of linearly.
        exact: Whether images are normalised before they are resized, so that no value is rounded in between.
        area: Whether shrinking averages all pixels that become one, instead of interpolating between a few.
        stride: The resized image is padded with zeros (right, bottom) to a multiple of this.
        image_range: Which values of images of more than 8 bits become black and white; None where not specified.
    """

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    size: tuple[int, int] | None = None
    keep_ratio: bool = False
    fits: bool = False
    cubic: bool = False
    exact: bool = False
    area: bool = False
    stride: int = 1
    image_range: RangeSetting | None = None

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return len(self.mean)

    @property
    def reads_by(self) -> ImageRange:
        """The range with which images are read, and their number of bands."""
        return replace(parse_range(self.image_range), channels=self.channels)


@dataclass(frozen=True)
class HalfPrecision:
    """Operators, by Paddle's names, for which automatic mixed precision deviates from Paddle's own lists.

    Attributes:
        allowed: Computed in half precision.
        refused: Computed in float32.
    """

    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainRecipe:
    """How the model's authors train it; every entry can be overridden in the `Train` section.

    Attributes:
        optimizer: Recipe of the optimizer, without the learning rate.
        lr_scheduler: Recipe of the schedule after the warm-up.
        loss: ``{"types": [...], "coef": [...]}`` as PaddleSeg's configurations write it.
        transforms: Recipes of the training transforms, in order.
        learning_rate: The authors' learning rate, used where the configuration sets none.
        warmup_steps: Iterations of linear warm-up, used where the configuration sets none.
        warmup_epochs: The same in epochs, where the authors count them; overrides `warmup_steps`.
        batch_transforms: Recipes of the transforms of a whole batch, in order.
        epochs: Epochs for which the authors' schedule is written; milestones are scaled to the configured ones.
        ema_decay: Decay of the moving average with which the authors train; None where they use none.
        ema_growth: How that decay grows from 0 to its value, see `segcli.steps.train.average`.
        images_per_step: Images per step, all devices together, for which the learning rate was set; None if unknown.
        shares_norms: Whether batch normalisation uses the images of all devices (`norm_type: sync_bn`).
        skips_parts: Whether a batch may leave parameters without a gradient, e.g. mask heads in one without objects:
            processes that train together then search for unused parameters instead of waiting for ever.
        half_precision: Operators that the library treats specially under mixed precision.
        without_views: Whether a training on a CPU is faster by `segcli.cpu.without_views`: where attention moves heads
            and windows.
    """

    optimizer: Recipe
    lr_scheduler: Recipe
    loss: Recipe
    transforms: tuple[Recipe, ...]
    learning_rate: float = 0.01
    warmup_steps: int = 0
    warmup_epochs: int | None = None
    batch_transforms: tuple[Recipe, ...] = ()
    epochs: int | None = None
    ema_decay: float | None = None
    ema_growth: Literal["threshold", "exponential"] = "threshold"
    images_per_step: int | None = None
    shares_norms: bool = False
    skips_parts: bool = False
    half_precision: HalfPrecision = HalfPrecision()
    without_views: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """One model.

    Attributes:
        name: Its name, PaddleX's where PaddleX has the model, e.g. ``PP-LiteSeg-T``.
        task: The task of the model.
        network: Recipe of the network for the task's engine; the engine adds the number of classes.
        recipe: How it is trained; None for a model that cannot be trained.
        preprocess: How an image becomes its input.
        weights: Official URLs by purpose (``pretrained``, ``backbone``); fetched only on request.
        fixed_export: Height and width of the exported input where the network cannot be exported with free ones.
        parameters_million: Parameters in the official weights; with fewer classes there are fewer.
    """

    name: str
    task: Task
    network: Recipe
    recipe: TrainRecipe | None = None
    preprocess: Preprocess = field(default_factory=Preprocess)
    weights: Mapping[str, str] = field(default_factory=dict)
    fixed_export: tuple[int, int] | None = None
    parameters_million: float | None = None

    @property
    def trains_without_views(self) -> bool:
        """`TrainRecipe.without_views`; False for a model that cannot be trained."""
        return self.recipe is not None and self.recipe.without_views
