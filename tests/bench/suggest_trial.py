"""Does `segcli suggest` choose better than chance? A third of the labels, half of them chosen, several seeds.

``python -m tests.bench.suggest_trial SRC OUT [--seeds 5] [--iterations 150]``: per seed a model is trained on a random
sixth of the training images; then as many more are added, once those that `suggest` puts first and once random ones,
and training goes on from the weights for as long. Both are measured on the validation split
and a quarter of the training split, which neither may take.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HELD_OUT = 0.25
LISTS = ("train.txt", "val.txt")


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.suggest_trial", description=__doc__)
    parser.add_argument("source", type=Path, help="a labelled dataset of any format")
    parser.add_argument("output", type=Path, help="folder for everything; what is there is not trained again")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=150)
    called = parser.parse_args(words)
    whole = called.output / "whole"
    if not whole.exists():
        _segcli("convert", str(called.source), str(whole), "--to", "masks", "--output", str(called.output / "convert"))
    rows = [_trial(whole, called.output / f"seed_{seed}", seed, called.iterations) for seed in range(called.seeds)]
    print(_table(rows))  # noqa: T201
    return 0


def _trial(whole: Path, folder: Path, seed: int, iterations: int) -> dict[str, float]:
    """mIoU of the start, of the ranked and of the random choice."""
    lines = (whole / LISTS[0]).read_text().splitlines()
    random.Random(seed).shuffle(lines)
    held, pool = lines[: int(HELD_OUT * len(lines))], lines[int(HELD_OUT * len(lines)) :]
    sixth = max(2, round(len(lines) / 6))
    first, rest = pool[:sixth], pool[sixth:]
    held += (whole / LISTS[1]).read_text().splitlines()
    start = _train(_dataset(whole, folder / "first", first, held), seed, iterations, None)
    ranked = _ranked(whole, folder, rest)[:sixth]
    weights = start / "best_model" / "model.pdparams"
    scores = {"first": _score(start)}
    for name, added in (("ranked", ranked), ("random", rest[:sixth])):
        data = _dataset(whole, folder / name, first + added, held)
        scores[name] = _score(_train(data, seed, iterations, weights))
    return scores


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


def _train(data: Path, seed: int, iterations: int, weights: Path | None) -> Path:
    output = data.parent / "output"
    if not (output / "train_result.json").is_file():
        goes_on = [] if weights is None else ["--weights", str(weights)]
        settings = [f"Global.seed={seed}", f"Train.epochs_iters={iterations}", "Train.eval_interval=1000000"]
        overrides = [word for setting in settings for word in ("-o", setting)]
        _segcli("train", str(data), "--output", str(output), "--device", "cpu", *overrides, *goes_on)
    return output


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
    _segcli("suggest", str(unlabelled), "--model-dir", str(model), "--output", str(output), "--count", "1")
    values = json.loads((output / "suggest_result.json").read_text())
    return [by_name[Path(one["input_path"]).name] for one in values["ranked"]]


def _segcli(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "segcli", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"segcli {' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def _table(rows: Sequence[dict[str, float]]) -> str:
    lines = ["| seed | a sixth | + ranked | + random | difference |", "| --- | --- | --- | --- | --- |"]
    differences = [row["ranked"] - row["random"] for row in rows]
    for seed, (row, difference) in enumerate(zip(rows, differences, strict=True)):
        lines.append(f"| {seed} | {row['first']:.4f} | {row['ranked']:.4f} | {row['random']:.4f} | {difference:+.4f} |")
    better = sum(difference > 0 for difference in differences)
    lines.append(f"\nmean difference {statistics.mean(differences):+.4f}, better in {better} of {len(rows)} seeds")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
