"""The commands of `segcli` beside the modes: models, weights, demo, doctor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from segcli import terminal

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and details.")]

weights_commands = typer.Typer(help="Read and convert weight files, without executing them.", no_args_is_help=True)


def add_tools(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.command()(models)
    main.add_typer(weights_commands, name="weights")
    main.command()(demo)
    main.command()(doctor)


def models(
    task: Annotated[str | None, typer.Option(help="Only this task: semantic, instance, open_vocabulary.")] = None,
) -> None:
    """List the models by name, task and size."""
    from segcli.models.names import MODEL_TASKS, PARAMETERS_MILLION

    chosen = [(name, of) for name, of in MODEL_TASKS.items() if task is None or of.value.startswith(task)]
    if not chosen:
        known = sorted({of.value for of in MODEL_TASKS.values()})
        terminal.show_failure(f"there is no task {task!r}", f"tasks: {', '.join(known)}")
        raise typer.Exit(2)
    rows = [(name, of.value, f"{PARAMETERS_MILLION[name]:.1f} M") for name, of in chosen]
    terminal.show_table(f"{len(chosen)} models", ("name", "task", "parameters"), rows)


@weights_commands.command("convert")
def convert_weights(
    source: Annotated[Path, typer.Argument(help="torch, safetensors or pdparams file.", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="A .pdparams or .safetensors file.", metavar="OUT")],
    architecture: Annotated[
        str | None, typer.Option(help="Network whose layout is meant; `none` changes the format only.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Convert a weight file to Paddle's layout, or to safetensors."""

    def work() -> int:
        from segcli.weights.convert import convert_weights

        report = convert_weights(source, target, architecture)
        rows = [
            ("architecture", report.architecture),
            ("tensors", str(report.tensors)),
            ("renamed", str(len(report.renamed))),
            ("transposed", str(len(report.transposed))),
            ("unused", ", ".join(report.unused) or "none"),
            ("sha256 of source", report.source_sha256),
            ("written", report.target),
        ]
        terminal.show_summary("weights convert", rows)
        return 0

    _guard(work, debug=debug)


@weights_commands.command("verify")
def verify_weights(
    file: Annotated[Path, typer.Argument(help="A weight file of a promptable model.", metavar="FILE")],
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model; without it, it is guessed.")] = None,
    golden: Annotated[
        Path | None, typer.Option(help="An .npz with an input and the original network's outputs.")
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder of photographs, prompts.json and known masks.")] = None,
    debug: Debug = False,
) -> None:
    """Check official weights of SAM, MobileSAM or LSeg: names, shapes, parity, answers on photographs."""

    def work() -> int:
        from segcli.steps.verify_weights import verify_weights as verify

        report = verify(file, model, golden=golden, photos=photos)
        terminal.show_summary("weights verify", report.summary(), good=report.passed)
        return 0 if report.passed else 1

    _guard(work, debug=debug)


@weights_commands.command("inspect")
def inspect_weights(
    file: Annotated[Path, typer.Argument(help="A weight file.", metavar="FILE")],
    debug: Debug = False,
) -> None:
    """List names, shapes and types of the tensors in a weight file."""

    def work() -> int:
        from segcli.weights.files import read_weights, weight_format

        tensors = read_weights(file)
        shapes = {name: " x ".join(map(str, array.shape)) or "scalar" for name, array in tensors.items()}
        rows = [(name, shapes[name], str(array.dtype)) for name, array in tensors.items()]
        numbers = sum(array.size for array in tensors.values())
        title = f"{file}: {weight_format(file)}, {len(tensors)} tensors, {numbers / 1e6:.2f} million numbers"
        terminal.show_table(title, ("name", "shape", "type"), rows)
        return 0

    _guard(work, debug=debug)


def demo(
    folder: Annotated[Path, typer.Argument(help="A new folder.")] = Path("demo/data"),
    images: Annotated[int, typer.Option(min=5, help="How many images.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every choice.")] = 0,
    debug: Debug = False,
) -> None:
    """Generate a small dataset in LabelMe form."""

    def work() -> int:
        from segcli.steps.demo.command import make_demo

        report = make_demo(folder, images=images, seed=seed)
        rows = [
            ("folder", str(report.folder)),
            ("images", f"{report.train_images} train, {report.val_images} val"),
            ("classes", ", ".join(report.classes)),
            ("shapes", ", ".join(f"{number} {kind}" for kind, number in report.shapes.items())),
        ]
        terminal.show_summary("demo", rows)
        return 0

    _guard(work, debug=debug)


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Install what is missing, with the tested versions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Tell what is installed, what is missing and the one command that cures it."""

    def work() -> int:
        from segcli.cli.health import show_health
        from segcli.steps.doctor.command import examine, repair

        if fix:
            repair()
        report = examine()
        if as_json:
            typer.echo(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
        else:
            show_health(report)
        return 0 if report.healthy else 1

    _guard(work, debug=debug)


def _guard(work: Callable[[], int], *, debug: bool) -> None:
    from segcli.app import guard

    raise typer.Exit(guard(work, debug=debug))
