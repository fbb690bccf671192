"""Signals to the own process; run by `test_signals.py` in one of their own."""

from __future__ import annotations

import os
import signal

import pytest

from segcli import app, signals


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


def ended(_number: object, _frame: object) -> None:
    """A handler of the surrounding program."""


@pytest.mark.parametrize(
    ("before", "is_ours"), [(signal.SIG_DFL, True), (signals._on_signal, True), (signal.SIG_IGN, False), (ended, False)]
)
def test_a_hangup_stops_a_service_unless_it_is_ignored_or_handled(before, is_ours):
    stopped = []
    first = signal.signal(signal.SIGHUP, before)
    try:
        with signals.hangup_stops(lambda: stopped.append(1)):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is before
    finally:
        signal.signal(signal.SIGHUP, first)
    assert bool(stopped) == is_ours
