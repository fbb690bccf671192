"""`Predict`: segmenting images."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from segcli.config.schema.base import OutputName, Runtime, Section
from segcli.config.schema.meaning import CLICKED, DENSE, INSTANCE, LSEG, PROMPTABLE, SEMANTIC, Instead, Read, Stock
from segcli.config.schema.tiles import SlidingWindowConfig
from segcli.config.schema.views import ViewsConfig


class KernelOption(Section):
    """PaddleX's choice of how Paddle runs a model.

    Attributes:
        run_mode: ``paddle`` (plain) or ``mkldnn`` (oneDNN on the CPU).
    """

    run_mode: Annotated[str, Stock("paddle")] = "paddle"


class PromptableConfig(Section):
    """Settings of promptable models, in addition to `Predict.prompts`.

    Attributes:
        multimask: Which of SAM's masks: the best of three for a single click, else the single mask (``auto``); the
            ``best`` of three; ``all`` three; or always the ``single`` one, for unambiguous prompts.
        refine_rounds: How often a mask is fed back as a prompt (SAM).
        everything: Segments all objects without prompts, from a grid of points (SAM).
        points_per_side: Points per side of that grid.
        min_score: Minimum predicted IoU of an object from the grid.
        min_stability: Minimum stability score of an object from the grid.
        background: Text for everything that is not a prompt (LSeg).
        truncate_text: Cuts texts that are too long instead of refusing them (LSeg).
        cache_dir: Folder for image embeddings, so that further prompts do not run the encoder again; null keeps the
            last few in memory.
        formats: Files in addition to the JSON: ``overlay``, ``png`` (one image per mask), ``labelme``, ``coco``.
    """

    multimask: Annotated[Literal["auto", "best", "all", "single"], Read(("predict",), PROMPTABLE, CLICKED)] = "auto"
    refine_rounds: Annotated[int, Read(("predict",), PROMPTABLE, CLICKED)] = Field(default=0, ge=0)
    everything: Annotated[bool, Read(("predict",), PROMPTABLE, CLICKED)] = False
    points_per_side: Annotated[int, Read(("predict",), PROMPTABLE, CLICKED)] = Field(default=32, ge=1)
    min_score: Annotated[float, Read(("predict",), PROMPTABLE, CLICKED)] = Field(default=0.88, ge=0, le=1)
    min_stability: Annotated[float, Read(("predict",), PROMPTABLE, CLICKED)] = Field(default=0.95, ge=0, le=1)
    background: Annotated[str, Read(("train", "evaluate", "predict"), PROMPTABLE, LSEG)] = "others"
    truncate_text: Annotated[bool, Read(("predict",), PROMPTABLE, LSEG)] = False
    cache_dir: str | None = None
    formats: tuple[Literal["overlay", "png", "labelme", "coco"], ...] = ("overlay",)


class PredictConfig(Section):
    """Prediction.

    Attributes:
        batch_size: Images per batch.
        model_dir: Folder of an exported model, or the weights of a promptable one; None is the export of the best
            weights in `Global.output`.
        input: Image, folder, glob, list file (`.txt`), URL, video, ``camera:0``, ``rtsp://``
            stream, or a list of these.
        kernel_option: PaddleX's choice of mode; ``paddle``, ``mkldnn`` and the like choose the Paddle runtime.
        engine: PaddleX's choice of runtime: ``paddle``, ``paddle_static``, ``onnxruntime``, ...
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's high-performance switch: true uses the fastest installed runtime.
        hpi_config: PaddleX's options of that switch.
        prompts: Prompts of a promptable model: PaddleX's ``{box_prompt: [[x1, y1, x2, y2]]}`` or
            ``{point_prompt: [[x, y]]}``, segcli's ``{text_prompt: [bear]}`` or
            ``{objects: [{box, points, text, label}]}``, or a file of prompts.
        runtime: What runs the network.
        save_dir: Folder for the results; None is `Global.output`, as in PaddleX.
        target_size: Size of the network's input: one side, (width, height), or -1 for the image's own size.
        threshold: Minimum score of an object.
        frame_step: Uses every n-th frame of a video, camera or stream.
        skip_existing: Skips images that already have results in the folder, to continue a stopped run.
        write: Files in addition to the JSON: ``label``, ``coco``, ``labelme``, ``yolo``, ``geojson``, ``confidence``,
            ``entropy``, ``overlay``; null writes those that are usual for the task.
        json_form: ``compact`` holds the label map's file name and counts, or masks as run-length codes; ``full`` holds
            PaddleX's arrays.
        sliding_window: Overlapping tiles for every image; null cuts only images that do not fit into `memory_mb`.
        memory_mb: Most memory in MB for an image that is not tiled; a larger image is cut into tiles. Null is half of
            the machine's memory.
        augment: Test-time augmentation: runs the network on several views of each image and merges the results.
        confidence: Also writes the confidence of each pixel: ``<name>_confidence.png``, grey values 0 to 255 for
            probabilities 0 to 1.
        promptable: Settings of promptable models.
    """

    reads: ClassVar = (Read(("predict",)),)

    batch_size: Annotated[int, Stock(1)] = Field(default=1, ge=1)
    model_dir: Annotated[str, Stock()] = "output/best_model/inference"
    input: Annotated[str | tuple[str, ...] | None, Read(("train", "export", "predict")), Stock()] = None
    kernel_option: Annotated[KernelOption, Stock()] = KernelOption.with_defaults()
    engine: Annotated[str | None, Stock()] = None
    engine_config: Annotated[dict[str, Any] | None, Stock()] = None
    use_hpip: Annotated[bool, Stock(False)] = False
    hpi_config: Annotated[dict[str, Any] | None, Stock()] = None
    prompts: Annotated[
        dict[str, Any] | str | None,
        Read(("predict",), PROMPTABLE),
        Instead("it takes no prompts; SAM-B, MobileSAM, LSeg-L and the like do"),
        Stock(),
    ] = None
    runtime: Runtime = "auto"
    save_dir: str | None = None
    target_size: Annotated[
        int | tuple[int, int] | None,
        Read(("predict",), SEMANTIC),
        Instead("the size is the one of the training, see Train.input_size", INSTANCE),
        Instead("the network has one input size", PROMPTABLE),
    ] = None
    threshold: Annotated[
        float | None, Read(("predict",), (*INSTANCE, *PROMPTABLE)), Instead("label maps have no scores")
    ] = Field(default=None, ge=0, le=1)
    frame_step: int = Field(default=1, ge=1)
    skip_existing: bool = False
    write: tuple[OutputName, ...] | None = None
    json_form: Literal["compact", "full"] = "compact"
    sliding_window: Annotated[SlidingWindowConfig | None, Read(("predict",), DENSE)] = None
    memory_mb: Annotated[int | None, Read(("predict",), DENSE)] = Field(default=None, ge=1)
    augment: Annotated[ViewsConfig, Read(("predict",), DENSE), Instead("prompts are answered once", PROMPTABLE)] = (
        ViewsConfig.with_defaults()
    )
    confidence: Annotated[bool, Read(("predict",), SEMANTIC), Instead("objects have scores, see Predict.threshold")] = (
        False
    )
    promptable: Annotated[PromptableConfig, Read(("predict",), PROMPTABLE)] = PromptableConfig.with_defaults()

    @field_validator("target_size")
    @classmethod
    def _has_pixels(cls, size: int | tuple[int, int] | None) -> int | tuple[int, int] | None:
        sides = size if isinstance(size, tuple) else (size,)
        if size not in (None, -1) and any(side is not None and side < 1 for side in sides):
            raise ValueError("sides must be at least 1 px; -1 alone keeps the image's own size")
        return size
