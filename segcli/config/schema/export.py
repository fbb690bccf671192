"""`Export`: writing the inference model."""

from typing import Literal

from pydantic import Field

from segcli.config.schema.base import Section


class ExportConfig(Section):
    """Export.

    Attributes:
        weight_path: Trained weights; None is the best weights in `Global.output`.
        input_shape: Fixed input ``[N, C, H, W]``, -1 for a free side; None is the model's own.
        formats: What to write beside Paddle's inference model.
        verify: Opens what was written and compares it with the trained network on real images.
        tolerance: Largest difference of the outputs, relative to their largest value.
        basic_config_path: Refused, as in `Train`.
    """

    weight_path: str | None = None
    input_shape: tuple[int, int, int, int] | None = None
    formats: tuple[Literal["paddle", "onnx", "openvino"], ...] = ("paddle",)
    verify: bool = True
    tolerance: float = Field(default=1e-3, gt=0)
    basic_config_path: None = None
