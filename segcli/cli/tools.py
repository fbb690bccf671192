"""The commands of `segcli` beside the modes: demo, doctor."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from segcli import terminal
from segcli.cli.help import Command
from segcli.cli.options import Debug
from segcli.cli.running import run
from segcli.errors import EXIT_FAILED, UsageError
from segcli.progress import working


def add_tools(main: typer.Typer) -> None:
    """Adds the commands to the main one."""
    main.command(cls=Command)(demo)
    main.command(cls=Command)(doctor)


def demo(
    folder: Annotated[Path, typer.Argument(help="A new folder.", metavar="FOLDER")] = Path("demo/data"),
    images: Annotated[int, typer.Option(min=5, help="How many images.")] = 100,
    pictures: Annotated[int | None, typer.Option(min=5, help="The same as --images.", hidden=True)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every choice.")] = 0,
    debug: Debug = False,
) -> None:
    """Generate a small dataset in LabelMe form."""

    def work() -> int:
        from segcli.steps.demo.command import make_demo

        report = make_demo(folder, images=pictures or images, seed=seed)
        rows = [
            ("folder", str(report.folder)),
            ("images", f"{report.train_images} train, {report.val_images} val"),
            ("classes", ", ".join(report.classes)),
            ("shapes", ", ".join(f"{number} {kind}" for kind, number in report.shapes.items())),
        ]
        terminal.show_summary("demo", rows)
        return 0

    run(work, debug=debug)


def doctor(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Install what is missing, with the tested versions.")] = False,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="With --fix: put Paddle's GPU build in the place of the CPU build.")
    ] = False,
    index: Annotated[
        str | None, typer.Option(metavar="URL", help="Index of Paddle's GPU builds for a CUDA version.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before Paddle is replaced.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Tell what is installed, what is missing and the one command that repairs it."""

    def work() -> int:
        from segcli.cli.health import show_health
        from segcli.steps.doctor.command import examine, repair

        if gpu and not _replace_paddle(index, do_it=fix, confirm=not yes):
            return EXIT_FAILED
        if fix:
            repair()
        with working("looking at what is installed"):
            report = examine()
        if as_json:
            typer.echo(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
        else:
            show_health(report)
        return 0 if report.healthy else 1

    run(work, debug=debug)


def _replace_paddle(index: str | None, *, do_it: bool, confirm: bool) -> bool:
    """Shows what is going to be done for the GPU, and does it unless the person declines; tells whether to go on."""
    from segcli.steps.doctor.gpu import install_gpu, plan_gpu

    plan = plan_gpu(index)
    terminal.show_summary("the GPU build of Paddle" if plan.is_done else "what is going to be done", plan.rows())
    if plan.is_done or not do_it:
        return True
    if confirm:
        if not sys.stdin.isatty():
            raise UsageError("the question whether to replace Paddle needs a terminal", hint="add --yes")
        if not typer.confirm("Go on?"):
            terminal.show_failure("nothing was changed")
            return False
    install_gpu(plan)
    return True
