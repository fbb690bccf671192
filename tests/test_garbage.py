"""Garbage is collected rarely while a command starts or converts, and otherwise as usual."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event

import pytest

from segcli import garbage
from segcli.garbage import collecting_rarely, set_aside

_WORDS = """
import gc, sys
usual = gc.get_threshold()
from segcli import app
from segcli.cli.main import main
import segcli.steps.predict.command as command

def told(*arguments, **options):
    print(gc.get_threshold() == usual, gc.get_freeze_count() > 0)
    return 0

load = app.load
def loading(*arguments):
    print(gc.get_threshold() == usual, gc.get_freeze_count() > 0)
    return load(*arguments)

app.load, command.predict = loading, lambda config: sys.exit(told())
if WORDS[0] != "predict":
    app.guard = told
sys.argv = ["segcli", *WORDS]
main()
"""


def _printed(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.split()


def test_the_work_of_a_mode_has_the_usual_collections() -> None:
    words = ["predict", "absent.jpg", "-m", "PP-LiteSeg-T"]
    assert _printed(f"WORDS = {words}{_WORDS}")[:4] == ["False", "False", "True", "True"]


@pytest.mark.parametrize("words", [["doctor"], ["models", "import", "absent.onnx", "--card", "absent"]])
def test_the_work_of_a_command_has_the_usual_collections(words: list[str]) -> None:
    assert _printed(f"WORDS = {words}{_WORDS}")[:2] == ["True", "True"]


def test_a_program_that_uses_segcli_keeps_its_own() -> None:
    code = "import gc; gc.set_threshold(5, 5, 5); from segcli.garbage import end_start_up; end_start_up()"
    assert _printed(f"{code}; print(*gc.get_threshold(), gc.get_freeze_count())") == ["5", "5", "5", "0"]


@pytest.fixture
def _usual() -> Iterator[tuple[int, int, int]]:
    usual = gc.get_threshold()
    yield usual
    gc.set_threshold(*usual)


def test_collections_are_rare_inside_and_as_before_after_a_fault(_usual: tuple[int, int, int]) -> None:
    with pytest.raises(KeyError), collecting_rarely():
        assert gc.get_threshold()[0] > _usual[0]
        raise KeyError
    assert gc.get_threshold() == _usual


@pytest.mark.parametrize(("is_command", "objects"), [(True, 123_456), (False, 100_000)])
def test_how_rarely_is_said_and_a_program_with_garbage_of_its_own_collects_sooner(
    _usual: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, *, is_command: bool, objects: int
) -> None:
    command = Event()
    if is_command:
        command.set()
    monkeypatch.setattr(garbage, "_is_command", command)
    with collecting_rarely(123_456):
        assert gc.get_threshold() == (objects, *_usual[1:])
    assert gc.get_threshold() == _usual


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_of_several_blocks_restores_whatever_their_order(
    order: tuple[int, int], _usual: tuple[int, int, int]
) -> None:
    blocks = [ExitStack(), ExitStack()]
    for block in blocks:
        block.enter_context(collecting_rarely())
    blocks[order[0]].close()
    assert gc.get_threshold()[0] > _usual[0]
    blocks[order[1]].close()
    assert gc.get_threshold() == _usual


@pytest.mark.parametrize("own", [(0, 5, 5), (10**6, 5, 5)])
def test_who_collects_never_or_more_rarely_is_not_changed(
    own: tuple[int, int, int], _usual: tuple[int, int, int]
) -> None:
    gc.set_threshold(*own)
    with collecting_rarely():
        assert gc.get_threshold() == own


_ASIDE = """
import gc
from segcli.garbage import begin_start_up, end_start_up, set_aside
START
before, values = gc.get_freeze_count(), [[] for _ in range(50_000)]
set_aside()
print(gc.get_freeze_count() - before > 50_000, gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    ("start", "printed"),
    [("", ["False", "False"]), ("gc.freeze()", ["False", "True"]), ("begin_start_up(); end_start_up()", ["True"] * 2)],
    ids=["program", "program with frozen objects", "command"],
)
def test_what_is_set_aside_stays_frozen_in_a_command_alone(start: str, printed: list[str]) -> None:
    assert _printed(_ASIDE.replace("START", start)) == printed


def test_what_is_set_aside_is_not_looked_at_when_young() -> None:
    values = [[] for _ in range(1000)]
    set_aside()
    young = {id(value) for generation in (0, 1) for value in gc.get_objects(generation)}
    assert not young & set(map(id, values))
