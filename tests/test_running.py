"""Commands that are no modes leave a result file too when they fail, or are stopped, in the middle."""

from __future__ import annotations

import json
import signal

import pytest
import typer

from segcli.cli.running import ResultPlace, run
from segcli.errors import BusyError, SegcliError, UsageError
from segcli.results import write_result
from segcli.signals import Stopped


def _ended(work, place):
    with pytest.raises(typer.Exit) as end:
        run(work, debug=False, place=place)
    return end.value.exit_code


def _raising(fault):
    def work():
        raise fault

    return work


def _result(tmp_path):
    path = tmp_path / "out/fix_result.json"
    return json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (Stopped(signal.SIGTERM), 143, {"stop_reason": "stopped by SIGTERM"}),
        (SegcliError("the disk is full"), 1, {"err_type": "SegcliError", "err_msg": "the disk is full"}),
        (UsageError("no such folder"), 2, None),
        (BusyError("in use"), BusyError.exit_code, None),
    ],
    ids=["signal", "fault", "at the start", "in use"],
)
def test_a_fault_in_the_middle_leaves_a_result(tmp_path, fault, code, told):
    assert _ended(_raising(fault), ResultPlace(tmp_path / "out", "fix")) == code

    found = _result(tmp_path)
    assert (found is None) == (told is None)
    if told is not None:
        assert {"mode": "fix", "done_flag": False, **told}.items() <= found.items()


def test_what_was_done_stays_done_whatever_showing_it_comes_to(tmp_path):
    def work():
        write_result(tmp_path / "out", "fix", {}, done=True)
        raise Stopped(signal.SIGTERM)

    write_result(tmp_path / "out", "fix", {"earlier": 1}, done=True)
    assert _ended(work, ResultPlace(tmp_path / "out", "fix")) == 143
    assert _result(tmp_path)["done_flag"] is True and "earlier" not in _result(tmp_path)


def test_work_that_names_its_folder_later_leaves_its_result_there(tmp_path):
    place = ResultPlace(None, "fix")

    def work():
        place.begin(tmp_path / "out")
        raise Stopped(signal.SIGTERM)

    assert _ended(_raising(Stopped(signal.SIGTERM)), ResultPlace(None, "fix")) == 143
    assert not list(tmp_path.iterdir())
    assert _ended(work, place) == 143
    assert _result(tmp_path)["stop_reason"] == "stopped by SIGTERM"


def test_a_command_without_a_folder_for_results_writes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _ended(_raising(Stopped(signal.SIGTERM)), None) == 143
    assert not list(tmp_path.iterdir())
