"""Training sessions of the promptable networks: dataset, samples, frozen parts and schedule for a configuration."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from segcli.batches import sample_order, worker_count
from segcli.config.recipe import WARMUP_SHARE, chosen_recipe
from segcli.config.schema import RECIPE, Config, TrainConfig
from segcli.data.decoding.range_of_images import use_range
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.identity import identities
from segcli.data.sampling import SampleOrder
from segcli.engine import Network, TrainingSession
from segcli.engines.promptable.frozen_lseg import FrozenPixels
from segcli.engines.promptable.lseg_session import LSegSamples, LSegSession, LSegStep
from segcli.engines.promptable.sam_samples import SamSamples, learnable
from segcli.engines.promptable.sam_session import SamSession, SamStep
from segcli.engines.promptable.schedule import build_optimizer, build_schedule
from segcli.errors import DatasetError
from segcli.inference.square_input import SquareInput
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.models.spec import ModelSpec
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.training import PromptSettings

log = logging.getLogger("segcli.train")

MEMORY_FOR_EMBEDDINGS = 2 << 30
"""Total size of embeddings in bytes above which they are stored on disk."""
_FLOAT_BYTES = 4
T = TypeVar("T")


def open_session(spec: ModelSpec, config: Config, network: Network) -> TrainingSession:
    """Reads the dataset and builds everything that a training needs.

    Raises:
        ConfigError: There is no dataset, or optimizer or schedule cannot be built.
        DatasetError: The dataset cannot be trained on.
    """
    by_clicks = PROMPTABLE[spec.name].prompt_kind is PromptKind.CLICKS
    return (_open_sam if by_clicks else _open_lseg)(spec, config, network)


def _open_sam(spec: ModelSpec, config: Config, network: Network) -> TrainingSession:
    settings, options = config.Train, config.Train.promptable
    folder = config.Global.dataset
    dataset = open_instance_dataset(folder)
    image_range = use_range(config.Global.image_range, [sample.image for sample in dataset.train])
    train = learnable(dataset.train, 4 * network.grid)
    if not train:
        raise DatasetError("no training image has an object that is large enough to learn from", path=folder)
    if len(train) < len(dataset.train):
        log.info("%d training images have no object to learn from", len(dataset.train) - len(train))
    frozen = _is_frozen(spec, settings)
    if frozen:
        _freeze(network.image_encoder)
        _freeze(network.prompt_encoder)
    order = sample_order(len(train), config)
    preprocess = SquareInput.of(PROMPTABLE[spec.name])
    val = _spread(dataset.val, options.measured_images)
    size = network.prompt_encoder.dim * network.grid**2
    return SamSession(
        network=network,
        forward=SamStep(network, PromptSettings(box_share=options.box_share, error_rounds=options.error_rounds)),
        optimizer=_optimizer(spec, config, network, order),
        classes=dataset.classes,
        preprocess=replace(spec.preprocess, image_range=image_range.as_setting()),
        samples=SamSamples(
            train, preprocess, 4 * network.grid, order, options.objects_per_image, not frozen, options.flip
        ),
        val=val,
        cache=_embedding_cache(size, len(train) + len(val), options.cache_dir) if frozen else None,
        total_iterations=settings.epochs_iters * order.iterations_per_epoch,
        eval_interval=settings.eval_interval * order.iterations_per_epoch,
        num_workers=worker_count(settings.num_workers),
        data=identities(dataset),
    )


def _open_lseg(spec: ModelSpec, config: Config, network: Network) -> TrainingSession:
    settings, options = config.Train, config.Train.promptable
    dataset = open_seg_dataset(config.Global.dataset, settings.num_classes)
    image_range = use_range(config.Global.image_range, [sample.image for sample in dataset.train])
    _freeze(network.clip_pretrained)
    # In data-parallel training Paddle waits for the gradients of all trainable parameters; this part is never called.
    _freeze(network.scratch.refinenet4.resConfUnit1)
    is_frozen = _is_frozen(spec, settings)
    if is_frozen:
        _freeze(network.pretrained.model)
    order = sample_order(len(dataset.train), config)
    val, form = _spread(dataset.val, options.measured_images), PROMPTABLE[spec.name]
    samples = LSegSamples(dataset.train, dataset.classes, SquareInput.of(form), order, options.flip and not is_frozen)
    size = network.config.tokens(form.side)
    cache = _embedding_cache(size, len(dataset.train) + len(val), options.cache_dir) if is_frozen else None
    frozen = None if cache is None else FrozenPixels(cache)
    return LSegSession(
        network=network,
        forward=LSegStep(network, frozen, dataset.classes.ignore_index),
        optimizer=_optimizer(spec, config, network, order),
        classes=dataset.classes,
        preprocess=replace(spec.preprocess, image_range=image_range.as_setting()),
        samples=samples,
        val=val,
        frozen=frozen,
        background=config.Predict.promptable.background,
        total_iterations=settings.epochs_iters * order.iterations_per_epoch,
        eval_interval=settings.eval_interval * order.iterations_per_epoch,
        num_workers=worker_count(settings.num_workers),
        data=identities(dataset),
    )


def _is_frozen(spec: ModelSpec, settings: TrainConfig) -> bool:
    wanted = settings.promptable.freeze_encoder
    frozen = not PROMPTABLE[spec.name].trains_encoder if wanted is None else wanted
    if frozen and settings.pretrain_weight_path is None and settings.resume_path is None:
        log.warning("the image encoder is frozen with random weights: set Train.pretrain_weight_path")
    return frozen


def _freeze(layer: Network) -> None:
    for parameter in layer.parameters():
        parameter.stop_gradient = True


def _optimizer(spec: ModelSpec, config: Config, network: Network, order: SampleOrder) -> object:
    recipe = chosen_recipe(spec, config)
    iterations = config.Train.epochs_iters * order.iterations_per_epoch
    warmup = config.Train.warmup_steps
    if warmup is None or config.origin("Train.warmup_steps").startswith(RECIPE):
        warmup = min(recipe.warmup_steps, iterations // WARMUP_SHARE)
    schedule = build_schedule(
        recipe.lr_scheduler, learning_rate=recipe.learning_rate, warmup_steps=warmup, iterations=iterations
    )
    return build_optimizer(recipe.optimizer, network, schedule)


def _embedding_cache(size: int, images: int, folder: str | None) -> EmbeddingCache:
    """A cache of `size` floats per image: in the configured folder, else in memory or in a temporary folder."""
    if folder is not None:
        return EmbeddingCache(folder)
    if images * size * _FLOAT_BYTES <= MEMORY_FOR_EMBEDDINGS:
        return EmbeddingCache(memory_items=images)
    kept = tempfile.TemporaryDirectory(prefix="segcli-embeddings-")
    log.info("embeddings of %d images go to %s until the training ends", images, kept.name)
    return EmbeddingCache(kept.name, owner=kept)


def _spread(samples: Sequence[T], most: int | None) -> Sequence[T]:
    """At most `most` samples, evenly spread; None for all."""
    if most is None or len(samples) <= most:
        return samples
    return [samples[index * len(samples) // most] for index in range(most)]
