"""The augmentation that a configuration chooses."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.augment.augmenter import Augmentation


def chosen_augmentation(config: Config) -> Augmentation:
    """`Train.augment` as the augmenter takes it."""
    return Augmentation(**config.Train.augment.model_dump())
