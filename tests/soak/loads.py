"""Commands on data that are large, or that would take quadratic time: ``scripts/soak loads [WORD ...]`` prints a table.

The time and memory are those of the process that is typed, with its start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset
from tests.labelme_folder import shape, write_labelme
from tests.onnx_models import semantic_guest

HEAD = "| what | CPU-seconds | memory | result file | exit code |\n| --- | ---: | ---: | ---: | ---: |"


@dataclass(frozen=True)
class Load:
    """A command on large data.

    Attributes:
        name: What is read.
        make: Writes it into a folder.
        words: The command on that folder, without `--output`.
    """

    name: str
    make: Callable[[Path], object]
    words: Callable[[Path], list[str]]


def _check(task: str) -> Callable[[Path], list[str]]:
    return lambda root: ["check", f"{root}/data", "--task", task]


def _long_list(root: Path) -> None:
    make_seg_dataset(root / "data", train=2000, val=2, size=32)
    path = root / "data/train.txt"
    path.write_text(path.read_text(encoding="utf-8") * 100, encoding="utf-8")


def _coco(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        folder = make_coco_folder(root / "data")
        change(folder.parts["train"])
        folder.write()

    return make


def _random_corners(content: dict[str, Any]) -> None:
    corners = np.random.default_rng(0).uniform(1, 40, 2 * 16_000)
    content["annotations"][0]["segmentation"] = [corners.round(2).tolist()]


def _equal_objects(content: dict[str, Any]) -> None:
    first = content["annotations"][0]
    last = len(content["annotations"])
    content["annotations"] += [{**first, "id": last + number} for number in range(1, 100_001)]


def _many_categories(root: Path) -> None:
    folder = make_coco_folder(root / "data", train=200)
    for content in folder.parts.values():
        content["categories"] = [{"id": number, "name": f"class {number}"} for number in range(1, 1204)]
        for number, annotation in enumerate(content["annotations"]):
            annotation["category_id"] = 1 + number % 1203
    folder.write()


def _far_circle(root: Path) -> None:
    circle = {**shape("cat", (20, 20), (9e6, 20)), "shape_type": "circle"}
    write_labelme(root / "data", "a", [circle], image="a.png", seed=0)
    write_labelme(root / "data", "b", [shape("cat", (4, 4), (20, 4), (20, 20))], image="b.png", seed=1)


def _large_image(root: Path) -> None:
    semantic_guest(root / "model")
    tile = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8).repeat(40, 0).repeat(40, 1)
    (root / "data").mkdir()
    Image.fromarray(tile).save(root / "data/a.png", compress_level=1)


LOADS = (
    Load("check of a list of 200,000 lines that names 2,000 images", _long_list, _check("semantic")),
    Load("check of a COCO polygon of 16,000 random corners", _coco(_random_corners), _check("instance")),
    Load("check of 100,000 equal COCO annotations of one image", _coco(_equal_objects), _check("instance")),
    Load("check of a COCO dataset with 1,203 categories, 202 images", _many_categories, _check("instance")),
    Load(
        "convert of a LabelMe circle with a radius of 9,000,000 px",
        _far_circle,
        lambda root: ["convert", f"{root}/data", f"{root}/new", "--to", "masks"],
    ),
    Load(
        "predict of a PNG of 12,000 x 12,000 px",
        _large_image,
        lambda root: ["predict", f"{root}/data/a.png", "--model-dir", f"{root}/model/guest", "--device", "cpu"],
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Runs the loads whose names hold one of the words and prints the table; 1 when one ended with a traceback."""
    parser = argparse.ArgumentParser(prog="scripts/soak loads", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only loads with one of these in their names")
    words = parser.parse_args(arguments).words
    print(HEAD, flush=True)  # noqa: T201
    good = True
    for load in LOADS:
        if not words or any(word in load.name for word in words):
            with tempfile.TemporaryDirectory(prefix="segcli-loads-") as scratch:
                line, ended = run(load, Path(scratch))
                good = good and ended
                print(line, flush=True)  # noqa: T201
    return 0 if good else 1


def run(load: Load, scratch: Path) -> tuple[str, bool]:
    """A line of the table, and whether the command ended with a result or a message."""
    load.make(scratch)
    output = scratch / "out"
    command = [sys.executable, "-m", "segcli", *load.words(scratch), "--output", str(output)]
    with (scratch / "said").open("w+b") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    code = process.returncode = os.waitstatus_to_exitcode(status)
    results = [path.stat().st_size for path in output.glob("*_result.json")]
    figures = (
        f"{used.ru_utime + used.ru_stime:.1f}",
        f"{used.ru_maxrss >> 10:,} MB",
        f"{-(-sum(results) // 1024):,} KB" if results else "none",
        str(code),
    )
    return (
        f"| {load.name} | {' | '.join(figures)} |",
        code >= 0 and "unexpected" not in text and "Traceback" not in text,
    )
