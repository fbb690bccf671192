"""The command `segcli`: one command a step, each the same function that main.py reaches.

Nothing heavy is imported here; a command imports what it needs when it runs.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from segcli import app as application
from segcli.cli.changes import show_plan, take_back
from segcli.cli.prompts import PromptOptions, add_promptable, prompts_from
from segcli.cli.tools import add_tools
from segcli.version import __version__

main = typer.Typer(
    name="segcli",
    help="From a folder of labelled images to a checked, trained, measured, exported and served model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN_CONFIG = "config.yaml"
"""What `train` leaves in the output folder; later steps on the same folder start from it."""


class TaskName(str, Enum):
    """The tasks that have a dataset."""

    semantic = "semantic"
    instance = "instance"


_DATASET_MODELS = {TaskName.semantic: "PP-LiteSeg-T", TaskName.instance: "Mask-RT-DETR-S"}
"""A dataset is checked for a task; where no model is named, one of the task stands for it."""

_SOURCES, _SETTINGS = "Where the settings come from", "Often changed settings"
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="YAML in PaddleX's structure.", rich_help_panel=_SOURCES)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", "-o", metavar="KEY=VALUE", help="Any other key; repeatable.", rich_help_panel=_SOURCES),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Show every value and where it came from.", rich_help_panel=_SOURCES)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and details.", rich_help_panel=_SOURCES)]
Output = Annotated[
    str | None, typer.Option("--output", help="Folder for all that is written.", rich_help_panel=_SETTINGS)
]
Device = Annotated[str | None, typer.Option("--device", help="cpu, gpu, gpu:0,1, ...", rich_help_panel=_SETTINGS)]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="A name of `segcli models`.", rich_help_panel=_SETTINGS)
]
Weights = Annotated[
    str | None,
    typer.Option("--weights", help="Trained weights; without it the best of the output.", rich_help_panel=_SETTINGS),
]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="The dataset.", rich_help_panel=_SETTINGS)]
DatasetArgument = Annotated[str, typer.Argument(help="Folder of the dataset.", metavar="DATASET")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; write nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take the last change of this dataset back.")]
TaskOption = Annotated[
    TaskName | None,
    typer.Option("--task", help="What the labels are for; else what the folder holds.", rich_help_panel=_SETTINGS),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segcli {__version__}")
        raise typer.Exit


@main.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


@main.command()
def check(
    *,
    dataset: DatasetArgument,
    task: TaskOption = None,
    model: Model = None,
    output: Output = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Check every image and label of a dataset; all faults at once."""
    options = {"dataset": dataset, "model": model or _dataset_model(task, config, dataset), "output": output}
    _start("check_dataset", config, override, options, print_config=print_config, debug=debug)


@main.command()
def convert(
    *,
    dataset: DatasetArgument,
    dry_run: DryRun = False,
    undo: Undo = False,
    task: TaskOption = None,
    model: Model = None,
    output: Output = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Convert a LabelMe dataset in its folder, then check it; originals are kept."""
    options = {"dataset": dataset, "model": model or _dataset_model(task, config, dataset), "output": output}
    override = ["CheckDataset.convert.enable=true", "CheckDataset.convert.src_dataset_type=LabelMe", *(override or [])]
    _change("convert", config, override, options, dry_run=dry_run, undo=undo, print_config=print_config, debug=debug)


@main.command()
def split(
    *,
    dataset: DatasetArgument,
    train_percent: Annotated[int, typer.Option(min=1, max=99, help="Share of the training part.")] = 80,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shuffle.")] = 0,
    dry_run: DryRun = False,
    undo: Undo = False,
    task: TaskOption = None,
    model: Model = None,
    output: Output = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Divide a dataset anew into train and val, then check it; the old lists are kept."""
    options = {"dataset": dataset, "model": model or _dataset_model(task, config, dataset), "output": output}
    shares = {"train_percent": train_percent, "val_percent": 100 - train_percent, "seed": seed, "enable": "true"}
    override = [*(f"CheckDataset.split.{key}={value}" for key, value in shares.items()), *(override or [])]
    _change("split", config, override, options, dry_run=dry_run, undo=undo, print_config=print_config, debug=debug)


@main.command()
def train(
    *,
    dataset: DatasetOption = None,
    model: Model = None,
    output: Output = None,
    device: Device = None,
    epochs_iters: Annotated[
        int | None,
        typer.Option(help="Iterations (semantic) or epochs (instance).", rich_help_panel=_SETTINGS),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.", rich_help_panel=_SETTINGS)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Rate.", rich_help_panel=_SETTINGS)] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.", rich_help_panel=_SETTINGS)
    ] = False,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Train a model; the best weights, their exported form, curves and a log go to the output folder."""
    options = {
        "dataset": dataset,
        "model": model,
        "output": output,
        "device": device,
        "epochs-iters": epochs_iters,
        "batch-size": batch_size,
        "learning-rate": learning_rate,
        "resume": "last" if resume else None,
    }
    _start("train", config, override, options, print_config=print_config, debug=debug)


@main.command()
def evaluate(
    *,
    dataset: DatasetOption = None,
    weights: Weights = None,
    model: Model = None,
    output: Output = None,
    device: Device = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Measure trained weights on the validation part, class by class."""
    options = {"dataset": dataset, "model": model, "output": output, "device": device, "evaluate-weights": weights}
    _start("evaluate", config, override, options, print_config=print_config, debug=debug)


@main.command()
def export(
    *,
    dataset: DatasetOption = None,
    weights: Weights = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="paddle, onnx, openvino; repeatable.", rich_help_panel=_SETTINGS),
    ] = None,
    model: Model = None,
    output: Output = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Write the inference model and compare it with the trained network on images of the dataset."""
    options = {
        "dataset": dataset,
        "model": model,
        "output": output,
        "export-weights": weights,
        "format": formats or None,
    }
    _start("export", config, override, options, print_config=print_config, debug=debug)


@main.command()
def predict(
    *,
    inputs: Annotated[list[str], typer.Argument(help="Images, folders, globs, lists or addresses.", metavar="INPUT")],
    model_dir: Annotated[
        str | None, typer.Option(help="An exported model; without it that of the output.", rich_help_panel=_SETTINGS)
    ] = None,
    model: Model = None,
    output: Output = None,
    device: Device = None,
    batch_size: Annotated[int | None, typer.Option(help="Images at once.", rich_help_panel=_SETTINGS)] = None,
    runtime: Annotated[
        str | None, typer.Option(help="auto, paddle, onnxruntime, openvino.", rich_help_panel=_SETTINGS)
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Smallest score of an object.", rich_help_panel=_SETTINGS)
    ] = None,
    json_form: Annotated[
        str | None,
        typer.Option("--json", help="compact, or full: every pixel as in PaddleX.", rich_help_panel=_SETTINGS),
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="A weight file of a promptable model.", rich_help_panel=_SETTINGS)
    ] = None,
    box: PromptOptions.Box = None,
    point: PromptOptions.Point = None,
    text: PromptOptions.Text = None,
    background: PromptOptions.Background = None,
    prompts: PromptOptions.File = None,
    multimask: PromptOptions.Multimask = None,
    everything: PromptOptions.Everything = False,
    cache: PromptOptions.Cache = None,
    formats: PromptOptions.Formats = None,
    config: ConfigFile = None,
    override: Overrides = None,
    print_config: PrintConfig = False,
    debug: Debug = False,
) -> None:
    """Segment images with an exported model; a promptable one is asked by boxes, points or texts."""
    options = {
        "input": inputs[0] if len(inputs) == 1 else inputs,
        "model-dir": model_dir or weights,
        "prompts": prompts_from(box, point, text, prompts),
        "background": background,
        "multimask": multimask,
        "everything": everything or None,
        "cache": cache,
        "predict-format": formats or None,
        "model": model or _model_in(model_dir),
        "output": output,
        "device": device,
        "predict-batch-size": batch_size,
        "runtime": runtime,
        "threshold": threshold,
        "json": json_form,
    }
    _start("predict", config, override, options, print_config=print_config, debug=debug)


_KEYS = {
    "mode": "Global.mode",
    "dataset": "Global.dataset_dir",
    "model": "Global.model",
    "output": "Global.output",
    "device": "Global.device",
    "epochs-iters": "Train.epochs_iters",
    "batch-size": "Train.batch_size",
    "learning-rate": "Train.learning_rate",
    "resume": "Train.resume_path",
    "evaluate-weights": "Evaluate.weight_path",
    "export-weights": "Export.weight_path",
    "format": "Export.formats",
    "input": "Predict.input",
    "model-dir": "Predict.model_dir",
    "predict-batch-size": "Predict.batch_size",
    "runtime": "Predict.runtime",
    "threshold": "Predict.threshold",
    "json": "Predict.json_form",
    "prompts": "Predict.prompts",
    "background": "Predict.promptable.background",
    "multimask": "Predict.promptable.multimask",
    "everything": "Predict.promptable.everything",
    "cache": "Predict.promptable.cache_dir",
    "predict-format": "Predict.promptable.formats",
}
"""Option of a command -> key of the configuration; a prefix tells options of one name in two commands apart."""


def _change(
    command: str,
    config: Path | None,
    overrides: list[str],
    options: dict[str, Any],
    *,
    dry_run: bool,
    undo: bool,
    print_config: bool,
    debug: bool,
) -> None:
    """Changes a dataset, or shows the plan, or takes the last change back."""
    if undo:
        raise typer.Exit(application.guard(lambda: take_back(options["dataset"]), debug=debug))
    if dry_run:
        given = _given("check_dataset", options)
        raise typer.Exit(application.guard(lambda: show_plan(command, config, overrides, given), debug=debug))
    _start("check_dataset", config, overrides, options, print_config=print_config, debug=debug)


def _start(
    mode: str,
    config: Path | None,
    overrides: list[str] | None,
    options: dict[str, Any],
    *,
    print_config: bool,
    debug: bool,
) -> None:
    given = _given(mode, options)
    config = config or _run_config(mode, options)
    raise typer.Exit(application.start(config, overrides or (), given, print_config=print_config, debug=debug))


def _given(mode: str, options: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Options that were given, by key, with the name by which the person knows them."""
    given = {_KEYS[name]: (f"--{_shown(name)}", value) for name, value in options.items() if value is not None}
    return {**given, "Global.mode": ("command", mode)}


def _shown(name: str) -> str:
    for command in ("evaluate", "export", "predict"):
        name = name.removeprefix(f"{command}-")
    return name


def _run_config(mode: str, options: dict[str, Any]) -> Path | None:
    """The configuration that a training left in the output folder, for the steps after it."""
    path = Path(options.get("output") or "output") / RUN_CONFIG
    goes_on = mode in ("evaluate", "export", "predict") or options.get("resume") is not None
    return path if goes_on and options.get("model") is None and path.is_file() else None


def _dataset_model(task: TaskName | None, config: Path | None, dataset: str) -> str | None:
    return None if config is not None else _DATASET_MODELS[task or _task_of(Path(dataset))]


def _task_of(dataset: Path) -> TaskName:
    """Instance for a folder of COCO files without the lists of a semantic dataset, else semantic."""
    has_lists = any((dataset / name).is_file() for name in ("train.txt", "val.txt"))
    return (
        TaskName.instance if any(dataset.glob("annotations/instance_*.json")) and not has_lists else TaskName.semantic
    )


def _model_in(model_dir: str | None) -> str | None:
    """The name that an exported model carries."""
    path = Path(model_dir) / "inference.yml" if model_dir else None
    if path is None or not path.is_file():
        return None
    from segcli.config.yaml_text import read_yaml

    carried = read_yaml(path).values.get("Global")
    return str(carried["model_name"]) if isinstance(carried, dict) and "model_name" in carried else None


add_tools(main)
add_promptable(main)

if __name__ == "__main__":
    main()
