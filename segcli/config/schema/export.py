"""`Export`: writing the inference model."""

from typing import Annotated, ClassVar

from pydantic import Field, PositiveFloat

from segcli.config.schema.base import ExportFormat, Section
from segcli.config.schema.meaning import DENSE, INSTANCE, PROMPTABLE, SEMANTIC, Instead, Read, Stock


class ExportConfig(Section):
    """Export.

    Attributes:
        weight_path: Trained weights; None is the best weights in `Global.output`.
        input_shape: Fixed input ``[N, C, H, W]``, -1 for a free side; None is the model's own.
        formats: What to write in addition to Paddle's inference model.
        verify: Opens what was written and compares it with the trained network on real images.
        temperature: Divides the logits before they become probabilities, or the log-odds of the scores of objects, so
            that confidence matches accuracy; null is the one that `evaluate` found for these weights
            (`Evaluate.calibration`), else 1.
        tolerance: Largest accepted difference of the outputs, relative to their largest value.
        basic_config_path: Refused, as in `Train`.
    """

    reads: ClassVar = (Read(("train", "export")),)

    weight_path: Annotated[str | None, Read(("export",)), Stock()] = None
    input_shape: Annotated[
        tuple[int, int, int, int] | None,
        Read(("train", "evaluate", "export"), SEMANTIC),
        Read(("train", "export"), INSTANCE),
        Instead("the network has one input size", PROMPTABLE),
        Stock(),
    ] = None
    formats: tuple[ExportFormat, ...] = ("paddle",)
    verify: bool = True
    temperature: Annotated[
        PositiveFloat | None,
        Read(("train", "export"), DENSE),
        Instead("masks of prompts have no temperature", PROMPTABLE),
    ] = None
    tolerance: float = Field(default=1e-3, gt=0)
    basic_config_path: Annotated[None, Read(()), Stock()] = None
