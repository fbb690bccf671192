"""`scripts/bench learn`: trains, keeps what was measured and prints the table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.learn.results import OURS, REFERENCE, Learnt, Results, bar_of, shown_curve, table, verdict
from tests.bench.learn.runs import ROOT, SHARED, prepared, reference, trained
from tests.bench.learn.tasks import TASKS, Task


def main(arguments: Sequence[str]) -> int:
    """Trains what is not measured yet; 1 where a bar is missed."""
    options = _parser().parse_args(arguments)
    results = Results(options.results)
    if not options.table:
        for task in TASKS:
            if task.name in (options.data or [task.name]) and (SHARED / "data" / task.folder).is_dir():
                _measure(task, results, options)
    print(table(results))  # noqa: T201
    found = [verdict(task, one, bar_of(task, results, one.time)) for task in TASKS for one in _of(task, results)]
    return 1 if "missed" in found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench learn", description=__doc__)
    names = [task.name for task in TASKS]
    parser.add_argument("--data", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}; all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="0 1 2")
    parser.add_argument("--time", help="train for another time, such as 60s; its rows say nothing of the bars")
    parser.add_argument("--reference", action="store_true", help="also where the bar is a number")
    parser.add_argument("--stop-at-bar", action="store_true", help="end a training as soon as it reaches its bar")
    parser.add_argument("--again", action="store_true", help="measure again what the results hold already")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, train nothing")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "build" / "learn.json", help="where results are kept (build/learn.json)"
    )
    return parser


def _measure(task: Task, results: Results, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="segcli-learn-") as scratch:
        folder = Path(scratch)
        data: Path | None = None
        wanted = [(OURS, seed) for seed in options.seeds]
        if options.reference or task.bar is None:
            wanted.insert(0, (REFERENCE, 0))
        for who, seed in wanted:
            if results.find(task.name, who, seed, options.time) is not None and not options.again:
                continue
            data = data or prepared(task, folder)
            if who == REFERENCE:
                learnt = reference(task, data, folder, options.time)
            else:
                enough = bar_of(task, results, options.time) if options.stop_at_bar else None
                output = folder / f"output_{seed}"
                learnt = trained(task, data, output, seed=seed, limit=options.time, enough=enough)
            results.put(learnt)
            print(f"{who}, {task.name}, seed {seed}: {shown_curve(learnt)}", flush=True)  # noqa: T201


def _of(task: Task, results: Results) -> list[Learnt]:
    return [one for one in results if one.data == task.name]
