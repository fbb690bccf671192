"""Ctrl-C, SIGTERM and SIGHUP, as real processes get them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segcli import app, signals

# In a process that has imported Paddle elsewhere, Paddle's own handler may end the worker of the test run.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORK = """
import sys, time
from segcli.app import guard

def work():
    {preparation}
    print("ready", flush=True)
    time.sleep(60)
    return 0

sys.exit(guard(work))
"""


def stopped(number: int, preparation: str = "pass") -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK.format(preparation=preparation)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("number", CODES)
def test_every_signal_has_its_exit_code_and_message(number):
    code, said = stopped(number)
    assert code == CODES[number]
    assert f"stopped by {signals.name_of(number)}" in said
    assert "Traceback" not in said


def test_paddles_banner_never_shows():
    code, said = stopped(signal.SIGTERM, "import paddle")
    assert code == 143
    assert "FatalError" not in said and "C++" not in said
    assert "stopped by SIGTERM" in said


@pytest.fixture
def ignored_hangup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_signal_that_is_ignored_stays_ignored(ignored_hangup):
    """``nohup segcli train`` goes on when the terminal closes."""
    with signals.listening():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signals._on_signal
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_first_signal_waits_and_the_second_does_not(capfd):
    reached = []
    with pytest.raises(signals.Stopped) as stop, signals.postponed("ending soon") as request:
        os.kill(os.getpid(), signal.SIGTERM)
        reached.append(request.number)
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("too far")
    assert reached == [signal.SIGTERM]
    assert stop.value.number == signal.SIGINT
    assert "ending soon" in capfd.readouterr().err


def test_work_that_may_be_broken_off_ends_at_the_first_signal():
    with signals.postponed("ending soon") as request:
        with pytest.raises(signals.Stopped), signals.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
        assert request.number == signal.SIGTERM


def test_a_second_signal_while_the_first_is_told_changes_nothing(tmp_path):
    told = []

    def work() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came too late")

    def tell(failure) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        told.append(failure.as_dict())

    assert app.guard(work, output=tmp_path, on_failure=tell) == 143
    assert told[0]["stop_reason"] == "stopped by SIGTERM"
