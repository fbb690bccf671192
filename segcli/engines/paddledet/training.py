"""Training sessions of instance segmentation: dataset, network, schedule and sample stream for a configuration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from segcli.batches import sample_order, worker_count
from segcli.config.augment import chosen_augmentation
from segcli.config.folds import chosen_fold
from segcli.config.recipe import WARMUP_SHARE, chosen_recipe
from segcli.config.schema import RECIPE, Config, TrainConfig
from segcli.data.augment.augmenter import Augmenter
from segcli.data.augment.scene import ObjectScene
from segcli.data.decoded_cache import DecodedCache, open_cache
from segcli.data.decoding.range_of_images import use_range
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.identity import identities
from segcli.data.instances import CocoDataset
from segcli.data.rare import repeated
from segcli.data.sampling import SampleOrder
from segcli.data.splits.folds import fold_of
from segcli.engine import Evaluation, Network
from segcli.engines.paddledet.inference import ArrayForward
from segcli.engines.paddledet.networks import build_instance_network
from segcli.engines.paddledet.records import training_images
from segcli.engines.paddledet.schedule import build_optimizer, build_schedule
from segcli.engines.paddledet.session import InstanceSession
from segcli.engines.paddledet.stream import InstanceStream, TrainingImage, scene_of
from segcli.engines.paddledet.transforms import build_transforms, collate
from segcli.errors import ConfigError, ConfigFault
from segcli.inference.augmented_objects import ObjectViews
from segcli.inference.decode_objects import ObjectFinder
from segcli.metrics.instance_measure import measure
from segcli.models.instance.recipes import FROM_SCRATCH
from segcli.models.instance.table import SIZED
from segcli.models.spec import ModelSpec, Preprocess, Recipe, TrainRecipe

log = logging.getLogger("segcli.train")

_STACKING = ("PadTargets", "Gt2Solov2Target", "SeedTargets")
"""Batch transforms after which the targets of all images have one shape."""
_DIVISOR = 32


def open_session(spec: ModelSpec, config: Config) -> InstanceSession:
    """Reads the annotation files of the dataset and builds everything that a training needs.

    Raises:
        ConfigError: The input size does not fit the network, or optimizer or schedule cannot be built.
        DatasetError: The dataset cannot be trained on.
    """
    import paddle

    settings = config.Train
    size = _input_size(spec, settings)
    recipe = chosen_recipe(spec, config)
    dataset = _open_dataset(config)
    image_range = use_range(config.Global.image_range, [sample.image for sample in dataset.train])
    preprocess = replace(SIZED[spec.name].preprocess(size), image_range=image_range.as_setting())
    images = _epoch_images(spec, config, dataset)
    order = sample_order(len(images), config)
    paddle.seed(config.Global.seed)
    network = _build_network(spec, settings, len(dataset.classes), size)
    workers = worker_count(settings.num_workers)
    cache = open_cache(settings.cache_images, Path(config.Global.output), workers)
    batch_transforms = _fitted(recipe.batch_transforms, settings.network)
    stacked = any(transform["type"] in _STACKING for transform in batch_transforms)
    per_epoch = order.iterations_per_epoch
    return InstanceSession(
        network=network,
        forward=network,
        optimizer=_optimizer(config, recipe, network, order),
        classes=dataset.classes,
        preprocess=preprocess,
        stream=InstanceStream(
            images,
            build_transforms(recipe.transforms),
            order,
            cache=cache,
            augment=_augmenter(config, images, order, cache),
        ),
        order=order,
        collate=collate(build_transforms(batch_transforms), stacked=stacked),
        measure=partial(_measure, spec=spec, dataset=dataset, preprocess=preprocess),
        total_iterations=settings.epochs_iters * per_epoch,
        eval_interval=settings.eval_interval * per_epoch,
        num_workers=workers,
        data=identities(dataset),
        ema_decay=recipe.ema_decay,
    )


def _epoch_images(spec: ModelSpec, config: Config, dataset: CocoDataset) -> Sequence[TrainingImage]:
    """The images of an epoch: the training split, with images of rare classes repeated where that is configured."""
    images = training_images(dataset.train, needs_objects=SIZED[spec.name].needs_objects)
    if config.Train.sampling == "uniform":
        return images
    return repeated(images, [set(one.classes.ravel().tolist()) for one in images], config.Global.seed)


def _build_network(spec: ModelSpec, settings: TrainConfig, num_classes: int, size: int) -> Network:
    overrides = FROM_SCRATCH if settings.pretrain_weight_path is None else None
    return build_instance_network(spec.name, num_classes, size, overrides=overrides, options=settings.network)


def _augmenter(
    config: Config, images: Sequence[TrainingImage], order: SampleOrder, cache: DecodedCache | None
) -> Augmenter[ObjectScene] | None:
    settings = chosen_augmentation(config)
    iterations = config.Train.epochs_iters * order.iterations_per_epoch
    return Augmenter(settings, order, partial(_scene, images, cache), iterations) if settings.is_any else None


def _scene(images: Sequence[TrainingImage], cache: DecodedCache | None, number: int) -> ObjectScene:
    return scene_of(images[number], cache)


def _measure(
    network: Network, most: int | None, *, spec: ModelSpec, dataset: CocoDataset, preprocess: Preprocess
) -> Evaluation:
    find = ObjectFinder(ArrayForward(network), SIZED[spec.name].masks)
    report = measure(find, dataset.val[:most], dataset.classes, ObjectViews(preprocess))
    return Evaluation(score=report.score, metrics=report.as_dict())


def _input_size(spec: ModelSpec, settings: TrainConfig) -> int:
    """The configured size; square inputs need a multiple of 32.

    Raises:
        ConfigError: It is not a multiple of 32.
    """
    size = settings.input_size or SIZED[spec.name].default
    if not SIZED[spec.name].preprocess(size).keep_ratio and size % _DIVISOR:
        near = round(size / _DIVISOR) * _DIVISOR
        raise ConfigError(
            [ConfigFault("Train.input_size", f"is {size}; {spec.name} needs a multiple of {_DIVISOR}", f"use {near}")]
        )
    return size


def _fitted(transforms: Sequence[Recipe], options: Recipe | None) -> list[Recipe]:
    """Batch transforms adapted to the network's options: SOLOv2's targets need the grids of its head."""
    grids = (options or {}).get("SOLOv2Head", {}).get("num_grids")
    if grids is None:
        return list(transforms)
    return [{**one, "num_grids": grids} if "num_grids" in one else one for one in transforms]


def _open_dataset(config: Config) -> CocoDataset:
    return fold_of(open_instance_dataset(config.Global.dataset), chosen_fold(config))


def _optimizer(config: Config, recipe: TrainRecipe, network: Network, order: SampleOrder) -> object:
    """The optimizer with its schedule; training from random weights is logged."""
    settings, per_epoch = config.Train, order.iterations_per_epoch
    schedule = build_schedule(
        recipe.lr_scheduler,
        learning_rate=_learning_rate(config, recipe, order),
        warmup_steps=_warmup_steps(config, recipe, per_epoch),
        epochs=settings.epochs_iters,
        recipe_epochs=recipe.epochs or settings.epochs_iters,
        iterations=per_epoch,
    )
    chosen = settings.optimizer is not None and not config.origin("Train.optimizer").startswith(RECIPE)
    if settings.pretrain_weight_path is None and not chosen:
        log.info("from random weights: gradients are clipped, no layer is frozen")
    return build_optimizer(recipe.optimizer, network, schedule)


def _learning_rate(config: Config, recipe: TrainRecipe, order: SampleOrder) -> float:
    """The rate after the warm-up, scaled to the images per step where configured; else the difference is logged."""
    rate = recipe.learning_rate
    images, recipe_images = order.batch_size * order.world_size, recipe.images_per_step
    if recipe_images is None or images == recipe_images:
        return rate
    scaled = rate * images / recipe_images
    if config.Train.scale_learning_rate:
        log.info("learning rate %g for %d images per step becomes %g for %d", rate, recipe_images, scaled, images)
        return scaled
    if config.Train.learning_rate is None or config.origin("Train.learning_rate").startswith(RECIPE):
        log.info(
            "the recipe's learning rate %g is for %d images per step, this training has %d; "
            "Train.scale_learning_rate=True would use %g",
            rate,
            recipe_images,
            images,
            scaled,
        )
    return rate


def _warmup_steps(config: Config, recipe: TrainRecipe, per_epoch: int) -> int:
    """The configured steps, or the recipe's, limited to a share of the training."""
    if config.Train.warmup_steps is not None and not config.origin("Train.warmup_steps").startswith(RECIPE):
        return config.Train.warmup_steps
    wanted = recipe.warmup_steps if recipe.warmup_epochs is None else recipe.warmup_epochs * per_epoch
    return min(wanted, config.Train.epochs_iters * per_epoch // WARMUP_SHARE)
