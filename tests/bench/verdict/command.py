"""Does "better" hold? ``python -m tests.bench verdict``: two recipes, many seeds, and every verdict of `compare`.

One recipe trains half as long as the other. Each pair of single trainings is compared as `segcli compare` does; what
is true is the mean over all seeds of both recipes. A verdict on two trainings is about these two; so verdicts between
two trainings of one recipe are counted too: they say how often the seed alone decides. Last, some seeds of both are
compared as `segcli compare A1,A2,A3 B1,B2,B3` does. Without ``--dataset`` the images are drawn: noisy shapes.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.metrics.comparison import Contender, Run, differences
from tests.bench.verdict.trainings import KINDS, Kind, draw_dataset, shrunk_dataset, trained

SEEDS_TOGETHER = 5


def main(arguments: Sequence[str]) -> int:
    """Trains, compares and prints; 1 where a verdict on the recipes by several seeds is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench verdict", description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), default="labels", help="what is learnt (labels)")
    parser.add_argument("--dataset", type=Path, help="images with masks, or of objects with COCO annotations")
    parser.add_argument("--side", type=int, default=64, help="size of the network's input in pixels (64)")
    parser.add_argument("--train", type=int, default=12, help="images to learn from, of objects per epoch (12)")
    parser.add_argument("--seeds", type=int, default=10, help="trainings per recipe (10)")
    parser.add_argument(
        "--lengths", type=int, nargs=2, default=(60, 120), help="iterations, of objects epochs (60 120)"
    )
    options = parser.parse_args(arguments)
    begin, kind = time.process_time(), KINDS[options.kind]
    with tempfile.TemporaryDirectory(prefix="segcli-verdict-") as folder:
        data = _data(options, Path(folder) / "data")
        kind = replace(kind, values={**kind.values, **kind.sized(options.side, options.train)})
        runs = [[trained(kind, data, seed, length) for seed in range(options.seeds)] for length in options.lengths]
    lines, wrong = judged(runs, kind)
    print("\n".join([*lines, f"{time.process_time() - begin:.0f} CPU-s"]))  # noqa: T201
    return 1 if wrong else 0


def _data(options: argparse.Namespace, folder: Path) -> Path:
    if options.kind == "objects":
        if options.dataset is None:
            raise SystemExit("--kind objects needs --dataset")
        return Path(options.dataset)
    if options.dataset is None:
        return draw_dataset(folder, options.train, 60)
    return shrunk_dataset(options.dataset, folder, options.side, options.train)


def verdict(kind: Kind, first: Sequence[Run], other: Sequence[Run]) -> str:
    """What `compare` says of the other one."""
    return differences(Contender("first", tuple(first)), Contender("other", tuple(other)))[kind.score].verdict


def judged(runs: Sequence[Sequence[Run]], kind: Kind) -> tuple[list[str], bool]:
    """The lines of the report, and whether a verdict by several seeds is wrong."""
    scores = [np.array([run.all[kind.score] for run in one], np.float64) for one in runs]
    lines = [
        f"recipe {n}: {kind.score} {s.mean():.4f} ± {s.std(ddof=1):.4f} over {len(s)} seeds"
        for n, s in enumerate(scores)
    ]
    true = "better" if scores[1].mean() > scores[0].mean() else "worse"
    gap, error = scores[1].mean() - scores[0].mean(), np.sqrt(sum(s.var(ddof=1) / len(s) for s in scores))
    lines.append(f"recipe 1 is {true}: the means differ by {gap:+.4f} ± {1.96 * error:.4f} (95 %)")
    words = [[verdict(kind, [a], [b]) for b in runs[1]] for a in runs[0]]
    single = Counter(itertools.chain.from_iterable(words))
    lines.append(_line("recipe 1 against recipe 0, one training each", single, true))
    lines.append(f"a verdict holds for two other trainings of the same recipes in {_held(words, scores):.0%}")
    within = Counter(verdict(kind, [a], [b]) for one in runs for a, b in itertools.combinations(one, 2))
    lines.append(_line("two trainings of one recipe", within, None))
    together = min(SEEDS_TOGETHER, len(runs[0]) // 2)
    rng = np.random.default_rng(0)
    several: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for _ in range(50):
        orders = [rng.permutation(len(one)) for one in runs]
        picked = [[one[i] for i in order[:together]] for one, order in zip(runs, orders, strict=True)]
        several[verdict(kind, *picked)] += 1
        halves = runs[0], orders[0]
        same[
            verdict(kind, *([halves[0][i] for i in part] for part in np.array_split(halves[1][: 2 * together], 2)))
        ] += 1
    lines.append(_line(f"recipe 1 against recipe 0, {together} trainings each", several, true))
    lines.append(_line(f"recipe 0 against itself, {together} trainings each", same, None))
    opposite = {"better": "worse", "worse": "better"}[true]
    return lines, several[opposite] > several.total() // 20


def _held(words: Sequence[Sequence[str]], scores: Sequence[NDArray[np.float64]]) -> float:
    """How often "better" or "worse" of two trainings is also the order of two others; NaN without such a verdict."""
    above = np.sign(scores[1][None, :] - scores[0][:, None])
    said = np.array([[{"better": 1, "worse": -1}.get(word, 0) for word in row] for row in words])
    agree = [
        np.delete(np.delete(above, i, axis=0), j, axis=1) == said[i, j] for i, j in zip(*np.nonzero(said), strict=True)
    ]
    return float(np.mean(agree)) if agree else float("nan")


def _line(name: str, found: Counter[str], true: str | None) -> str:
    told = ", ".join(f"{word} {count}" for word, count in sorted(found.items()))
    decided = found["better"] + found["worse"]
    if true is None:
        return f"{name}: {told}; a difference in {decided / found.total():.0%}, where the recipes are the same"
    return f"{name}: {told}; right in {found[true] / max(decided, 1):.0%} of {decided} decided, {found.total()} in all"
