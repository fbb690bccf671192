"""What the tests of a training may use."""

from __future__ import annotations

import pytest

from tests.steps.train.line_run import LineRuns


@pytest.fixture
def line_run(monkeypatch: pytest.MonkeyPatch) -> LineRuns:
    return LineRuns(monkeypatch)
