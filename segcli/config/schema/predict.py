"""`Predict`: segmenting images."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from segcli.config.schema.base import OutputName, Runtime, Section
from segcli.config.schema.meaning import DENSE, INSTANCE, LSEG, PROMPTABLE, SAM, SEMANTIC, Instead, Read, Stock
from segcli.config.schema.tiles import SlidingWindowConfig
from segcli.config.schema.views import ViewsConfig


class KernelOption(Section):
    """PaddleX's choice of how Paddle runs a model.

    Attributes:
        run_mode: ``paddle`` (plain) or ``mkldnn`` (oneDNN on the CPU).
    """

    run_mode: Annotated[str, Stock("paddle")] = "paddle"


class PromptableConfig(Section):
    """How a promptable model answers its prompts, beside `Predict.prompts`.

    Attributes:
        multimask: Which of SAM's masks: the best of three for a single click and the one otherwise (``auto``), the
            ``best`` of three, ``all`` three, or the one for clear prompts (``single``).
        refine_rounds: How often a mask is fed back as a prompt (SAM).
        everything: Finds all things without prompts, by a grid of points (SAM).
        points_per_side: Side of that grid.
        min_score: Least predicted IoU of a thing that is found so.
        min_stability: Least stability of a thing that is found so.
        background: Text for all that is not meant (LSeg).
        truncate_text: Cuts texts that are too long instead of refusing them (LSeg).
        cache_dir: Folder in which the embeddings of images are kept, so that another prompt is answered without the
            encoder; null keeps the last few in memory.
        formats: Files beside the JSON: ``overlay``, ``png`` (one image per mask), ``labelme``, ``coco``.
    """

    multimask: Annotated[Literal["auto", "best", "all", "single"], Read(("predict",), PROMPTABLE, SAM)] = "auto"
    refine_rounds: Annotated[int, Read(("predict",), PROMPTABLE, SAM)] = Field(default=0, ge=0)
    everything: Annotated[bool, Read(("predict",), PROMPTABLE, SAM)] = False
    points_per_side: Annotated[int, Read(("predict",), PROMPTABLE, SAM)] = Field(default=32, ge=1)
    min_score: Annotated[float, Read(("predict",), PROMPTABLE, SAM)] = Field(default=0.88, ge=0, le=1)
    min_stability: Annotated[float, Read(("predict",), PROMPTABLE, SAM)] = Field(default=0.95, ge=0, le=1)
    background: Annotated[str, Read(("train", "evaluate", "predict"), PROMPTABLE, LSEG)] = "others"
    truncate_text: Annotated[bool, Read(("predict",), PROMPTABLE, LSEG)] = False
    cache_dir: str | None = None
    formats: tuple[Literal["overlay", "png", "labelme", "coco"], ...] = ("overlay",)


class PredictConfig(Section):
    """Prediction.

    Attributes:
        batch_size: Images at once.
        model_dir: Folder of an exported model, or the weights of a promptable one; None is that of the best weights in
            `Global.output`.
        input: Image, folder, glob, list file (`.txt`), URL, video, ``camera:0``, ``rtsp://``
            stream, or a list of these.
        kernel_option: PaddleX's choice of mode; ``paddle``, ``mkldnn`` and the like choose the Paddle runtime.
        engine: PaddleX's choice of runtime: ``paddle``, ``paddle_static``, ``onnxruntime``, ...
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's high-performance switch: true takes the fastest runtime that is installed.
        hpi_config: PaddleX's options of that switch.
        prompts: Prompts of a promptable model: PaddleX's ``{box_prompt: [[x1, y1, x2, y2]]}`` or
            ``{point_prompt: [[x, y]]}``, ours ``{text_prompt: [bear]}`` or ``{objects: [{box, points, text, label}]}``,
            or a file of prompts.
        runtime: What runs the network.
        save_dir: Folder of the files of the images; None is `Global.output`, as in PaddleX.
        target_size: Resizes before the network: a side, (width, height), or -1 for the image's own size.
        threshold: Smallest score of an object.
        frame_step: Of a video, camera or stream, every so many frames one is taken.
        skip_existing: Leaves out images whose results are in the folder already: a stopped run goes on.
        write: Files beside the JSON: ``label``, ``coco``, ``labelme``, ``yolo``, ``geojson``, ``confidence``,
            ``entropy``, ``overlay``; null writes those that are usual for the task.
        json_form: ``compact`` names the label map's file and counts, or holds masks as run-length codes; ``full`` holds
            PaddleX's arrays.
        sliding_window: Overlapping tiles for every image; null cuts only images that do not fit into `memory_mb`.
        memory_mb: What an image that is taken whole may need, in MB; a larger one is cut into tiles. Null is half of
            the machine's memory.
        augment: Looks at each image several times and joins the answers.
        confidence: Writes how sure the network is of each pixel as well: ``<name>_confidence.png``, grey values 0 to
            255 for probabilities 0 to 1.
        promptable: How a promptable model answers its prompts.
    """

    reads: ClassVar = (Read(("predict",)),)

    batch_size: Annotated[int, Stock(1)] = Field(default=1, ge=1)
    model_dir: Annotated[str, Stock()] = "output/best_model/inference"
    input: Annotated[str | tuple[str, ...] | None, Read(("train", "export", "predict")), Stock()] = None
    kernel_option: Annotated[KernelOption, Stock()] = KernelOption()
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
        ViewsConfig()
    )
    confidence: Annotated[bool, Read(("predict",), SEMANTIC), Instead("objects have scores, see Predict.threshold")] = (
        False
    )
    promptable: Annotated[PromptableConfig, Read(("predict",), PROMPTABLE)] = PromptableConfig()
