"""Commands that write into a folder of results, killed at events of their files and then given again.

The command is the one that a person types. However it dies, what it was given stays as it was, every file that has its
name is whole, and the same command ends as if nothing had happened, with nothing left over.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import yaml

from segcli.cli.main import main
from segcli.data.image import read_image
from segcli.data.temporary import MARK
from segcli.steps.convert.command import transfer_dataset
from segcli.weights.files import read_weights
from tests.coco_folder import make_coco_folder
from tests.death import events_of, kill, moments
from tests.files import snapshot
from tests.images import make_seg_dataset
from tests.labelme_folder import box, write_labelme
from tests.onnx_models import semantic_guest
from tests.weights.torch_fixtures import plain, write_zip

NAMES = ("_background_", "red", "blue")
Words = Callable[[Path], list[str]]
Snapshot = dict[str, bytes | None]
_IMPORTED_ONCE = frozenset({"segcli", "paddle", "paddleseg", "onnxruntime", "onnx", "matplotlib"})


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        words: The command as it is typed, for a folder.
        make: Writes into the folder what the command reads.
        most: Kills at most, spread over all events; a command that takes seconds is not killed at each.
        refuses: Whether it refuses to write where something is already.
        adds: Whether it goes on from the results that are there, so that others are made.
    """

    words: Words
    make: Callable[[Path], object]
    most: int = 1000
    refuses: bool = False
    adds: bool = False


def _dataset(root: Path) -> None:
    make_seg_dataset(root / "data", train=3, val=2, size=32)


def _guest(root: Path) -> None:
    _dataset(root)
    semantic_guest(root / "model", classes=list(NAMES))


def _trained(root: Path) -> None:
    from tests.trained_model import save_weights

    _dataset(root)
    save_weights(root / "run" / "best_model", model=TRAINED, names=NAMES)


def _labelme(root: Path) -> None:
    for seed, name in enumerate("abc"):
        write_labelme(root / "data", name, [box("cat", 4, 4, 20, 20)], image=f"{name}.png", seed=seed)


def _other(name: str) -> Callable[[Path], object]:
    return lambda root: transfer_dataset(make_coco_folder(root / "coco").root, root / "data", name)


def _torch_weights(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    write_zip(root / "a.pth", {"a": plain(np.arange(12, dtype=np.float32).reshape(3, 4))})


def _predict(*more: str) -> Words:
    return lambda root: [
        "predict", f"{root}/data/images", "--model-dir", f"{root}/model/guest", "--runtime", "onnxruntime",
        "--output", f"{root}/out", "--device", "cpu", *more]  # fmt: skip


def _convert(name: str) -> Words:
    return lambda root: ["convert", f"{root}/data", f"{root}/out", "--to", name, "--allow-lossy"]


TRAINED = "UNet-S"
_ALL_OUTPUTS = "label,coco,labelme,yolo,geojson,confidence,entropy,overlay"
WRITERS: dict[str, Writer] = {
    "demo": Writer(lambda root: ["demo", f"{root}/demo", "--images", "5"], lambda root: root.mkdir(), refuses=True),
    "init": Writer(
        lambda root: ["init", f"{root}/data", "--to", f"{root}/a.yaml", "--device", "cpu"], _dataset, refuses=True
    ),
    "check": Writer(lambda root: ["check", f"{root}/data", "--output", f"{root}/out"], _dataset, most=20),
    "convert masks to coco": Writer(_convert("coco"), _dataset, refuses=True),
    "convert masks to labelme": Writer(_convert("labelme"), _dataset, refuses=True),
    "convert coco to yolo": Writer(_convert("yolo"), _other("coco"), refuses=True),
    "convert coco to voc": Writer(_convert("voc"), _other("coco"), refuses=True),
    "convert yolo to masks": Writer(_convert("masks"), _other("yolo"), refuses=True),
    "convert voc to coco": Writer(_convert("coco"), _other("voc"), refuses=True),
    "convert labelme to yolo": Writer(_convert("yolo"), _labelme, refuses=True),
    "predict": Writer(_predict("--write", _ALL_OUTPUTS), _guest, most=30),
    "evaluate": Writer(
        lambda root: ["evaluate", f"{root}/data", "--weights", f"{root}/model/guest", "--output", f"{root}/out"],
        _guest,
        most=12,
    ),
    "batch": Writer(
        lambda root: ["batch", f"{root}/data/images", "--model-dir", f"{root}/model/guest", "--out", f"{root}/out",
                      "--runtime", "onnxruntime", "--shard-size", "2", "--lease", "1"],
        _guest,
        most=30,
    ),
    "compare": Writer(
        lambda root: ["compare", f"{root}/model/guest", f"{root}/model/guest", "--dataset", f"{root}/data",
                      "--output", f"{root}/out"],
        _guest,
        most=12,
    ),
    "suggest": Writer(
        lambda root: ["suggest", f"{root}/data/images", "--model-dir", f"{root}/model/guest", "--output", f"{root}/out",
                      "--device", "cpu"],
        _guest,
        most=12,
        adds=True,
    ),
    "pipeline": Writer(
        lambda root: ["pipeline", "semantic_segmentation", "--input", f"{root}/data/images", "--model_dir",
                      f"{root}/model/guest", "--save_path", f"{root}/out"],
        _guest,
        most=12,
    ),
    "models import": Writer(
        lambda root: ["models", "import", f"{root}/model/m.onnx", "--card", f"{root}/model/card.yaml",
                      "--out", f"{root}/out"],
        _guest,
        most=12,
    ),
    "models pack": Writer(
        lambda root: ["models", "pack", f"{root}/model/guest", "--out", f"{root}/out"], _guest, most=12
    ),
    "models quantize": Writer(
        lambda root: ["models", "quantize", f"{root}/model/guest", "--dataset", f"{root}/data", "--out", f"{root}/out"],
        _guest,
        most=12,
    ),
    "weights convert": Writer(
        lambda root: ["weights", "convert", f"{root}/a.pth", f"{root}/a.safetensors", "--architecture", "none"],
        _torch_weights,
    ),
    "export": Writer(
        lambda root: ["export", f"{root}/data", "--model", TRAINED, "--output", f"{root}/run"], _trained, most=8
    ),
}  # fmt: skip


def command(words: list[str], said: Path) -> None:
    """Runs a command in this process, with its words in a file; what it ends with but 0 is an error."""
    with said.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        try:
            code = main(args=words, standalone_mode=False)
        except SystemExit as end:
            code = end.code
    assert code in (0, None), f"exit {code}: {said.read_text(encoding='utf-8')[-300:]}"


class Walk:
    """Kills of one command.

    Args:
        writer: The command.
        scratch: An empty folder.
    """

    def __init__(self, writer: Writer, scratch: Path) -> None:
        self._writer, self._scratch = writer, scratch
        self._made, self._root = scratch / "made", scratch / "root"

    def kills(self, stride: int = 1) -> int:
        """Kills it, and asserts what holds; returns how often it was killed."""
        assert not kill(self._make, sys.maxsize), "its input cannot be made"
        old = snapshot(self._made)
        wholes = []
        for _ in range(3):  # the first fills caches, the others show what differs from run to run
            self._restore()
            events = events_of(self._run)
            wholes.append(snapshot(self._root))
            for name in (self._scratch / "modules").read_text().splitlines():
                with suppress(ImportError):
                    import_module(name)  # here, once, instead of in each child
        stride = max(stride, -(-events // self._writer.most))
        count = 0
        for at in moments(events, stride):
            self._restore()
            if kill(self._run, at):
                count += 1
                self._look_at_the_dead(at, old, wholes[1:])
            self._give_again(at, wholes[1:])
        return count

    def _restore(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        shutil.copytree(self._made, self._root, symlinks=True)

    def _make(self) -> None:
        self._set_up()
        self._writer.make(self._made)

    def _run(self) -> None:
        self._set_up()
        command(self._writer.words(self._root), self._scratch / "said")
        needed = (name for name in sys.modules if name.split(".")[0] in _IMPORTED_ONCE)
        (self._scratch / "modules").write_text("\n".join(needed))

    def _set_up(self) -> None:
        os.environ |= {"SEGCLI_CACHE": str(self._scratch / "cache"), "SEGCLI_OFFLINE": "1"}

    def _look_at_the_dead(self, at: int, old: Snapshot, wholes: list[Snapshot]) -> None:
        left = snapshot(self._root)
        given = {name: left.get(name, "gone") for name in old if Path(name).name not in _OWN}
        assert given.items() <= old.items(), f"event {at}: what it was given is changed"
        for name, data in left.items():
            known = any(name in whole and whole[name] == data for whole in (old, *wholes))
            assert known or _is_hidden(name) or is_whole(self._root / name), f"event {at}: {name} is half"

    def _give_again(self, at: int, wholes: list[Snapshot]) -> None:
        one, other = wholes
        if not (self._writer.refuses and _seen(snapshot(self._root)) == _seen(one)):
            assert not kill(self._run, sys.maxsize), f"event {at}: given again it fails"
            there = snapshot(self._root).keys()
            left_over = {name for name in there ^ one.keys() if MARK not in name}
            assert self._writer.adds or not left_over, f"event {at}: {sorted(left_over)}"
        again = snapshot(self._root)
        for name, data in one.items():
            if self._writer.adds and name not in again:
                continue
            varies = self._writer.adds or data != other[name] or Path(name).suffix == ".sqlite"  # it holds times
            is_same = again[name] == data or (varies and is_whole(self._root / name))
            assert is_same, f"event {at}: {name} differs"


_OWN = frozenset({"proofs.json"})
"""What segcli itself notes in the folder of a model that it is given."""


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


def _seen(found: Snapshot) -> set[str]:
    return {name for name in found if not _is_hidden(name)}


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end as what its name says; a folder always."""
    try:
        if path.is_dir():
            return True
        _READ[path.suffix](path)
    except (KeyError, ValueError, OSError, AssertionError, sqlite3.Error):
        return False
    return True


def _lines_of_json(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        json.loads(line)


def _page(path: Path) -> None:
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


_READ: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".jsonl": _lines_of_json,
    ".html": _page,
    ".csv": lambda path: path.read_text(encoding="utf-8"),
    ".png": read_image,
    ".lock": lambda path: path.read_bytes(),  # it is held or not, whatever its text is
    ".sqlite": lambda path: sqlite3.connect(path).execute("pragma integrity_check"),
    ".pdparams": read_weights,
    ".yml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
    ".yaml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
}
