"""The table of tasks names parts that exist."""

from __future__ import annotations

import pytest

from segcli.data.formats.table import FORMATS
from segcli.models.task import Task
from segcli.steps.split.command import LAYOUTS
from segcli.tasks import TASKS, step_part


@pytest.mark.parametrize("step", ["check", "evaluate", "export", "predict"])
@pytest.mark.parametrize("task", TASKS)
def test_every_step_has_a_part_of_every_task(task: Task, step: str) -> None:
    assert callable(step_part(step, task))


@pytest.mark.parametrize("task", TASKS)
def test_every_layout_is_a_format_and_can_be_split(task: Task) -> None:
    assert TASKS[task].layout in FORMATS
    assert TASKS[task].layout in LAYOUTS
