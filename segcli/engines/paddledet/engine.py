"""The engine of instance segmentation, on PaddleDetection: networks, training sessions, exported programs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from segcli.batches import worker_count
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
from segcli.data.sampling import Draws
from segcli.data.splits.folds import fold_of
from segcli.engine import Evaluation, Network
from segcli.engines.paddledet.inference import ArrayForward
from segcli.engines.paddledet.networks import build_instance_network
from segcli.engines.paddledet.records import training_images
from segcli.engines.paddledet.schedule import build_optimizer, build_schedule
from segcli.engines.paddledet.session import InstanceSession
from segcli.engines.paddledet.stream import InstanceStream, TrainingImage, scene_of
from segcli.engines.paddledet.transforms import build_transforms, collate
from segcli.errors import ConfigError, ConfigFault, DatasetError
from segcli.inference.decode_objects import ObjectFinder
from segcli.metrics.instance_measure import measure
from segcli.models.instance.recipes import FROM_SCRATCH
from segcli.models.instance.table import SIZED
from segcli.models.spec import ModelSpec, Preprocess, Recipe, TrainRecipe

log = logging.getLogger("segcli.train")

_STACKING = ("PadTargets", "Gt2Solov2Target", "SeedTargets")
"""Batch transforms after which the targets of all images have one shape."""
_DIVISOR = 32


class PaddleDetEngine:
    """Instance segmentation; see `segcli.engine.Engine`."""

    def build_network(
        self,
        spec: ModelSpec,
        num_classes: int,
        *,
        input_size: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Network:
        """The network with random weights."""
        return build_instance_network(spec.name, num_classes, input_size or SIZED[spec.name].default, options=options)

    def open_training(self, spec: ModelSpec, config: Config) -> InstanceSession:
        """Reads the annotation files of the dataset and builds all that trains the model on it."""
        import paddle

        settings = config.Train
        size = _input_size(spec, settings)
        recipe = chosen_recipe(spec, config)
        dataset = _open_dataset(config)
        image_range = use_range(config.Global.image_range, [sample.image for sample in dataset.train])
        images = training_images(dataset.train, needs_objects=SIZED[spec.name].needs_objects)
        if settings.sampling == "rare":
            images = repeated(images, [set(one.classes.ravel().tolist()) for one in images], config.Global.seed)
        draws = Draws(
            samples=len(images),
            batch_size=settings.batch_size * settings.accumulate,
            seed=config.Global.seed,
            rank=paddle.distributed.get_rank(),
            world_size=paddle.distributed.get_world_size(),
            parts=settings.accumulate,
        )
        paddle.seed(config.Global.seed)
        network = build_instance_network(
            spec.name,
            len(dataset.classes),
            size,
            overrides=FROM_SCRATCH if settings.pretrain_weight_path is None else None,
            options=settings.network,
        )
        per_epoch = draws.iterations_per_epoch
        schedule = build_schedule(
            recipe.lr_scheduler,
            learning_rate=_learning_rate(config, recipe, draws),
            warmup_steps=_warmup_steps(config, recipe, per_epoch),
            epochs=settings.epochs_iters,
            recipe_epochs=recipe.epochs or settings.epochs_iters,
            iterations=per_epoch,
        )
        preprocess = replace(SIZED[spec.name].preprocess(size), image_range=image_range.as_setting())
        batch_transforms = _fitted(recipe.batch_transforms, settings.network)
        stacked = any(transform["type"] in _STACKING for transform in batch_transforms)
        workers = worker_count(settings.num_workers)
        cache = open_cache(settings.cache_images, Path(config.Global.output), workers)
        return InstanceSession(
            network=network,
            forward=network,
            optimizer=build_optimizer(_optimizer(config, recipe), network, schedule),
            classes=dataset.classes,
            preprocess=preprocess,
            stream=InstanceStream(
                images,
                build_transforms(recipe.transforms),
                draws,
                cache=cache,
                augment=_augmenter(config, images, draws, cache),
            ),
            draws=draws,
            collate=collate(build_transforms(batch_transforms), stacked=stacked),
            measure=partial(_measure, spec=spec, dataset=dataset, preprocess=preprocess),
            total_iterations=settings.epochs_iters * per_epoch,
            eval_interval=settings.eval_interval * per_epoch,
            num_workers=workers,
            data=identities(dataset),
            ema_decay=recipe.ema_decay,
        )

    def for_export(self, network: Network, spec: ModelSpec) -> Network:
        """A wrapper that takes ``im_shape``, ``image``, ``scale_factor`` of one image and gives what PaddleX expects.

        That is ``bbox``, ``bbox_num``, ``mask``; of SOLOv2 ``bbox_num``, ``cate_label``, ``cate_score``, ``segm``.
        """
        from segcli.engines.paddledet.exporting import ExportedNetwork

        return ExportedNetwork(network, small=False)

    def array_forward(self, network: Network, *, small: bool = True) -> Callable[..., Any]:
        """What `segcli.inference.decode_objects.Outputs` describes, of arrays by name."""
        return ArrayForward(network, small=small)

    def save_program(self, network: Network, stem: Path, size: tuple[int, int] | None, *, small: bool) -> None:
        """Writes `<stem>.json` and `<stem>.pdiparams`."""
        from segcli.engines.paddledet.exporting import save_program

        save_program(network, stem, size, small=small)

    def save_two_parts(self, network: Network, stem: Path, heads: Path) -> None:
        """Writes the two parts of an R-CNN."""
        from segcli.engines.paddledet.two_parts import save_two_parts

        save_two_parts(network, stem, heads)


def _augmenter(
    config: Config, images: Sequence[TrainingImage], draws: Draws, cache: DecodedCache | None
) -> Augmenter[ObjectScene] | None:
    settings = chosen_augmentation(config)
    iterations = config.Train.epochs_iters * draws.iterations_per_epoch
    return Augmenter(settings, draws, partial(_scene, images, cache), iterations) if settings.is_any else None


def _scene(images: Sequence[TrainingImage], cache: DecodedCache | None, number: int) -> ObjectScene:
    return scene_of(images[number], cache)


def _measure(network: Network, *, spec: ModelSpec, dataset: CocoDataset, preprocess: Preprocess) -> Evaluation:
    find = ObjectFinder(ArrayForward(network), SIZED[spec.name].masks)
    report = measure(find, dataset.val, dataset.classes, preprocess)
    return Evaluation(score=report.score, metrics=report.as_dict())


def _input_size(spec: ModelSpec, settings: TrainConfig) -> int:
    """The configured size, which squares need in whole strides.

    Raises:
        ConfigError: It is no multiple of 32.
    """
    size = settings.input_size or SIZED[spec.name].default
    if not SIZED[spec.name].preprocess(size).keep_ratio and size % _DIVISOR:
        near = round(size / _DIVISOR) * _DIVISOR
        raise ConfigError(
            [ConfigFault("Train.input_size", f"is {size}; {spec.name} needs a multiple of {_DIVISOR}", f"take {near}")]
        )
    return size


def _fitted(transforms: Sequence[Recipe], options: Recipe | None) -> list[Recipe]:
    """Targets that depend on the network: SOLOv2's are made for the grids of its head."""
    grids = (options or {}).get("SOLOv2Head", {}).get("num_grids")
    if grids is None:
        return list(transforms)
    return [{**one, "num_grids": grids} if "num_grids" in one else one for one in transforms]


def _open_dataset(config: Config) -> CocoDataset:
    folder = config.Global.dataset
    dataset = fold_of(open_instance_dataset(folder), chosen_fold(config))
    wanted, found = config.Train.num_classes, len(dataset.classes)
    if wanted is not None and wanted != found:
        raise DatasetError(
            f"the dataset has {found} classes ({', '.join(dataset.classes)}), Train.num_classes is {wanted}",
            path=folder,
            hint=f"set Train.num_classes={found}, or leave it out; the background is no class here",
        )
    return dataset


def _optimizer(config: Config, recipe: TrainRecipe) -> Recipe:
    """The optimizer; from random weights it clips gradients, which is logged."""
    chosen = config.Train.optimizer is not None and not config.origin("Train.optimizer").startswith(RECIPE)
    if config.Train.pretrain_weight_path is None and not chosen:
        log.info("from random weights: gradients are clipped, no layer is frozen")
    return recipe.optimizer


def _learning_rate(config: Config, recipe: TrainRecipe, draws: Draws) -> float:
    """The rate after the warm-up; scaled to the images per step where that is configured; a warning where it is not."""
    rate = recipe.learning_rate
    ours, theirs = draws.batch_size * draws.world_size, recipe.images_per_step
    if theirs is None or ours == theirs:
        return rate
    scaled = rate * ours / theirs
    if config.Train.scale_learning_rate:
        log.info("learning rate %g for %d images per step becomes %g for %d", rate, theirs, scaled, ours)
        return scaled
    if config.Train.learning_rate is None or config.origin("Train.learning_rate").startswith(RECIPE):
        log.info(
            "the recipe's learning rate %g is made for %d images per step, here are %d; "
            "Train.scale_learning_rate=True would take %g",
            rate,
            theirs,
            ours,
            scaled,
        )
    return rate


def _warmup_steps(config: Config, recipe: TrainRecipe, per_epoch: int) -> int:
    """The configured steps, or the recipe's where they leave most of the training after them."""
    if config.Train.warmup_steps is not None and not config.origin("Train.warmup_steps").startswith(RECIPE):
        return config.Train.warmup_steps
    wanted = recipe.warmup_steps if recipe.warmup_epochs is None else recipe.warmup_epochs * per_epoch
    return min(wanted, config.Train.epochs_iters * per_epoch // WARMUP_SHARE)
