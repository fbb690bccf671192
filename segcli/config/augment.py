"""The augmentation that a configuration chooses."""

from __future__ import annotations

from segcli.config.keys import meanings
from segcli.config.schema import Config
from segcli.data.augment.augmenter import Augmentation
from segcli.models.table import get_spec


def chosen_augmentation(config: Config) -> Augmentation:
    """`Train.augment` as settings of the augmenter."""
    settings = config.Train.augment
    spec = get_spec(config.Global.model)
    pastes = meanings()["Train.augment.copy_paste"].modes(spec.name, spec.task)
    return Augmentation(
        mosaic=settings.mosaic,
        copy_paste=settings.copy_paste if pastes else 0.0,
        turn=settings.turn,
        scale_jitter=settings.scale_jitter,
        elastic=settings.elastic,
        photometric=settings.photometric,
        close_share=settings.close_share,
    )
