"""Does `segcli suggest` choose better than chance? A third of the labels, half of them chosen, several seeds.

``python -m tests.bench.suggest_trial SRC OUT [--seeds 5] [--iterations 100] [--more 70]``: per seed a model is trained
on a random sixth of the training images; then as many more are added, once those that `suggest` puts first and once
random ones, and training goes on from the weights. Both are measured on the validation split and a quarter of the
training split, which neither may take. A trial that was stopped goes on; ``--table`` prints what there is.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import segcli
from segcli.config.schema import PredictConfig
from segcli.steps.suggest.command import suggest

Settings = dict[str, Any]
HELD_OUT = 0.25
LISTS = ("train.txt", "val.txt")
COLUMNS = ("first", "ranked", "random")
"""Folders of the trainings of a seed, in the order of the table."""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.suggest_trial", description=__doc__)
    parser.add_argument("source", type=Path, help="a labelled dataset of any format")
    parser.add_argument("output", type=Path, help="folder for everything; what is there is not trained again")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=100, help="of the model that chooses")
    parser.add_argument("--more", type=int, default=70, help="of each training that goes on from its weights")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="of the input; else as planned")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, train nothing")
    called = parser.parse_args(words)
    folders = [called.output / f"seed_{seed}" for seed in range(called.seeds)]
    if not called.table:
        _run(called, folders)
    print(_table([_scores(folder) for folder in folders]))  # noqa: T201
    return 0


def _run(called: argparse.Namespace, folders: Sequence[Path]) -> None:
    whole = called.output / "whole"
    if not whole.exists():
        segcli.convert(called.source, whole, "masks")
    for seed, folder in enumerate(folders):
        settings: Settings = {"Global.seed": seed, "Train.eval_interval": 1_000_000}
        if called.size is not None:
            # with both the plan has nothing to measure
            width, height = called.size
            settings |= {"Train.input_shape": [1, 3, height, width], "Train.batch_size": 4}
        _trial(whole, folder, seed, called, settings)


def _trial(whole: Path, folder: Path, seed: int, called: argparse.Namespace, settings: Settings) -> None:
    """Trains on a sixth of the images, then on a third of them, ranked and random."""
    lines = (whole / LISTS[0]).read_text().splitlines()
    random.Random(seed).shuffle(lines)
    held, pool = lines[: int(HELD_OUT * len(lines))], lines[int(HELD_OUT * len(lines)) :]
    sixth = max(2, round(len(lines) / 6))
    first, rest = pool[:sixth], pool[sixth:]
    held += (whole / LISTS[1]).read_text().splitlines()
    start = folder / "first" / "output"
    _train(_dataset(whole, folder / "first", first, held), start, called.iterations, settings)
    weights = start / "best_model" / "model.pdparams"
    for name, added in (("ranked", _ranked(whole, folder, rest)[:sixth]), ("random", rest[:sixth])):
        data = _dataset(whole, folder / name, first + added, held)
        more = {**settings, "Train.export_best": False}
        _train(data, folder / name / "output", called.more, more, weights)


def _scores(folder: Path) -> dict[str, float]:
    """mIoU of the start, of the ranked and of the random choice, as far as they are trained."""
    outputs = {name: folder / name / "output" for name in COLUMNS}
    return {name: _score(output) for name, output in outputs.items() if _is_trained(output)}


def _dataset(whole: Path, folder: Path, train: Sequence[str], val: Sequence[str]) -> Path:
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for part in ("images", "annotations"):
        if not (data / part).exists():
            shutil.copytree(whole / part, data / part)
    for name, lines in zip(LISTS, (train, val), strict=True):
        (data / name).write_text("".join(f"{line}\n" for line in lines))
    for labels in whole.glob("*.txt"):
        if labels.name not in LISTS:
            shutil.copy(labels, data / labels.name)
    return data


def _train(data: Path, output: Path, iterations: int, settings: Settings, weights: Path | None = None) -> None:
    if _is_trained(output):
        return
    shutil.rmtree(output, ignore_errors=True)  # of a training that was stopped
    segcli.train(data, output=output, device="cpu", epochs_iters=iterations, weights=weights, overrides=settings)


def _is_trained(output: Path) -> bool:
    result = output / "train_result.json"
    return result.is_file() and bool(json.loads(result.read_text())["done_flag"])


def _score(output: Path) -> float:
    return float(json.loads((output / "train_result.json").read_text())["models"]["best"]["score"])


def _ranked(whole: Path, folder: Path, rest: Sequence[str]) -> list[str]:
    """The lines of the images without labels, the one to label first at the head."""
    unlabelled = folder / "unlabelled"
    by_name = {Path(line.split()[0]).name: line for line in rest}
    unlabelled.mkdir(exist_ok=True)
    for line in rest:
        shutil.copy(whole / line.split()[0], unlabelled)
    output = folder / "suggest"
    model = folder / "first" / "output" / "best_model"
    found = suggest(str(unlabelled), model, output, count=1, settings=PredictConfig(runtime="paddle"), device="cpu")
    return [by_name[Path(str(one.input_path)).name] for one in found.ranked]


def _table(rows: Sequence[dict[str, float]]) -> str:
    lines = ["| seed | a sixth | a third, ranked | a third, random | difference |", "| --- | --- | --- | --- | --- |"]
    whole = [(seed, row) for seed, row in enumerate(rows) if len(row) == len(COLUMNS)]
    for seed, row in whole:
        cells = [f"{row[name]:.4f}" for name in COLUMNS]
        lines.append(f"| {seed} | {' | '.join(cells)} | {row['ranked'] - row['random']:+.4f} |")
    if not whole:
        return "no seed is finished"
    means = [statistics.mean(row[name] for _, row in whole) for name in COLUMNS]
    cells = [f"{mean:.4f}" for mean in means]
    lines.append(f"| mean | {' | '.join(cells)} | {means[1] - means[2]:+.4f} |")
    better = sum(row["ranked"] > row["random"] for _, row in whole)
    return "\n".join([*lines, f"\nThe ranked choice is better in {better} of {len(whole)} seeds."])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
