"""Commands that write into a folder of results, as they are typed, and what they read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segcli.steps.convert.command import transfer_dataset
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset
from tests.labelme_folder import box, write_labelme
from tests.onnx_models import semantic_guest
from tests.weights.torch_fixtures import plain, write_zip

NAMES = ("_background_", "red", "blue")
Words = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        words: The command as it is typed, for a folder.
        make: Writes into the folder what the command reads.
        most: States after which it is given again at most, spread over all; for a command that takes seconds.
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


def _promptable(root: Path) -> None:
    from tests.promptable_weights import promptable_weights

    _dataset(root)
    shutil.copy(promptable_weights(PROMPTABLE), root / "sam.pdparams")


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


def _train(*words: str) -> Words:
    settings = {"plan": "off", "input_shape": "[1,3,32,32]", "epochs_iters": 2, "eval_interval": 1}
    settings |= {"pretrain_weight_path": "null", "export_best": "false"}
    more = [word for key, value in settings.items() for word in ("-o", f"Train.{key}={value}")]
    shared = ["--model", TRAINED, "--device", "cpu", *more]
    return lambda root: [*words, f"{root}/data", "--output", f"{root}/out", *shared]


TRAINED, PROMPTABLE = "UNet-S", "SAM-tiny"
_ALL_OUTPUTS = "label,coco,labelme,yolo,geojson,confidence,entropy,overlay"
WRITERS: dict[str, Writer] = {
    "demo": Writer(lambda root: ["demo", f"{root}/demo", "--images", "5"], lambda root: root.mkdir(), refuses=True),
    "init": Writer(
        lambda root: ["init", f"{root}/data", "--to", f"{root}/a.yaml", "--device", "cpu"], _dataset, refuses=True
    ),
    "check": Writer(lambda root: ["check", f"{root}/data", "--output", f"{root}/out"], _dataset),
    "convert masks to coco": Writer(_convert("coco"), _dataset, refuses=True),
    "convert masks to labelme": Writer(_convert("labelme"), _dataset, refuses=True),
    "convert coco to yolo": Writer(_convert("yolo"), _other("coco"), refuses=True),
    "convert coco to voc": Writer(_convert("voc"), _other("coco"), refuses=True),
    "convert yolo to masks": Writer(_convert("masks"), _other("yolo"), refuses=True),
    "convert voc to coco": Writer(_convert("coco"), _other("voc"), refuses=True),
    "convert labelme to yolo": Writer(_convert("yolo"), _labelme, refuses=True),
    "predict": Writer(_predict("--write", _ALL_OUTPUTS), _guest, most=100),
    "evaluate": Writer(
        lambda root: ["evaluate", f"{root}/data", "--weights", f"{root}/model/guest", "--output", f"{root}/out"],
        _guest,
    ),
    "batch": Writer(
        lambda root: ["batch", f"{root}/data/images", "--model-dir", f"{root}/model/guest", "--out", f"{root}/out",
                      "--runtime", "onnxruntime", "--shard-size", "2", "--lease", "1"],
        _guest,
    ),
    "compare": Writer(
        lambda root: ["compare", f"{root}/model/guest", f"{root}/model/guest", "--dataset", f"{root}/data",
                      "--output", f"{root}/out"],
        _guest,
    ),
    "suggest": Writer(
        lambda root: ["suggest", f"{root}/data/images", "--model-dir", f"{root}/model/guest", "--output", f"{root}/out",
                      "--device", "cpu"],
        _guest,
        adds=True,
    ),
    "pipeline": Writer(
        lambda root: ["pipeline", "semantic_segmentation", "--input", f"{root}/data/images", "--model_dir",
                      f"{root}/model/guest", "--save_path", f"{root}/out"],
        _guest,
    ),
    "models import": Writer(
        lambda root: ["models", "import", f"{root}/model/m.onnx", "--card", f"{root}/model/card.yaml",
                      "--out", f"{root}/out"],
        _guest,
    ),
    "models pack": Writer(
        lambda root: ["models", "pack", f"{root}/model/guest", "--out", f"{root}/out"], _guest
    ),
    "models quantize": Writer(
        lambda root: ["models", "quantize", f"{root}/model/guest", "--dataset", f"{root}/data", "--out", f"{root}/out"],
        _guest,
        most=60,
    ),
    "weights convert": Writer(
        lambda root: ["weights", "convert", f"{root}/a.pth", f"{root}/a.safetensors", "--architecture", "none"],
        _torch_weights,
    ),
    "embed": Writer(
        lambda root: ["embed", f"{root}/data/images", "-m", PROMPTABLE, "--weights", f"{root}/sam.pdparams",
                      "--cache", f"{root}/out"],
        _promptable,
    ),
    "train": Writer(_train("train"), _dataset, most=20, adds=True),
    "tune": Writer(_train("tune", "--trials", "2"), _dataset, most=20, adds=True),
    "export": Writer(
        lambda root: ["export", f"{root}/data", "--model", TRAINED, "--output", f"{root}/run"], _trained, most=20
    ),
}  # fmt: skip
