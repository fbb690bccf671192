"""The typed configuration: PaddleX's keys with their names, meaning and defaults, and ours beside them.

Every key is honoured or refused with a reason. `None` means "take it from the model's recipe or from the dataset".

Annotations are evaluated as they stand here (no `from __future__ import annotations`): it spares pydantic the time to
evaluate each of them from a text, a tenth of the start of the command.
"""

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from segcli.errors import ConfigError, ConfigFault

Mode = Literal["check_dataset", "train", "evaluate", "export", "predict"]
Percent = int
Runtime = Literal["auto", "paddle", "onnxruntime", "openvino"]


class Section(BaseModel):
    """A section of the configuration: unknown keys are faults, values do not change after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true for 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and not {bool, True} & {annotation, *get_args(annotation)}:
            raise ValueError("true and false are no numbers")
        return value


class GlobalConfig(Section):
    """What every mode needs.

    Attributes:
        model: Name in the table of models.
        mode: What to do.
        dataset_dir: Folder of the dataset.
        device: ``cpu``, ``gpu``, ``gpu:0``, ``gpu:0,1``, ``npu:0``, ...
        output: Folder for all that is written.
        export_with_pir: PaddleX's switch; Paddle 3.3 writes PIR only, so false is refused.
        strict_device: A device that is not there is an error instead of a fall-back to the CPU.
        seed: Seed of every random choice.
    """

    model: str
    mode: Mode = "check_dataset"
    dataset_dir: str | None = None
    device: str = "cpu"
    output: str = "output"
    export_with_pir: bool | None = None
    strict_device: bool = False
    seed: int = Field(default=0, ge=0)

    @property
    def dataset(self) -> Path:
        """The folder of the dataset.

        Raises:
            ConfigError: None was given.
        """
        if self.dataset_dir is None:
            raise ConfigError([ConfigFault("Global.dataset_dir", "no dataset was given", "set it to its folder")])
        return Path(self.dataset_dir)


class ConvertConfig(Section):
    """Conversion of a LabelMe folder before the check.

    Attributes:
        enable: Whether to convert.
        src_dataset_type: What the folder holds; LabelMe.
        line_width: Width in pixels in which `line` and `linestrip` shapes are painted.
        point_size: Radius in pixels in which `point` shapes are painted.
    """

    enable: bool = False
    src_dataset_type: Literal["LabelMe"] | None = None
    line_width: int = Field(default=5, ge=1)
    point_size: int = Field(default=5, ge=1)


class SplitConfig(Section):
    """A new division into train and val.

    Attributes:
        enable: Whether to divide.
        train_percent: Share of the training part; with val_percent it makes 100.
        val_percent: Share of the validation part.
        seed: Seed of the shuffle.
    """

    enable: bool = False
    train_percent: Percent | None = Field(default=None, ge=0, le=100)
    val_percent: Percent | None = Field(default=None, ge=0, le=100)
    seed: int = Field(default=0, ge=0)


class CheckDatasetConfig(Section):
    """check_dataset.

    Attributes:
        convert: Conversion before the check.
        split: Division before the check.
        num_workers: Processes or threads that decode; None is one a core.
        demo_images: How many samples of each part are drawn.
    """

    convert: ConvertConfig = ConvertConfig()
    split: SplitConfig = SplitConfig()
    num_workers: int | None = Field(default=None, ge=1)
    demo_images: int = Field(default=10, ge=0)


class EmaConfig(Section):
    """Exponential moving average of the weights.

    Attributes:
        enable: Whether the average is kept; it is what is evaluated and exported then. None is the recipe's choice.
        decay: Share of the old average that an iteration keeps; None is the recipe's, or 0.9998 where it has none.
    """

    enable: bool | None = None
    decay: float | None = Field(default=None, gt=0, lt=1)


class EarlyStopConfig(Section):
    """An end before the last iteration.

    Attributes:
        enable: Whether training stops when the score no longer rises.
        patience: Evaluations without a rise before the stop.
        min_delta: Smallest rise of the score that counts.
    """

    enable: bool = False
    patience: int = Field(default=5, ge=1)
    min_delta: float = Field(default=0.0, ge=0)


class PromptTrainingConfig(Section):
    """Training of a promptable model.

    Attributes:
        freeze_encoder: Keeps the image encoder as it is, so that each image is encoded once; None trains it only in
            the tiny models.
        objects_per_image: Most objects of an image in one step (SAM).
        box_share: Share of the steps that begin with a box, 0 to 1; the others begin with a click (SAM).
        error_rounds: Rounds of one more click where the answer is wrong (SAM).
        flip: Turns images over at random where the encoder is trained.
        cache_dir: Folder in which embeddings are kept for other trainings; null keeps those of this one in memory or,
            beyond 2 GB, in a temporary folder.
        measured_images: Images of the validation part on which a training measures itself; null takes all.
    """

    freeze_encoder: bool | None = None
    objects_per_image: int = Field(default=8, ge=1)
    box_share: float = Field(default=0.5, ge=0, le=1)
    error_rounds: int = Field(default=1, ge=0)
    flip: bool = True
    cache_dir: str | None = None
    measured_images: int | None = Field(default=None, ge=1)


class TrainConfig(Section):
    """Training.

    Attributes:
        num_classes: Number of classes (semantic: with the background); None takes it from the dataset.
        epochs_iters: Iterations (semantic) or epochs (instance, promptable), as in PaddleX.
        batch_size: Images an iteration and device.
        learning_rate: Rate after the warm-up; None is the recipe's.
        pretrain_weight_path: Local file, official name or address; null starts at random and touches no network.
        warmup_steps: Iterations of linear warm-up; None is the recipe's.
        resume_path: Checkpoint to go on from: a folder, or the weight file in it.
        log_interval: Iterations between two lines of the log.
        eval_interval: Iterations (semantic) or epochs (instance, promptable) between two evaluations, each with a
            checkpoint.
        amp: Automatic mixed precision; off on the CPU, where it is slower.
        dy2st: Trains the network as a static graph.
        input_shape: PaddleX's fixed input ``[N, C, H, W]`` of the exported network.
        cpu_processes: Processes that train together on the CPU; 1 trains in this one.
        dist_ips: Comma-separated addresses of the machines of a multi-node training.
        uniform_output_enabled: PaddleX's internal switch; accepted only as true, the layout is always uniform here.
        basic_config_path: PaddleX's path of a second, hidden configuration; refused, all keys are in this one.
        crop_size: Width and height of the training crop, in pixels (semantic).
        input_size: Side in pixels of the square that images become, or their shorter side for R-CNN and SOLOv2
            (instance); None is the authors' 640 or 800.
        network: Arguments of the network's parts, laid over the model's own, in PaddleDetection's words, such as
            ``{BBoxAssigner: {batch_size_per_im: 64}}``; they travel with the weights (instance).
        scale_learning_rate: Multiplies the rate by the images a step over those that it is made for (instance).
        transforms: Training transforms that replace the recipe's, in order.
        optimizer: Replaces the recipe's optimizer.
        lr_scheduler: Replaces the recipe's schedule.
        loss: Replaces the recipe's loss.
        num_workers: Processes that load; 0 loads in the main process.
        keep_checkpoints: How many recent checkpoints are kept beside the best.
        ema: Moving average of the weights.
        early_stop: Stop when the score no longer rises.
        class_weights: ``auto`` (from the histogram of the training part) or one weight a class.
        export_best: Writes the inference model of the best weights at the end, where `Predict.model_dir` expects it.
        promptable: Training of a promptable model.
    """

    num_classes: int | None = Field(default=None, ge=1)
    epochs_iters: int = Field(default=500, ge=1)
    batch_size: int = Field(default=2, ge=1)
    learning_rate: float | None = Field(default=None, gt=0)
    pretrain_weight_path: str | None = None
    warmup_steps: int | None = Field(default=None, ge=0)
    resume_path: str | None = None
    log_interval: int = Field(default=10, ge=1)
    eval_interval: int = Field(default=100, ge=1)
    amp: Literal["OFF", "O1", "O2"] = "OFF"
    dy2st: bool = False
    input_shape: tuple[int, int, int, int] | None = None
    cpu_processes: int = Field(default=1, ge=1)
    dist_ips: str | None = None
    uniform_output_enabled: Literal[True] | None = None
    basic_config_path: None = None
    crop_size: tuple[int, int] | None = None
    input_size: int | None = Field(default=None, ge=32)
    network: dict[str, Any] | None = None
    scale_learning_rate: bool = False
    transforms: tuple[dict[str, Any], ...] | None = None
    optimizer: dict[str, Any] | None = None
    lr_scheduler: dict[str, Any] | None = None
    loss: dict[str, Any] | None = None
    num_workers: int = Field(default=0, ge=0)
    keep_checkpoints: int = Field(default=1, ge=1)
    ema: EmaConfig = EmaConfig()
    early_stop: EarlyStopConfig = EarlyStopConfig()
    class_weights: Literal["auto"] | tuple[float, ...] | None = None
    export_best: bool = True
    promptable: PromptTrainingConfig = PromptTrainingConfig()


class SlidingWindowConfig(Section):
    """Evaluation and prediction of large images in overlapping tiles.

    Attributes:
        crop_size: Width and height of a tile in pixels.
        stride: Steps to the right and down between two tiles, in pixels.
    """

    crop_size: tuple[int, int]
    stride: tuple[int, int]


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


class Config(Section):
    """A whole configuration.

    Attributes:
        Global: What every mode needs.
        CheckDataset: The mode check_dataset: convert, divide, check.
        Train: The mode train.
        Evaluate: The mode evaluate.
        Export: The mode export.
        Predict: The mode predict.
    """

    Global: GlobalConfig
    CheckDataset: CheckDatasetConfig = CheckDatasetConfig()
    Train: TrainConfig = TrainConfig()
    Evaluate: EvaluateConfig = EvaluateConfig()
    Export: ExportConfig = ExportConfig()
    Predict: PredictConfig = PredictConfig()
