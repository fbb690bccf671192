"""The table of tasks names parts that exist."""

from __future__ import annotations

import pytest

from segcli.tasks import TASKS, Task, load_part


@pytest.mark.parametrize("part", ["checker", "converter", "splitter"])
@pytest.mark.parametrize("task", TASKS)
def test_parts_that_need_no_paddle(task: Task, part: str) -> None:
    assert callable(load_part(getattr(TASKS[task], part)))
