"""`Evaluate`: measuring trained weights."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from segcli.config.schema.base import Runtime, Section
from segcli.config.schema.meaning import DENSE, INSTANCE, LSEG, PROMPTABLE, SAM, SEMANTIC, Read, Stock
from segcli.config.schema.tiles import SlidingWindowConfig
from segcli.config.schema.views import ViewsConfig


class EvaluateConfig(Section):
    """Evaluation.

    Attributes:
        weight_path: Trained weights (`.pdparams`, `.safetensors`) or the folder of an exported model; None is the best
            weights in `Global.output`.
        predictions: Predictions of any tool instead of a model: a folder of label maps (PNG, a class id per pixel), a
            COCO results file, or a folder of YOLO label files.
        log_interval: Images between two lines of the log.
        batch_size: Images per batch; images of different sizes are never batched together.
        runtime: What runs the network: ``auto`` is the fastest installed one on the CPU, and Paddle elsewhere.
        absent_class: How a class in neither prediction nor truth counts: left out of the mean (``exclude``, ``mmseg``)
            or as 0 (``zero``, ``paddleseg``).
        sliding_window: Overlapping tiles for every image; null cuts only images that do not fit into `memory_mb`.
        memory_mb: Most memory in MB for an image that is not tiled; a larger image is cut into tiles. Null is half of
            the machine's memory.
        tile_loss: Also predicts each image that is cut into tiles whole, and measures what the tiles cost: loss of mIoU
            or mask AP, share of pixels with another label.
        augment: Test-time augmentation: runs the network on several views of each image and merges the results.
        resolution: Compares at the size of the masks (``original``) or of the network's input (``network``).
        calibration: Measures calibration (ECE, reliability curve) and saves the temperature that corrects it, which
            `export` then uses. Of objects it is always measured, and saved with this key.
        region_recall: Measures how many small, medium and large regions of the masks are found.
        boundary_iou: Also measures how well the contours agree: boundary IoU per class, or boundary AP of objects.
        surface_tolerance: Also measures surface distances: HD95, and surface Dice (NSD) with this tolerance in pixels;
            null does not.
        panoptic_score: Measures the panoptic quality of the detections of at least this score; null does not.
        bootstrap: Bootstrap replicates for the confidence interval of each metric, over images or
            `CheckDataset.groups`; 0 computes none. The seed is fixed.
        max_detections: Detections per image and class that count; 100 is COCO's.
        size_borders: Borders between small, medium and large objects or regions, as sides of squares in pixels; COCO's
            are 32, 96.
        frequency_borders: Most training images of a rare and of a common class; LVIS's are 10, 100.
        image_table: CSV file with a column `image` and columns of your own, such as weather or camera: they are added
            to `per_image.csv`, and the score is broken down by them.
        slice_by: Columns of `per_image.csv` by which the score is broken down; null is your own, size, appearance,
            folder and group.
        gallery: Number of worst and of best images that `evaluate_report.html` shows; 0 shows none.
        fail_under: Minimum by metric name, such as ``{mIoU: 0.8}``; the exit code is 1 if a metric is below it.
        noc_clicks: Most clicks per object, usually 20, for NoC@85 and NoC@90; None measures three clicks only (Segment
            Anything).
        basic_config_path: Refused, as in `Train`.
    """

    reads: ClassVar = (Read(("evaluate",)),)

    weight_path: Annotated[str | None, Stock()] = None
    predictions: Annotated[str | None, Read(("evaluate",), DENSE)] = None
    log_interval: Annotated[int, Stock(10)] = Field(default=10, ge=1)
    batch_size: Annotated[int, Read(("evaluate",), DENSE)] = Field(default=1, ge=1)
    runtime: Runtime = "auto"
    absent_class: Annotated[
        Literal["exclude", "zero", "mmseg", "paddleseg"],
        Read(("train", "evaluate"), SEMANTIC),
        Read(("evaluate",), PROMPTABLE, LSEG),
    ] = "exclude"
    sliding_window: Annotated[
        SlidingWindowConfig | None, Read(("train", "evaluate"), SEMANTIC), Read(("evaluate",), INSTANCE)
    ] = None
    memory_mb: Annotated[int | None, Read(("evaluate",), DENSE)] = Field(default=None, ge=1)
    tile_loss: Annotated[bool, Read(("evaluate",), DENSE)] = False
    augment: Annotated[ViewsConfig, Read(("evaluate",), DENSE)] = ViewsConfig.with_defaults()
    resolution: Annotated[Literal["original", "network"], Read(("evaluate",), SEMANTIC)] = "original"
    calibration: Annotated[bool, Read(("evaluate",), DENSE)] = False
    region_recall: Annotated[bool, Read(("evaluate",), SEMANTIC)] = False
    boundary_iou: Annotated[bool, Read(("evaluate",), DENSE)] = False
    surface_tolerance: Annotated[float | None, Read(("evaluate",), SEMANTIC)] = Field(default=None, ge=0)
    panoptic_score: Annotated[float | None, Read(("evaluate",), INSTANCE)] = Field(default=None, ge=0, le=1)
    bootstrap: int = Field(default=1000, ge=0, le=100_000)
    max_detections: Annotated[int, Read(("evaluate",), INSTANCE)] = Field(default=100, ge=11)
    size_borders: Annotated[tuple[PositiveFloat, PositiveFloat], Read(("evaluate",), DENSE)] = (32.0, 96.0)
    frequency_borders: Annotated[tuple[PositiveInt, PositiveInt], Read(("evaluate",), INSTANCE)] = (10, 100)
    image_table: Annotated[str | None, Read(("evaluate",), DENSE)] = None
    slice_by: Annotated[tuple[str, ...] | None, Read(("evaluate",), DENSE)] = None
    gallery: Annotated[int, Read(("evaluate",), DENSE)] = Field(default=6, ge=0, le=100)
    fail_under: dict[str, float] | None = None
    noc_clicks: Annotated[int | None, Read(("evaluate",), PROMPTABLE, SAM)] = Field(default=None, ge=4, le=100)
    basic_config_path: Annotated[None, Read(()), Stock()] = None

    @field_validator("size_borders", "frequency_borders")
    @classmethod
    def _borders_rise(cls, borders: tuple[float, float]) -> tuple[float, float]:
        if borders[0] >= borders[1]:
            raise ValueError("the second border must be above the first, such as [32, 96]")
        return borders
