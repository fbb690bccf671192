"""The range of values in which a trained model reads images; the configuration must not contradict it."""

from __future__ import annotations

from dataclasses import replace

from segcli.config.schema import Config
from segcli.data.decoding.image_range import ImageRange, parse_range
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import Preprocess

KEY = "Global.image_range"


def learnt_range(preprocess: Preprocess, config: Config) -> ImageRange:
    """How a model reads images of more than 8 bits.

    Args:
        preprocess: The model's preprocessing.
        config: Used if the model does not store a range, as models of other tools.

    Raises:
        ConfigError: The configuration sets another range than the model was trained with.
    """
    configured = config.Global.image_range
    wanted = None if configured == "auto" else replace(parse_range(configured), channels=preprocess.channels)
    if preprocess.image_range is None:
        return wanted or ImageRange(channels=preprocess.channels)
    if wanted is not None and wanted != preprocess.reads_by:
        message = f"is {wanted}; the model was trained on images read as {preprocess.reads_by}"
        raise ConfigError([ConfigFault(KEY, message, "leave it out")])
    return preprocess.reads_by
