"""The one rule for the size in which a network sees images when it is measured and exported."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.models.spec import ModelSpec


def wanted_shape(config: Config) -> tuple[int, int, int, int] | None:
    """The configured input [N, C, H, W] of the exported model, -1 for a free side; None leaves it to the model."""
    return config.Export.input_shape or config.Train.input_shape


def fixed_size(spec: ModelSpec, config: Config) -> tuple[int, int] | None:
    """Height and width to which every image is resized, so that trained and exported weights measure the same.

    Returns:
        The configured size, else the only one in which the model can be exported; None where images keep their own, or
        at least their ratio.
    """
    if spec.preprocess.keep_ratio:
        return None
    wanted = wanted_shape(config)
    if wanted is None or min(wanted[2:]) < 0:
        return spec.fixed_export
    return wanted[2], wanted[3]
