"""Settings that make the imports of libraries cheaper."""

from __future__ import annotations

import os

import pytest

from segcli.libraries import start_lean

_THREADS, _PLUGINS = "OPENBLAS_THREAD_TIMEOUT", "PYDANTIC_DISABLE_PLUGINS"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_THREADS, "4")
    monkeypatch.setenv(_PLUGINS, "")
    start_lean()
    assert (os.environ[_THREADS], os.environ[_PLUGINS]) == ("4", "")


def test_what_is_not_set_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (_THREADS, _PLUGINS):
        monkeypatch.setenv(name, "")  # so that it is taken back afterwards
        monkeypatch.delenv(name)
    start_lean()
    assert (os.environ[_THREADS], os.environ[_PLUGINS]) == ("20", "__all__")
