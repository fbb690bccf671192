"""Values of environment variables that would change nothing are told."""

from __future__ import annotations

import logging

import pytest
from typer.testing import CliRunner

from segcli.cli.main import main
from segcli.settings import VALUES, unknown_values


@pytest.mark.parametrize("name", VALUES)
def test_a_misspelt_value_is_told_with_those_that_are_known(name: str) -> None:
    for known in ("", *VALUES[name]):
        assert not list(unknown_values({name: known}))
    wrong = VALUES[name][-1].title() + "ly"
    (said,) = unknown_values({name: wrong, "SEGCLI_CACHE": "anywhere"})
    assert said.startswith(f"{name}={wrong} ")
    assert all(f"{name}={known}" in said for known in VALUES[name])


def test_a_command_warns_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("SEGCLI_CONVOLUTIONS", "Paddle")
    monkeypatch.setenv("SEGCLI_ALLOCATOR", "off")

    with caplog.at_level(logging.WARNING, "segcli"):
        CliRunner().invoke(main, ["check", "nowhere"])

    said = [line.getMessage() for line in caplog.records if "has no effect" in line.getMessage()]
    assert said == [
        "SEGCLI_ALLOCATOR=off has no effect: known is SEGCLI_ALLOCATOR=system",
        "SEGCLI_CONVOLUTIONS=Paddle has no effect: known is SEGCLI_CONVOLUTIONS=paddle",
    ]
