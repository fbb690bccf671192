"""`Predict`: segmenting images."""

from typing import Any, Literal

from pydantic import Field

from segcli.config.schema.base import Runtime, Section
from segcli.config.schema.tiles import SlidingWindowConfig


class KernelOption(Section):
    """PaddleX's choice of how Paddle runs a model.

    Attributes:
        run_mode: ``paddle`` (plain) or ``mkldnn`` (oneDNN on the CPU).
    """

    run_mode: str = "paddle"


class PromptedConfig(Section):
    """What a promptable model is asked and how it answers, beside `Predict.prompts`.

    Attributes:
        multimask: Which of SAM's masks: the best of three for a single click and the one otherwise (``auto``), the
            ``best`` of three, ``all`` three, or the one for clear prompts (``single``).
        refine_rounds: How often an answer is given back as a mask prompt (SAM).
        everything: Finds all things without prompts, by a grid of points (SAM).
        points_per_side: Side of that grid.
        min_score: Least predicted IoU of a thing that is found so.
        min_stability: Least stability of a thing that is found so.
        background: Text for all that is not meant (LSeg).
        truncate_text: Cuts texts that are too long instead of refusing them (LSeg).
        cache_dir: Folder in which the embeddings of images are kept, so that another prompt is answered without the
            encoder; null keeps the last few in memory.
        formats: Files beside the JSON: ``overlay``, ``png`` (an image a mask), ``labelme``, ``coco``.
    """

    multimask: Literal["auto", "best", "all", "single"] = "auto"
    refine_rounds: int = Field(default=0, ge=0)
    everything: bool = False
    points_per_side: int = Field(default=32, ge=1)
    min_score: float = Field(default=0.88, ge=0, le=1)
    min_stability: float = Field(default=0.95, ge=0, le=1)
    background: str = "others"
    truncate_text: bool = False
    cache_dir: str | None = None
    formats: tuple[Literal["overlay", "png", "labelme", "coco"], ...] = ("overlay",)


class PredictConfig(Section):
    """Prediction.

    Attributes:
        batch_size: Images at once.
        model_dir: Folder of an exported model, or the weights of a promptable one; None is that of the best weights in
            `Global.output`.
        input: RgbImage, folder, glob, list file (`.txt`), address, or a list of these.
        kernel_option: PaddleX's choice of mode; ``paddle``, ``mkldnn`` and the like choose the Paddle runtime.
        engine: PaddleX's choice of runtime: ``paddle``, ``paddle_static``, ``onnxruntime``, ...
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's high-performance switch: true takes the fastest runtime that is installed.
        hpi_config: PaddleX's options of that switch.
        prompts: Prompts of a promptable model: PaddleX's ``{box_prompt: [[x1, y1, x2, y2]]}`` or
            ``{point_prompt: [[x, y]]}``, ours ``{text_prompt: [bear]}`` or ``{objects: [{box, points, text, label}]}``,
            or a file of prompts.
        runtime: What runs the network.
        target_size: Resizes before the network: a side, (width, height), or -1 for the image's own size.
        threshold: Smallest score of an object.
        json_form: ``compact`` names the label map's file and counts, or holds masks as run-length codes; ``full`` holds
            PaddleX's arrays.
        sliding_window: Tiles for large images.
        promptable: What a promptable model is asked and how it answers.
    """

    batch_size: int = Field(default=1, ge=1)
    model_dir: str = "output/best_model/inference"
    input: str | tuple[str, ...] | None = None
    kernel_option: KernelOption = KernelOption()
    engine: str | None = None
    engine_config: dict[str, Any] | None = None
    use_hpip: bool = False
    hpi_config: dict[str, Any] | None = None
    prompts: dict[str, Any] | str | None = None
    runtime: Runtime = "auto"
    target_size: int | tuple[int, int] | None = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    json_form: Literal["compact", "full"] = "compact"
    sliding_window: SlidingWindowConfig | None = None
    promptable: PromptedConfig = PromptedConfig()
