"""Ctrl-C, SIGTERM and SIGHUP, as real processes get them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segcli import signals
from segcli.failure_report import failure_of
from tests.own_process import run_alone

ROOT = Path(__file__).resolve().parents[1]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORK = """
import signal, sys, time
from segcli.app import guard

def work():
    {preparation}
    print("ready", flush=True)
    for _ in range(3000):  # one long sleep would outlast a signal that comes just before it
        time.sleep(0.02)
    return 0

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell hands it down as ignored
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


def test_signals_to_the_own_process():
    run_alone(ROOT / "tests" / "alone_signals.py")


def test_a_signal_while_an_extension_is_imported_is_no_missing_part():
    """pybind11 raises such an ImportError from whatever stopped the initialization of a module."""
    error = ImportError("initialization failed")
    error.__cause__ = signals.Stopped(signal.SIGTERM)
    failure = failure_of(error)
    assert (failure.exit_code, failure.message) == (143, "stopped by SIGTERM")
