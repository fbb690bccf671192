"""The command that searches the settings of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from segcli import terminal
from segcli.cli.modes import AT_END, Given, end_with, folder_of, given, mode_command
from segcli.cli.options import (
    SETTINGS,
    Device,
    TaskOption,
)
from segcli.cli.running import ResultPlace
from segcli.errors import EXIT_DONE
from segcli.implied import model_to_plan

_TRIALS = 20


def add_tuning(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    mode_command(main, last={name: AT_END[name] for name in ("config", "override", "debug")})(tune)


def tune(
    context: typer.Context,
    *,
    task: TaskOption = None,
    device: Device = None,
    trials: Annotated[int, typer.Option(min=1, help="Trainings altogether.", rich_help_panel=SETTINGS)] = _TRIALS,
    time: Annotated[
        str | None,
        typer.Option(
            help="How long all trials may take, such as 10h; each is planned for its part.", rich_help_panel=SETTINGS
        ),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(help="What to search: KEY=LOW..HIGH or KEY=A,B,C.", rich_help_panel=SETTINGS),
    ] = None,
) -> None:
    """Search the settings of a training; bad trials end early, and a stopped search goes on.

    The best settings go to tuned.yaml in the output folder.
    """
    called = context.params
    config, overrides = called["config"], called["override"] or ()
    options = given(context, "train", model_to_plan(folder_of(context), task, config))
    place = ResultPlace(None, "tune")
    end_with(context, lambda: _tuned(config, overrides, options, trials, place, time=time, search=search or ()), place)


def _tuned(
    path: Path | None,
    overrides: Sequence[str],
    options: Given,
    trials: int,
    place: ResultPlace,
    *,
    time: str | None,
    search: Sequence[str],
) -> int:
    from segcli.config.durations import parse_time
    from segcli.config.load import load_config
    from segcli.config.plan_mode import for_command
    from segcli.json_output import tell_result
    from segcli.results import write_result
    from segcli.steps.train.command import train_here
    from segcli.steps.train.search_space import parse_space, usual_space
    from segcli.steps.train.tuning import tune

    seconds = None if time is None else parse_time(time)
    share = {} if seconds is None else {"Train.time": ("--time", f"{max(seconds / trials, 1):.0f}s")}
    config = for_command(load_config(path, overrides, {**options, **share}).config)
    space = parse_space(search, config) if search else usual_space(config)
    output = Path(config.Global.output)
    place.begin(output)
    result = tune(config, space, train_here, trials=trials, seconds=seconds)
    target = write_result(output, place.command, result.as_dict(), done=True)
    tell_result(result.as_dict())
    terminal.show_summary("tune", result.summary(), result=target)
    return EXIT_DONE
