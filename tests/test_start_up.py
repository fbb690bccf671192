"""Garbage is collected rarely while a command starts, and as usual when its work begins."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    code = "import gc; gc.set_threshold(5, 5, 5); from segcli.start_up import end_start_up; end_start_up()"
    assert _printed(f"{code}; print(*gc.get_threshold(), gc.get_freeze_count())") == ["5", "5", "5", "0"]
