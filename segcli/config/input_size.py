"""The network's input size for evaluation and export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.config.schema import Config
from segcli.models.spec import ModelSpec


def wanted_shape(config: Config, trained: Mapping[str, Any] | None = None) -> tuple[int, int, int, int] | None:
    """The configured input [N, C, H, W] of the exported model, -1 for a free side; None leaves it to the model.

    Args:
        config: The current configuration.
        trained: The configuration of the training, from the model card: its size, which the plan may have chosen, is
            used if `config` has none.
    """
    shape = config.Export.input_shape or config.Train.input_shape
    return shape if shape is not None or trained is None else trained_shape(trained)


def trained_shape(trained: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """The input [N, C, H, W] with which a model was trained and measured, from its card; None where images kept theirs.

    Args:
        trained: The configuration of the training, from the model card.
    """
    section = trained.get("Train")
    sides = section.get("input_shape") if isinstance(section, Mapping) else None
    if not isinstance(sides, list | tuple) or len(sides) != 4 or not all(isinstance(side, int) for side in sides):
        return None
    images, channels, height, width = sides
    return images, channels, height, width


def fixed_size(spec: ModelSpec, config: Config, trained: Mapping[str, Any] | None = None) -> tuple[int, int] | None:
    """Height and width to which every image is resized, so that trained and exported weights have the same scores.

    Args:
        spec: The model.
        config: The current configuration.
        trained: The configuration of the training, see `wanted_shape`.

    Returns:
        The configured size, else the only size in which the model can be exported; None where images keep their size
        or aspect ratio.
    """
    if spec.preprocess.keep_ratio:
        return None
    wanted = wanted_shape(config, trained)
    if wanted is None or min(wanted[2:]) < 0:
        return spec.fixed_export
    return wanted[2], wanted[3]
