"""`Train`: training."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import DENSE, INSTANCE, LSEG, PROMPTABLE, SAM, SEMANTIC, Instead, Read, Stock

_ONE_SIZE = "the network has one input size"


class EmaConfig(Section):
    """Exponential moving average of the weights.

    Attributes:
        enable: Whether the average is kept; if so, it is evaluated and exported. None is the recipe's choice.
        decay: Weight of the previous average in each iteration; None is the recipe's, or 0.9998 where it has none.
    """

    enable: bool | None = None
    decay: float | None = Field(default=None, gt=0, lt=1)


class EarlyStopConfig(Section):
    """Early stopping.

    Attributes:
        enable: Whether training stops when the score no longer improves.
        patience: Evaluations without improvement before training stops.
        min_delta: Smallest improvement of the score that counts.
    """

    enable: bool = False
    patience: int = Field(default=5, ge=1)
    min_delta: float = Field(default=0.0, ge=0)


class AugmentConfig(Section):
    """Augmentation of training images before the transforms; 0 is off.

    Attributes:
        mosaic: Probability that an image is composed of parts of four images.
        copy_paste: Probability that objects of another image are pasted into an image (instance).
        turn: Probability that an image is turned by a quarter, to the left or to the right.
        scale_jitter: Smallest and largest scale factor of an image, whose size stays the same, such as ``[0.5, 2.0]``;
            null is off.
        elastic: Probability of a smooth elastic deformation.
        photometric: Strength of changes of brightness, contrast, gamma, white balance, sharpness and noise, 0 to 1.
        close_share: Last share of the training in which mosaic and copy_paste are off.
    """

    mosaic: float = Field(default=0.0, ge=0, le=1)
    copy_paste: Annotated[float, Read(("train",), INSTANCE), Instead("only instance datasets have object masks")] = (
        Field(default=0.0, ge=0, le=1)
    )
    turn: float = Field(default=0.0, ge=0, le=1)
    scale_jitter: tuple[float, float] | None = None
    elastic: float = Field(default=0.0, ge=0, le=1)
    photometric: float = Field(default=0.0, ge=0, le=1)
    close_share: float = Field(default=0.15, ge=0, le=1)


class PromptTrainingConfig(Section):
    """Training of a promptable model.

    Attributes:
        freeze_encoder: Does not train the image encoder, so that each image is encoded once; None trains it only in
            the tiny models.
        objects_per_image: Most objects of an image per iteration (SAM).
        box_share: Share of the iterations that begin with a box, 0 to 1; the others begin with a click (SAM).
        error_rounds: Further rounds, each with one click where the predicted mask is wrong (SAM).
        flip: Flips images at random if the encoder is trained.
        cache_dir: Folder for embeddings, shared by several trainings; null keeps them in memory or, beyond 2 GB, in a
            temporary folder.
        measured_images: Validation images that are evaluated during training; null is all.
    """

    freeze_encoder: bool | None = None
    objects_per_image: Annotated[int, Read(("train",), PROMPTABLE, SAM)] = Field(default=8, ge=1)
    box_share: Annotated[float, Read(("train",), PROMPTABLE, SAM)] = Field(default=0.5, ge=0, le=1)
    error_rounds: Annotated[int, Read(("train",), PROMPTABLE, SAM)] = Field(default=1, ge=0)
    flip: bool = True
    cache_dir: str | None = None
    measured_images: int | None = Field(default=None, ge=1)


class TrainConfig(Section):
    """Training.

    Attributes:
        plan: Whether unset values are chosen from the data, the device and the time: ``auto`` or ``off``; None is
            auto for a command, and off for a file that sets `epochs_iters`, `batch_size` or `learning_rate`.
        time: Time limit of the whole training for the plan, such as ``10m`` or ``2h``; None is 600 CPU-seconds on a
            CPU and one hour elsewhere.
        plan_reasons: Reasons for the choices of the plan, by key; written by the plan, read when a training is resumed.
        folds: Number of folds for cross-validation: each image of train and val is evaluated once, by a model trained
            on the other folds; every fold has its own folder. null trains once.
        fold: The single fold to train, counted from 1; null trains all.
        num_classes: Number of classes (semantic: including the background) where the data does not name them; None
            counts them there. Names in the data decide, and another number is a warning.
        epochs_iters: Iterations (semantic) or epochs (instance, promptable), as in PaddleX; None in a file leaves it
            to the plan.
        batch_size: Images per iteration and device; None in a file leaves it to the plan.
        accumulate: Batches whose gradients are added up per iteration: `accumulate` times as many images with the
            memory of one batch; batch normalisation still sees single batches.
        freeze: Parts of the network that are not trained, by dotted names or patterns, such as ``backbone`` or
            ``backbone.layer1``; their batch normalisation keeps its statistics.
        learning_rate: Learning rate after the warm-up; None is the recipe's.
        pretrain_weight_path: Local file, official name or URL; null starts from random weights, without any download.
            The default of commands is ``auto``: the official weights if available (from the cache, or by one
            download attempt, which SEGCLI_OFFLINE=1 disables), else random weights.
        warmup_steps: Iterations of linear warm-up; None is the recipe's.
        resume_path: Checkpoint to resume from: a folder, a file in it, or ``last``, the newest in the output folder.
        log_interval: Iterations between two lines of the log.
        loggers: Trackers that receive the values of `history.jsonl`: ``tensorboard`` (into ``output/tensorboard``),
            ``mlflow``, ``wandb``; each needs its own package.
        eval_interval: Iterations (semantic) or epochs (instance, promptable) between two evaluations, each with a
            checkpoint; None in a file leaves it to the plan.
        amp: Automatic mixed precision: OFF or O1; no effect on the CPU. PaddleX's O2 is refused.
        dy2st: Trains the network as a static graph.
        input_shape: PaddleX's fixed input ``[N, C, H, W]`` of the exported network.
        cpu_processes: Processes that train together on the CPU; 1 trains in the main process.
        dist_ips: Comma-separated IP addresses of a multi-node training; the same command runs on each machine.
        dist_port: First port for the connections between processes, the same on every machine; None is 6070, or a free
            one if `dist_ips` names one machine.
        uniform_output_enabled: PaddleX's internal switch; accepted only as true, the layout is always uniform here.
        basic_config_path: PaddleX's path of a second, hidden configuration; refused, all keys are in one file.
        crop_size: Width and height of the training crop, in pixels (semantic).
        input_size: Side in pixels of the square to which images are resized, or their shorter side for R-CNN and SOLOv2
            (instance); None is the authors' 640 or 800.
        network: Arguments that override those of the network's parts, by PaddleDetection's names, such as
            ``{BBoxAssigner: {batch_size_per_im: 64}}``; stored with the weights (instance).
        scale_learning_rate: Scales the learning rate linearly with the images per iteration, relative to the number
            of the recipe (instance).
        transforms: Training transforms that replace the recipe's, in order.
        batch_transforms: Transforms of a whole batch that replace the recipe's, in order (instance).
        images_per_epoch: Images after which an epoch ends, so that a large dataset is measured and stopped in time; the
            next epoch goes on with the following images. None is all of them (instance, promptable).
        sampling: ``uniform`` draws each image once per epoch; ``rare`` draws images with rare classes up to four times.
        crop_focus: Share of the training crops that are placed on a pixel of a class, drawn uniformly from the image's
            classes, instead of at random (semantic, for transforms that scale and crop first).
        augment: Augmentation before the transforms.
        optimizer: Replaces the recipe's optimizer.
        lr_scheduler: Replaces the recipe's schedule.
        loss: Replaces the recipe's loss: names joined by ``+``, each with an optional factor, such as ``ce + 0.5*dice``
            (``ce``, ``focal``, ``ohem``, ``dice``, ``lovasz``), for every output of the network; or PaddleSeg's
            ``{types: [...], coef: [...]}``.
        num_workers: Processes that load data; 0 loads in the main process; auto is 0 on the CPU and up to 8 on a GPU.
        cache_images: Caches decoded images for the next epochs: in memory, or on the disk of `Global.output`.
        keep_checkpoints: Number of recent checkpoints that are kept in addition to the best; with two, training can
            resume from the older one if the newest is damaged.
        checkpoint_minutes: Minutes after which a checkpoint is written between two evaluations; null writes none.
        ema: Moving average of the weights.
        early_stop: Stops when the score no longer improves.
        class_weights: ``auto`` (from the class histogram of the training split) or one weight per class.
        export_best: Exports the best weights at the end, to the folder where `Predict.model_dir` expects them.
        promptable: Training of a promptable model.
    """

    reads: ClassVar = (Read(("train",)),)

    plan: Literal["auto", "off"] | None = None
    time: str | None = None
    plan_reasons: dict[str, str] | None = None
    folds: Annotated[
        int | None, Read(("train", "evaluate"), DENSE), Instead("prompts have no classes to stratify by")
    ] = Field(default=None, ge=2)
    fold: Annotated[
        int | None, Read(("train", "evaluate"), DENSE), Instead("prompts have no classes to stratify by")
    ] = Field(default=None, ge=1)
    num_classes: Annotated[
        int | None,
        Read(("check_dataset", "train"), DENSE),
        Read(("check_dataset", "train"), PROMPTABLE, LSEG),
        Read(("check_dataset",), PROMPTABLE, SAM),
        Stock(2),
    ] = Field(default=None, ge=1)
    epochs_iters: Annotated[int, Stock()] = Field(default=500, ge=1)
    batch_size: Annotated[int, Stock()] = Field(default=2, ge=1)
    accumulate: Annotated[int, Read(("train",), DENSE), Instead("raise Train.batch_size", PROMPTABLE)] = Field(
        default=1, ge=1
    )
    freeze: Annotated[
        tuple[str, ...],
        Read(("train",), DENSE),
        Instead("Train.promptable.freeze_encoder keeps the image encoder as it is", PROMPTABLE),
    ] = ()
    learning_rate: Annotated[float | None, Stock()] = Field(default=None, gt=0)
    pretrain_weight_path: Annotated[str | None, Stock()] = None
    warmup_steps: Annotated[int | None, Stock()] = Field(default=None, ge=0)
    resume_path: Annotated[str | None, Stock()] = None
    log_interval: Annotated[int, Stock()] = Field(default=10, ge=1)
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ()
    eval_interval: Annotated[int, Stock()] = Field(default=100, ge=1)
    amp: Annotated[Literal["OFF", "O1", "O2"], Stock()] = "OFF"
    dy2st: Annotated[
        bool, Read(("train",), SEMANTIC), Instead("the losses belong to the network", INSTANCE), Stock(False)
    ] = False
    input_shape: Annotated[
        tuple[int, int, int, int] | None,
        Read(("train", "evaluate", "export"), SEMANTIC),
        Instead(
            "Train.input_size is the size of the training, Export.input_shape that of the export",
            INSTANCE,
            was_read=True,
        ),
        Instead(_ONE_SIZE, PROMPTABLE),
        Stock(),
    ] = None
    cpu_processes: int = Field(default=1, ge=1)
    dist_ips: Annotated[str | None, Stock()] = None
    dist_port: int | None = Field(default=None, ge=1024, le=65000)
    uniform_output_enabled: Annotated[Literal[True] | None, Read(()), Stock(True)] = None
    basic_config_path: Annotated[None, Read(()), Stock()] = None
    crop_size: Annotated[
        tuple[int, int] | None,
        Read(("train",), SEMANTIC),
        Instead("Train.input_size chooses the image size", INSTANCE),
        Instead(_ONE_SIZE, PROMPTABLE),
    ] = None
    input_size: Annotated[
        int | None,
        Read(("train",), INSTANCE),
        Instead("Train.crop_size chooses the image size", SEMANTIC),
        Instead(_ONE_SIZE, PROMPTABLE),
    ] = Field(default=None, ge=32)
    network: Annotated[dict[str, Any] | None, Read(("train",), INSTANCE)] = None
    scale_learning_rate: Annotated[bool, Read(("train",), INSTANCE), Instead("set Train.learning_rate")] = False
    transforms: Annotated[
        tuple[dict[str, Any], ...] | None,
        Read(("train",), DENSE),
        Instead("Train.promptable.flip is the only augmentation", PROMPTABLE),
    ] = None
    batch_transforms: Annotated[tuple[dict[str, Any], ...] | None, Read(("train",), INSTANCE)] = None
    images_per_epoch: Annotated[
        int | None,
        Read(("train",), (*INSTANCE, *PROMPTABLE)),
        Instead("Train.epochs_iters counts iterations", SEMANTIC),
    ] = Field(default=None, ge=1)
    sampling: Annotated[
        Literal["uniform", "rare"], Read(("train",), DENSE), Instead("prompts are sampled per object")
    ] = "uniform"
    crop_focus: Annotated[
        float,
        Read(("train",), SEMANTIC),
        Instead("the transforms of instance models choose where they crop", INSTANCE),
        Instead(_ONE_SIZE, PROMPTABLE),
    ] = Field(default=0.0, ge=0, le=1)
    augment: Annotated[
        AugmentConfig,
        Read(("train",), DENSE),
        Instead("Train.promptable.flip is the only augmentation", PROMPTABLE),
    ] = AugmentConfig.with_defaults()
    optimizer: dict[str, Any] | None = None
    lr_scheduler: dict[str, Any] | None = None
    loss: Annotated[
        str | dict[str, Any] | None, Read(("train",), SEMANTIC), Instead("the losses belong to the network")
    ] = None
    num_workers: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    cache_images: Annotated[Literal["off", "memory", "disk"], Read(("train",), DENSE)] = "off"
    keep_checkpoints: int = Field(default=2, ge=1)
    checkpoint_minutes: float | None = Field(default=10, gt=0)
    ema: EmaConfig = EmaConfig.with_defaults()
    early_stop: EarlyStopConfig = EarlyStopConfig.with_defaults()
    class_weights: Annotated[Literal["auto"] | tuple[float, ...] | None, Read(("train",), SEMANTIC)] = None
    export_best: bool = True
    promptable: Annotated[PromptTrainingConfig, Read(("train",), PROMPTABLE)] = PromptTrainingConfig.with_defaults()
