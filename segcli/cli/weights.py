"""The commands on weight files: convert, verify, inspect."""

from pathlib import Path
from typing import Annotated

import typer

from segcli import terminal
from segcli.cli.help import Command, program
from segcli.cli.options import Debug
from segcli.cli.running import run
from segcli.progress import working

weights_commands = program("weights", "Read and convert weight files, without executing them.")


def add_weights(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.add_typer(weights_commands, name="weights")


@weights_commands.command("convert", cls=Command)
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

        with working("converting"):
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

    run(work, debug=debug)


@weights_commands.command("verify", cls=Command)
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

        with working("verifying"):
            report = verify(file, model, golden=golden, photos=photos)
        terminal.show_summary("weights verify", report.summary(), good=report.passed)
        return 0 if report.passed else 1

    run(work, debug=debug)


@weights_commands.command("inspect", cls=Command)
def inspect_weights(
    file: Annotated[Path, typer.Argument(help="A weight file.", metavar="FILE")],
    debug: Debug = False,
) -> None:
    """List names, shapes and types of the tensors in a weight file."""

    def work() -> int:
        from segcli.weights.files import read_weights, weight_format

        with working("reading"):
            tensors = read_weights(file)
        shapes = {name: " x ".join(map(str, array.shape)) or "scalar" for name, array in tensors.items()}
        rows = [(name, shapes[name], str(array.dtype)) for name, array in tensors.items()]
        numbers = sum(array.size for array in tensors.values())
        title = f"{file}: {weight_format(file)}, {len(tensors)} tensors, {numbers / 1e6:.2f} million numbers"
        terminal.show_table(title, ("name", "shape", "type"), rows, key="tensors")
        return 0

    run(work, debug=debug)
