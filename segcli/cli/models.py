"""`segcli models`: those of the table, and those of other makers."""

from pathlib import Path
from typing import Annotated

import typer

from segcli import terminal
from segcli.cli.help import Command, program
from segcli.cli.options import Debug
from segcli.cli.running import AsJson, refuse, report, run
from segcli.errors import UsageError
from segcli.json_output import json_output

models_commands = program("models", "List the models by name, task and size; import those of other makers.")
models_commands.info.no_args_is_help = False


def add_models(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.add_typer(models_commands, name="models")


@models_commands.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    task: Annotated[str | None, typer.Option(help="Only this task: semantic, instance, open_vocabulary.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models by name, task and size; import those of other makers."""
    if context.invoked_subcommand is None:
        with json_output(wanted=as_json):
            _list(task)


def _list(task: str | None) -> None:
    from segcli.models.names import MODEL_TASKS, PARAMETERS_MILLION

    of_table = [(name, of) for name, of in MODEL_TASKS.items() if name in PARAMETERS_MILLION]
    chosen = [(name, of) for name, of in of_table if task is None or of.value.startswith(task)]
    if not chosen:
        known = sorted({of.value for of in MODEL_TASKS.values()})
        refuse(UsageError(f"there is no task {task!r}", hint=f"tasks: {', '.join(known)}"))
    from segcli.models.published import PUBLISHED

    rows = [
        (name, of.value, f"{PARAMETERS_MILLION[name]:.1f} M", PUBLISHED[name].licence if name in PUBLISHED else "-")
        for name, of in chosen
    ]
    terminal.show_table(
        f"{len(chosen)} models", ("name", "task", "parameters", "official weights"), rows, key="models", by="task"
    )
    _list_guests(task)


def _list_guests(task: str | None) -> None:
    from segcli.weights.guest_home import guest_folders

    if not guest_folders():
        return
    from segcli.steps.guests.command import listed

    rows = [row for row in listed() if task is None or row[1].startswith(task)]
    if rows:
        terminal.show_table(f"{len(rows)} of other makers", ("name", "task", "licence", "folder"), rows, key="imported")


@models_commands.command("import", cls=Command)
def import_model(
    network: Annotated[
        Path,
        typer.Argument(
            help="The ONNX file, of a pair the encoder; or Paddle's .pdmodel or .json.", metavar="MODEL.ONNX"
        ),
    ],
    *,
    card: Annotated[Path, typer.Option("--card", help="What the model is, a few lines of YAML.", metavar="CARD.YAML")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to make; else one that `segcli models` lists.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Import an ONNX model of another maker; every command takes it then like one of ours."""

    def work() -> int:
        from segcli.steps.guests.command import import_guest

        result = import_guest(network, card, out)
        return report("models import", result)

    run(work, debug=debug)


@models_commands.command("pack", cls=Command)
def pack_model(
    model_dir: Annotated[str, typer.Argument(help="Folder of an exported or imported model.", metavar="MODEL")],
    *,
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    form: Annotated[str, typer.Option("--format", help="onnx, or openvino for its own form too.")] = "onnx",
    serving: Annotated[
        list[str] | None,
        typer.Option("--serving", help="Also a repository for a server: triton, openvino; repeatable."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Pack a model for a device: model, labels, preprocessing, licence, parity report, an example."""

    def work() -> int:
        from segcli.steps.pack.command import pack

        result = pack(model_dir, out, form=form, serving=tuple(serving or ()))
        return report("models pack", result)

    run(work, debug=debug)


@models_commands.command("quantize", cls=Command)
def quantize_model(
    model_dir: Annotated[str, typer.Argument(help="Folder of an exported or imported model.", metavar="MODEL")],
    *,
    dataset: Annotated[str, typer.Option("--dataset", help="Its validation split calibrates and measures.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    precision: Annotated[str, typer.Option(help="int8, or fp16, bf16 where the device has them.")] = "int8",
    device: Annotated[str, typer.Option(help="auto, cpu, gpu:0: where it runs; int8 runs on the CPU.")] = "auto",
    most_loss: Annotated[float, typer.Option("--max-loss", help="Of mIoU or AP; what loses more is not kept.")] = 0.01,
    images: Annotated[int, typer.Option(min=1, help="Images by which ranges of int8 are found.")] = 64,
    debug: Debug = False,
) -> None:
    """Make a model of 8 or 16 bits, measured before and after."""

    def work() -> int:
        from segcli.steps.quantize.command import quantize

        result = quantize(
            model_dir, dataset, out, precision=precision, device=device, most_loss=most_loss, images=images
        )
        return report("models quantize", result)

    run(work, debug=debug)
