"""Training sessions of semantic segmentation: dataset, network, losses and sample stream for a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from segcli.batches import sample_order, worker_count
from segcli.config.augment import chosen_augmentation
from segcli.config.folds import chosen_fold
from segcli.config.input_size import fixed_size
from segcli.config.recipe import chosen_recipe
from segcli.config.schema import Config
from segcli.data.augment.augmenter import Augmenter
from segcli.data.augment.scene import LabelScene
from segcli.data.class_weights import class_weights
from segcli.data.decoded_cache import DecodedCache, open_cache
from segcli.data.decoding.band_scale import band_scale
from segcli.data.decoding.range_of_images import use_range
from segcli.data.formats.masks import LIST_FILES, open_seg_dataset
from segcli.data.loading import load, load_mask
from segcli.data.rare import repeated
from segcli.data.samples import SegDataset, SegSample, Split
from segcli.data.sampling import SampleOrder
from segcli.data.splits.class_amounts import pixels_by_class
from segcli.data.splits.folds import fold_of
from segcli.engines.paddleseg.input_bands import band_transforms
from segcli.engines.paddleseg.networks import build
from segcli.engines.paddleseg.parts import build_losses, build_optimizer, build_schedule, build_transforms
from segcli.engines.paddleseg.session import SemanticSession
from segcli.engines.paddleseg.stream import Focus, SampleStream
from segcli.errors import DatasetError
from segcli.models.spec import ModelSpec, Preprocess
from segcli.rules import finding


def open_session(spec: ModelSpec, config: Config) -> SemanticSession:
    """Reads the lists of the dataset and builds everything that a training needs.

    Raises:
        ConfigError: Losses, transforms, optimizer or schedule cannot be built.
        DatasetError: The dataset cannot be trained on.
    """
    import paddle

    recipe = chosen_recipe(spec, config)
    settings = config.Train
    dataset = _open_dataset(config)
    _require_labels(dataset)
    samples = _epoch_samples(config, dataset)
    preprocess = _preprocess(spec, config, dataset)
    paddle.seed(config.Global.seed)
    # Paddle's tracer cannot follow segcli's layers
    network = build(spec, len(dataset.classes), preprocess.channels, own_layers=not settings.dy2st)
    order = sample_order(len(samples), config)
    ignored = dataset.classes.ignore_index
    losses = build_losses(
        recipe.loss,
        num_classes=len(dataset.classes),
        ignore_index=ignored,
        class_weights=class_weights(settings.class_weights, dataset),
    )
    schedule = build_schedule(
        recipe.lr_scheduler,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
        iterations=settings.epochs_iters,
    )
    workers = worker_count(settings.num_workers)
    cache = open_cache(settings.cache_images, Path(config.Global.output), workers)
    return SemanticSession(
        network=network,
        forward=paddle.jit.to_static(network.forward) if settings.dy2st else network,
        optimizer=build_optimizer(recipe.optimizer, network, schedule),
        dataset=dataset,
        stream=SampleStream(
            samples,
            build_transforms(
                band_transforms(recipe.transforms, preprocess),
                num_classes=len(dataset.classes),
                crop_size=settings.crop_size,
            ),
            order,
            _edge_classes(losses, len(dataset.classes)),
            cache=cache,
            augment=_augmenter(config, samples, order, cache, ignored),
            focus=Focus(settings.crop_focus, ignored) if settings.crop_focus else None,
        ),
        order=order,
        loss_parts=losses,
        preprocess=preprocess,
        ema_decay=recipe.ema_decay,
        total_iterations=settings.epochs_iters,
        eval_interval=settings.eval_interval,
        num_workers=workers,
        measure_options={
            "absent_class": config.Evaluate.absent_class,
            "sliding_window": config.Evaluate.sliding_window,
            "input_size": fixed_size(spec, config),
        },
    )


def _require_labels(dataset: SegDataset) -> None:
    """Reads masks until one of each split has a labelled pixel.

    Raises:
        DatasetError: All pixels of a split are ignored: nothing could be learnt or measured.
    """
    ignored = dataset.classes.ignore_index
    for split, samples in ((Split.TRAIN, dataset.train), (Split.VAL, dataset.val)):
        if samples and not any(_has_labels(sample, ignored) for sample in samples):
            message = f"every pixel of its masks is {ignored}, which is ignored"
            fault = finding("S410", LIST_FILES[split], message)
            raise DatasetError(message, [fault], path=dataset.root / LIST_FILES[split], hint=fault.hint)


def _has_labels(sample: SegSample, ignored: int) -> bool:
    """Whether a pixel of a mask has a class; a mask that cannot be read is reported when it is learnt from."""
    try:
        return bool((load_mask(sample) != ignored).any())
    except DatasetError:
        return True


def _preprocess(spec: ModelSpec, config: Config, dataset: SegDataset) -> Preprocess:
    """How images become inputs: configured range and bands; bands are normalised by their own mean and deviation."""
    images = [sample.image for sample in dataset.train]
    image_range = use_range(config.Global.image_range, images, config.Global.input_channels)
    scale = spec.preprocess
    if image_range.takes_bands:
        mean, std = band_scale(images)
        scale = replace(scale, mean=mean, std=std)
    return replace(scale, image_range=image_range.as_setting())


def _epoch_samples(config: Config, dataset: SegDataset) -> Sequence[SegSample]:
    """The samples of an epoch: the training split, with images of rare classes repeated where that is configured."""
    if config.Train.sampling == "uniform":
        return dataset.train
    pixels = pixels_by_class([sample.mask for sample in dataset.train])
    return repeated(dataset.train, pixels, config.Global.seed)


def _augmenter(
    config: Config, samples: Sequence[SegSample], order: SampleOrder, cache: DecodedCache | None, ignored: int
) -> Augmenter[LabelScene] | None:
    settings = chosen_augmentation(config)
    scene = partial(_scene, samples, cache, ignored)
    return Augmenter(settings, order, scene, config.Train.epochs_iters) if settings.is_any else None


def _scene(samples: Sequence[SegSample], cache: DecodedCache | None, ignored: int, number: int) -> LabelScene:
    """A training image and its mask without augmentation."""
    whole = load(samples[number], cache=cache)
    return LabelScene(whole.rgb, whole.mask.copy(), ignored)


def _open_dataset(config: Config) -> SegDataset:
    return fold_of(open_seg_dataset(config.Global.dataset, config.Train.num_classes), chosen_fold(config))


def _edge_classes(losses: dict[str, list[Any]], num_classes: int) -> int | None:
    needs_edges = any(getattr(loss, "edge_label", False) for loss in losses["types"])
    return num_classes if needs_edges else None
