"""`Evaluate`: measuring trained weights."""

from typing import Literal

from pydantic import Field

from segcli.config.schema.base import Runtime, Section
from segcli.config.schema.tiles import SlidingWindowConfig


class EvaluateConfig(Section):
    """Evaluation.

    Attributes:
        weight_path: Trained weights (`.pdparams`, `.safetensors`) or the folder of an exported model; None is the best
            weights in `Global.output`.
        log_interval: Images between two lines of the log.
        batch_size: Images at once; images of different sizes are never joined.
        runtime: What runs the network: ``auto`` takes the fastest that is installed on the CPU, Paddle elsewhere.
        absent_class: A class in neither prediction nor truth: left out of the mean, or counted 0 as in PaddleSeg 2.8.
        sliding_window: Tiles for large images.
        boundary_iou: Measures the boundary IoU too.
        basic_config_path: Refused, as in `Train`.
    """

    weight_path: str | None = None
    log_interval: int = Field(default=10, ge=1)
    batch_size: int = Field(default=1, ge=1)
    runtime: Runtime = "auto"
    absent_class: Literal["exclude", "zero"] = "exclude"
    sliding_window: SlidingWindowConfig | None = None
    boundary_iou: bool = False
    basic_config_path: None = None
