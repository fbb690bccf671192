"""What tiles cost a model: ``scripts/bench tiles`` trains small and measures with `Evaluate.tile_loss`.

Scenes are drawn, each model is trained on whole ones for a short time, and the validation images are predicted whole
and in overlapping tiles. The figures tell families of networks apart; they are not those of a long training.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segcli.config.load import from_values
from segcli.models.table import MODELS
from segcli.models.task import Task
from segcli.steps.convert.command import transfer_dataset
from segcli.steps.demo.command import make_demo
from segcli.steps.evaluate.command import evaluate
from segcli.steps.train.command import train
from tests.bench.runs import put_between

PAGE = Path(__file__).resolve().parents[2] / "docs" / "measured.md"
BEGIN, END = "<!-- scripts/bench tiles: table -->", "<!-- end of the tiles -->"
SIDE_PX, TILE_PX, STRIDE_PX = 192, 96, 64
USUAL = ("UNet-S", "SegFormer-B0", "PP-LiteSeg-T")
HEAD = (
    "| model | iterations, CPU-seconds | mIoU whole | in tiles | lost [95 %] | other labels |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


def main(arguments: Sequence[str]) -> int:
    """Trains, measures and prints the table."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="segcli-tiles-") as scratch:
        data = drawn(Path(scratch), options.images)
        rows = []
        for name in options.models:
            rows.append(row(name, data, Path(scratch) / name, options.iterations))
            print(rows[-1], flush=True)  # noqa: T201
    table = "\n".join([HEAD, *rows])
    if options.page:
        put_between(PAGE, BEGIN, END, f"{table}\n")
    print(table)  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    names = [name for name, spec in MODELS.items() if spec.task is Task.SEMANTIC]
    parser = argparse.ArgumentParser(prog="scripts/bench tiles", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=names, default=USUAL, metavar="NAME")
    parser.add_argument("--iterations", type=int, default=100, help="of each training, 4 images each (100)")
    parser.add_argument("--images", type=int, default=60, help="scenes, every fifth of which is measured (60)")
    parser.add_argument("--page", action="store_true", help="write the table into docs/measured.md")
    return parser


def drawn(folder: Path, images: int) -> Path:
    """The scenes of `segcli demo`, with masks."""
    make_demo(folder / "drawn", images=images, size=(SIDE_PX, SIDE_PX))
    transfer_dataset(folder / "drawn", folder / "data", "masks")
    return folder / "data"


def row(name: str, data: Path, output: Path, iterations: int) -> str:
    """Trains a model and measures it whole and in tiles: a line of the table."""
    shared = {"Global.model": name, "Global.dataset_dir": str(data), "Global.output": str(output), "Global.seed": 0}
    settings = {"plan": "off", "epochs_iters": iterations, "eval_interval": iterations, "batch_size": 4}
    chosen: dict[str, Any] = {f"Train.{key}": value for key, value in settings.items()}
    begin = time.process_time()
    train(from_values({**shared, "Global.mode": "train", "Train.export_best": False, **chosen}).config)
    spent = time.process_time() - begin
    window = {"crop_size": [TILE_PX, TILE_PX], "stride": [STRIDE_PX, STRIDE_PX]}
    measures = {"Evaluate.sliding_window": window, "Evaluate.tile_loss": True, "Evaluate.gallery": 0}
    done = evaluate(from_values({**shared, "Global.mode": "evaluate", **measures}).config).as_dict()
    found, interval = done["metrics"], done["interval"]["tile_loss"]
    lost = f"{found['tile_loss']:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
    about = f"| {name} | {iterations}, {spent:.0f} | {found['whole_IoU']:.3f} | {found['mIoU']:.3f} | {lost} |"
    return f"{about} {found['tile_disagreement']:.1%} |"
