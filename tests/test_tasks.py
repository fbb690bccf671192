"""The table of tasks names parts that exist."""

from __future__ import annotations

import pytest

from segcli.models.task import Task
from segcli.tasks import TASKS, layout_part, step_part


@pytest.mark.parametrize("step", ["check", "evaluate", "export", "predict"])
@pytest.mark.parametrize("task", TASKS)
def test_every_step_has_a_part_of_every_task(task: Task, step: str) -> None:
    assert callable(step_part(step, task))


@pytest.mark.parametrize("step", ["convert", "split"])
@pytest.mark.parametrize("task", TASKS)
def test_every_layout_can_be_converted_to_and_split(task: Task, step: str) -> None:
    assert callable(layout_part(step, task))
