"""Help, its form for programs, and what the shell offers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
import typer.core
from typer.testing import CliRunner

from segcli.cli.help import Command, program
from segcli.cli.late_commands import CommandRow
from segcli.cli.main import ROWS, main
from segcli.config.keys import leaves
from segcli.config.schema import GlobalConfig
from segcli.data.formats.table import formats
from segcli.lazy import load_object
from segcli.models.names import MODEL_TASKS
from segcli.rules import RULES
from segcli.runtimes import export_formats, runtime_names


def described() -> dict[str, dict]:
    outcome = CliRunner().invoke(main, ["--help-json"])
    assert outcome.exit_code == 0, outcome.output
    return {command["name"]: command for command in json.loads(outcome.stdout)["commands"]}


COMMANDS = described()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns_and_names_every_option(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    outcome = CliRunner().invoke(main, [*command.split(), "--help"], prog_name="segcli")
    assert outcome.exit_code == 0
    assert max(map(len, outcome.output.splitlines())) <= 80
    shown = [option for option in COMMANDS[command]["options"] if not option["hidden"]]
    assert all(option["name"] in outcome.output and option["help"] for option in shown)
    assert all(argument["metavar"] in outcome.output for argument in COMMANDS[command]["arguments"])
    assert "[[" not in outcome.output


def test_the_help_of_the_program_groups_commands():
    shown = CliRunner().invoke(main, ["--help"], prog_name="segcli").output
    places = [shown.index(word) for word in ("A dataset:", "  check ", "A model:", "  train ", "Tools:", "  doctor ")]
    assert places == sorted(places)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.add)
def test_the_table_of_commands_names_what_each_module_adds(row: CommandRow):
    part = program("", "")
    load_object(row.add)(part)
    part.callback()(lambda: None)
    assert sorted(typer.main.get_group(part).commands) == sorted(row.names)


def test_each_command_groups_its_options_and_prepares_only_those_that_are_given():
    waiting, others = [typer.main.get_command(main)], []
    while waiting:
        group = waiting.pop()
        context = typer.Context(group)
        found = [group.get_command(context, name) for name in group.list_commands(context)]
        waiting += [one for one in found if isinstance(one, typer.core.TyperGroup)]
        others += [one.name for one in found if not isinstance(one, typer.core.TyperGroup | Command)]
    assert others == []


def test_a_command_imports_no_other():
    code = "from segcli.cli.main import main; main(['rule', 'S001'], standalone_mode=False)"
    code = f"import sys; {code}; print(*[name for name in sys.modules if name.startswith('segcli.cli.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "segcli.cli.rules" in loaded
    others = {row.add.partition(":")[0] for row in ROWS} - {"segcli.cli.rules"}
    assert loaded.isdisjoint(others)


def test_the_options_of_a_command_alone_are_read():
    code = "from segcli.cli.main import main; main(['predict', '--help'], standalone_mode=False)"
    code = f"from segcli.cli import modes; {code}; print(*modes._FUNCTIONS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "predict"


def test_commands_are_described_for_programs():
    batch_size = {option["name"]: option for option in COMMANDS["train"]["options"]}["--batch-size"]
    assert (batch_size["type"], batch_size["key"], batch_size["default"]) == ("integer", "Train.batch_size", None)
    task = {option["name"]: option for option in COMMANDS["check"]["options"]}["--task"]
    assert task["choices"] == ["semantic", "instance"]
    (source,) = COMMANDS["predict"]["arguments"]
    assert source["required"] and source["repeatable"]
    keys = [one["key"] for command in COMMANDS.values() for one in command["options"] if one["key"]]
    assert set(keys) <= set(leaves())


def test_an_option_means_one_thing_everywhere():
    meanings: dict[str, set[str | None]] = {}
    for command in COMMANDS.values():
        for option in command["options"]:
            if not option["hidden"] and option["key"]:
                meanings.setdefault(option["name"], set()).add(
                    option["key"].rpartition(".")[2].removeprefix("pretrain_")
                )
    assert {name: keys for name, keys in meanings.items() if len(keys) > 1} == {}


def offered(words: str) -> list[str]:
    """What bash is offered for the last word."""
    line = words.split(" ")
    environment = {**os.environ, "_SEGCLI_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(line)}
    environment["COMP_CWORD"] = str(len(line) - 1)
    code = "from segcli.cli.main import main; main(prog_name='segcli')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ("segcli tra", ["train"]),
        ("segcli train -m PP-L", ["PP-LiteSeg-B", "PP-LiteSeg-T"]),
        ("segcli embed x -m LSeg", [name for name in MODEL_TASKS if name.startswith("LSeg")]),
        ("segcli train -o Gl", [f"Global.{name}=" for name in GlobalConfig.model_fields]),
        ("segcli train -o Train.learn", ["Train.learning_rate=", "Train.learning_rate=null"]),
        ("segcli evaluate -o Evaluate.sliding_window.cr", ["Evaluate.sliding_window.crop_size="]),
        ("segcli train -o Train.amp = O", ["OFF", "O1", "O2"]),
        ("segcli train -o Train.amp = O1 --model = PP-L", ["PP-LiteSeg-B", "PP-LiteSeg-T"]),
        ("segcli serve semantic", ["semantic_segmentation"]),
        ("segcli train -o Train.amp=", ["Train.amp=OFF", "Train.amp=O1", "Train.amp=O2"]),
        ("segcli rule S10", [rule for rule in RULES if rule.startswith("S10")]),
        ("segcli check --ignore S2,C10", [f"S2,{rule}" for rule in RULES if rule.startswith("C10")]),
        ("segcli export --format ", list(export_formats())),
        ("segcli predict x --runtime ", list(runtime_names())),
        ("segcli predict x --save o", ["overlay"]),
        ("segcli convert a b --to ", list(formats())),
        ("segcli check --task ", ["semantic", "instance"]),
    ],
)
def test_the_shell_offers(words: str, offers: list[str]):
    assert sorted(offered(words)) == sorted(offers)


@pytest.mark.parametrize(
    ("arguments", "key", "value"),
    [
        (["predict", "a.jpg", "-m", "SAM-tiny", "--format", "png"], "formats", ("png",)),
        (["predict", "a.jpg", "-m", "SAM-tiny", "--save", "png", "--save", "coco"], "formats", ("png", "coco")),
    ],
)
def test_old_spellings_are_accepted(arguments, key, value, monkeypatch: pytest.MonkeyPatch):
    from segcli import app

    seen = []
    monkeypatch.setattr(app, "run_mode", lambda loaded, *, debug: seen.append(loaded) or 0)
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert getattr(seen[0].config.Predict.promptable, key) == value


def test_the_old_word_for_images_is_accepted(tmp_path: Path):
    outcome = CliRunner().invoke(main, ["demo", str(tmp_path / "d"), "--pictures", "5"])
    assert outcome.exit_code == 0 and "4 train, 1 val" in outcome.output


def test_options_that_are_not_given_are_not_prepared(monkeypatch):
    _adapters = pytest.importorskip("typer._adapters", reason="typer before 0.29 converts without pydantic")
    prepared, seen = [], []
    real = _adapters.try_build_adapter
    monkeypatch.setattr(_adapters, "try_build_adapter", lambda **given: prepared.append(given) or real(**given))
    app = typer.Typer(add_completion=False)

    @app.command(cls=Command)
    def count(
        size: Annotated[int | None, typer.Option()] = None,
        name: Annotated[str | None, typer.Option()] = None,
        box: Annotated[list[str] | None, typer.Option()] = None,
    ) -> None:
        seen.append((size, name, box))

    for words in (["--size", "3"], ["--box", "1", "--box", "2"], ["--size", "three"], []):
        CliRunner().invoke(app, words)
    assert seen == [(3, None, None), (None, None, ["1", "2"]), (None, None, None)]
    assert {given["annotation"] for given in prepared} >= {int, list[str]}
    assert str not in [given["annotation"] for given in prepared]


def test_a_typer_that_converts_without_pydantic_is_left_as_it_is(monkeypatch):
    for owner in typer.core.TyperOption.__mro__:
        if "get_runtime_param" in vars(owner):
            monkeypatch.delattr(owner, "get_runtime_param")
    app = typer.Typer(add_completion=False)

    @app.command(cls=Command)
    def count(size: Annotated[int | None, typer.Option()] = None) -> None: ...

    (size,) = typer.main.get_command(app).params
    assert size.name == "size" and "get_runtime_param" not in vars(size)
