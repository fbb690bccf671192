"""The measured trainings, kept in a JSON file so that a table can be put together from several calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.learn.tasks import CPU_SECONDS, TASKS, Task

OURS, REFERENCE = "segcli", "U-Net"


@dataclass(frozen=True)
class Learnt:
    """What one training gave, and what it took.

    Attributes:
        data: Name of the task.
        seed: Of the training.
        who: `OURS` or `REFERENCE`.
        time: What `--time` said; None for the plan's own 600 CPU-seconds.
        model: That was trained.
        score: Best on the validation split (ours), or at the end (reference).
        steps: Iterations done.
        cpu_seconds: Of the whole process.
        memory_mb: Peak.
        curve: CPU-seconds and the score after them; steps share the CPU-seconds evenly.
        stopped: Why the training ended before its time; None where it did not.
        commit: Of the code.
    """

    data: str
    seed: int
    who: str
    time: str | None
    model: str
    score: float
    steps: int
    cpu_seconds: float
    memory_mb: float
    curve: tuple[tuple[float, float], ...]
    stopped: str | None = None
    commit: str = ""

    @property
    def key(self) -> tuple[str, str, int, str | None]:
        """What is measured once."""
        return self.data, self.who, self.seed, self.time


class Results:
    """The file.

    Args:
        path: JSON; made with the first result.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str, int, str | None], Learnt] = {}
        if path.is_file():
            for row in json.loads(path.read_text(encoding="utf-8")):
                self._remember(_learnt(row))

    def __iter__(self) -> Iterator[Learnt]:
        return iter(self._known.values())

    def find(self, data: str, who: str, seed: int, time: str | None) -> Learnt | None:
        """What was measured already."""
        return self._known.get((data, who, seed, time))

    def put(self, learnt: Learnt) -> None:
        """Keeps a result; an earlier one of the same training goes."""
        self._remember(learnt)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.write_text(json.dumps([asdict(one) for one in self._known.values()], indent=1), encoding="utf-8")
        beside.replace(self._path)

    def _remember(self, learnt: Learnt) -> None:
        self._known[learnt.key] = learnt


def _learnt(row: dict[str, Any]) -> Learnt:
    return Learnt(**{**row, "curve": tuple((seconds, score) for seconds, score in row["curve"])})


def bar_of(task: Task, results: Results, time: str | None) -> float | None:
    """What the trainings of a task must reach: its bar, or what the reference reached in the same time."""
    if task.bar is not None:
        return task.bar
    reference = results.find(task.name, REFERENCE, 0, time)
    return None if reference is None else reference.score


def verdict(task: Task, learnt: Learnt, bar: float | None) -> str:
    """``met``, ``missed``, or why that is not known."""
    if learnt.who != OURS:
        return ""
    if learnt.time is not None:
        return "another time"
    if bar is None:
        return "no reference"
    reached = learnt.score >= bar if task.bar is not None else learnt.score > bar
    return "met" if reached and learnt.cpu_seconds <= CPU_SECONDS else "missed"


def table(results: Results) -> str:
    """All results as Markdown: a row per training, then the curves of those that missed their bar."""
    lines = [
        "| data | seed | model | reaches | bar | iterations | CPU-seconds | peak MB | bar is |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    curves = []
    for task in TASKS:
        for one in sorted((row for row in results if row.data == task.name), key=lambda row: (row.who, row.seed)):
            bar = bar_of(task, results, one.time)
            is_met = verdict(task, one, bar)
            how = one.model if one.stopped is None else f"{one.model}, {one.stopped}"
            wanted = "" if one.who != OURS or bar is None else f"{bar:.3f}"
            lines.append(
                f"| {task.name} | {one.seed} | {how} | {task.score_name} {one.score:.3f} | {wanted} | {one.steps} | "
                f"{one.cpu_seconds:.0f} | {one.memory_mb:.0f} | {is_met} |"
            )
            if is_met == "missed":
                curves.append(f"{task.name}, seed {one.seed}: {shown_curve(one)}")
    return "\n".join([*lines, *(["", *curves] if curves else [])])


def shown_curve(learnt: Learnt) -> str:
    """``82 s 0.450, 164 s 0.489``."""
    return ", ".join(f"{seconds:.0f} s {score:.3f}" for seconds, score in learnt.curve)
