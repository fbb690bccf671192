"""Does "better" hold? ``python -m tests.bench verdict``: two recipes, many seeds, and every verdict of `compare`.

Small networks learn noisy drawn shapes, one recipe half as long as the other. Each pair of single trainings is compared
as `segcli compare` does; what is true is the mean over all seeds of both recipes. A verdict on two trainings is about
these two; so verdicts between two trainings of one recipe are counted too: they say how often the seed alone
decides. Last, some seeds of both are compared as `segcli compare A1,A2,A3 B1,B2,B3` does.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from segcli.config.load import from_values
from segcli.config.recipe import with_recipe
from segcli.data.formats.masks import open_seg_dataset
from segcli.engines.paddleseg.session import network_forward
from segcli.metrics.comparison import Contender, Run, differences
from segcli.metrics.semantic_measure import measure
from segcli.metrics.semantic_report import semantic_replicates
from segcli.models.table import get_spec
from segcli.tasks import engine_of

MODEL = "UNet-S"
SIDE = 32
REPLICATES = 1000
SEEDS_TOGETHER = 5


def main(arguments: Sequence[str]) -> int:
    """Trains, compares and prints; 1 where a verdict on the recipes by several seeds is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench verdict", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="trainings per recipe (10)")
    parser.add_argument("--iterations", type=int, nargs=2, default=(60, 120), help="of both recipes (60 120)")
    parser.add_argument("--images", type=int, default=60, help="images on which is measured (60)")
    options = parser.parse_args(arguments)
    begin = time.process_time()
    with tempfile.TemporaryDirectory(prefix="segcli-verdict-") as folder:
        data = draw_dataset(Path(folder) / "data", 12, options.images)
        runs = [[trained(data, seed, count) for seed in range(options.seeds)] for count in options.iterations]
    lines, wrong = judged(runs)
    print("\n".join([*lines, f"{time.process_time() - begin:.0f} CPU-s"]))  # noqa: T201
    return 1 if wrong else 0


def draw_dataset(root: Path, train: int, val: int) -> Path:
    """Discs and squares of nearly the background's grey under noise."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for split, count in (("train", train), ("val", val)):
        lines = []
        for number in range(count):
            mask, name = np.zeros((SIDE, SIDE), np.uint8), f"{split}_{number}.png"
            x, y, u, v = (int(value) for value in rng.integers(6, SIDE - 6, 4))
            cv2.circle(mask, (x, y), int(rng.integers(3, 8)), 1, -1)
            cv2.rectangle(mask, (u - 4, v - 4), (u + 4, v + 4), 2, -1)
            grey = np.array([110, 128, 146])[mask] + rng.normal(0, rng.uniform(10, 40), mask.shape)
            image = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
            cv2.imwrite(str(root / "images" / name), image)
            cv2.imwrite(str(root / "annotations" / name), mask)
            lines.append(f"images/{name} annotations/{name}\n")
        (root / f"{split}.txt").write_text("".join(lines))
    (root / "class_name_to_id.txt").write_text("0: ground\n1: disc\n2: square\n")
    return root


def trained(data: Path, seed: int, iterations: int) -> Run:
    """Trains one network and measures it, as a run of a comparison."""
    import paddle

    paddle.seed(seed)
    transforms = [{"type": "RandomHorizontalFlip"}, {"type": "Normalize"}]
    values = {"Train.plan": "off", "Train.epochs_iters": iterations, "Train.batch_size": 4, "Train.learning_rate": 0.02}
    about = {"Global.model": MODEL, "Global.dataset_dir": str(data), "Global.seed": seed, "Global.device": "cpu"}
    config = with_recipe(from_values({**about, **values, "Train.transforms": transforms}).config)
    spec = get_spec(MODEL)
    session = engine_of(spec.task).open_training(spec, config)
    for batch in session.batches(0):
        session.losses(batch)["loss"].backward()
        session.optimizer.step()
        session.optimizer.clear_grad()
        if hasattr(session.optimizer._learning_rate, "step"):
            session.optimizer._learning_rate.step()
    network = session.network
    network.eval()
    dataset = open_seg_dataset(data)
    report = measure(network_forward(network), dataset.val, dataset.classes, session.preprocess)
    replicates = semantic_replicates(report.counts, "exclude", REPLICATES)
    return Run(f"{iterations} iterations, seed {seed}", report.totals(), report.per_class(), replicates)


def verdict(first: Iterable[Run], other: Iterable[Run]) -> str:
    """What `compare` says of the other one's mIoU."""
    return differences(Contender("first", tuple(first)), Contender("other", tuple(other)))["mIoU"].verdict


def judged(runs: Sequence[Sequence[Run]]) -> tuple[list[str], bool]:
    """The lines of the report, and whether a verdict by several seeds is wrong."""
    scores = [np.array([run.all["mIoU"] for run in one], np.float64) for one in runs]
    lines = [f"recipe {n}: mIoU {s.mean():.4f} ± {s.std(ddof=1):.4f} over {len(s)} seeds" for n, s in enumerate(scores)]
    true = "better" if scores[1].mean() > scores[0].mean() else "worse"
    single = Counter(verdict([a], [b]) for a in runs[0] for b in runs[1])
    lines.append(_line("recipe 1 against recipe 0, one training each", single, true))
    within = Counter(verdict([a], [b]) for one in runs for a, b in itertools.combinations(one, 2))
    lines.append(_line("two trainings of one recipe", within, None))
    together = min(SEEDS_TOGETHER, len(runs[0]) // 2)
    rng = np.random.default_rng(0)
    several: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for _ in range(50):
        orders = [rng.permutation(len(one)) for one in runs]
        picked = [[one[i] for i in order[:together]] for one, order in zip(runs, orders, strict=True)]
        several[verdict(*picked)] += 1
        halves = runs[0], orders[0]
        same[verdict(*([halves[0][i] for i in part] for part in np.array_split(halves[1][: 2 * together], 2)))] += 1
    lines.append(_line(f"recipe 1 against recipe 0, {together} trainings each", several, true))
    lines.append(_line(f"recipe 0 against itself, {together} trainings each", same, None))
    opposite = {"better": "worse", "worse": "better"}[true]
    return lines, several[opposite] > several.total() // 20


def _line(name: str, found: Counter[str], true: str | None) -> str:
    told = ", ".join(f"{word} {count}" for word, count in sorted(found.items()))
    decided = found["better"] + found["worse"]
    if true is None:
        return f"{name}: {told}; a difference in {decided / found.total():.0%}, where the recipes are the same"
    return f"{name}: {told}; right in {found[true] / max(decided, 1):.0%} of {decided} decided, {found.total()} in all"
