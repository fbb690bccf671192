"""An exported model on disk: which files it has and what they mean. Read before any library is imported.

The folder is what PaddleX 3 loads, with ours beside it::

    inference.yml          name, preprocessing, class names
    inference.json         network with the label map [N, H, W] as its output: what PaddleX's postprocessing needs
    inference.pdiparams    weights of both networks
    logits.json            the same network without the final maximum, for tiles, resizing and other runtimes
    inference.onnx         (by option, or made at the first use of a runtime that needs it)
    model_card.json        the card of the trained weights
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segcli.data.classes import ClassMap
from segcli.errors import WeightsError
from segcli.models.card import CARD_FILE, ModelCard
from segcli.models.spec import Preprocess

MANIFEST_FILE = "inference.yml"
LABELS_FILE = "inference.json"
LOGITS_FILE = "logits.json"
WEIGHTS_FILE = "inference.pdiparams"
ONNX_FILE = "inference.onnx"
OPENVINO_FILE = "inference.xml"
LOGITS_TENSOR = "logits"
LABELS_TENSOR = "labels"

InputShape = tuple[int, int, int, int]
FREE_SHAPE: InputShape = (-1, 3, -1, -1)
"""N, C, H, W; -1 is free."""


@dataclass(frozen=True)
class ExportedModel:
    """A folder that holds an exported model.

    Attributes:
        folder: The folder.
        model_name: Name in the table of models.
        preprocess: How pictures become inputs.
        input_shape: [N, C, H, W] of the input, -1 for a free side.
        class_names: Names in order of their ids; empty where another tool wrote the model and named none.
        card: Card of the weights; None where another tool wrote the model.
        source_sha256: Checksum of the weight file that was exported; empty where another tool wrote the model.
    """

    folder: Path
    model_name: str
    preprocess: Preprocess
    input_shape: InputShape
    class_names: tuple[str, ...]
    card: ModelCard | None
    source_sha256: str = ""

    @property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width that the input must have; None when they are free."""
        height, width = self.input_shape[2:]
        return (height, width) if height > 0 and width > 0 else None

    @property
    def batch_limit(self) -> int | None:
        """Pictures at once that the network takes; None when that is free."""
        return self.input_shape[0] if self.input_shape[0] > 0 else None

    @property
    def classes(self) -> ClassMap | None:
        """The classes, where they are known."""
        if self.card is not None:
            return self.card.classes
        return ClassMap(self.class_names) if self.class_names else None

    @property
    def paddle_files(self) -> tuple[Path, Path] | None:
        """Program and weights for Paddle: the one that gives logits where there is one."""
        for name in (LOGITS_FILE, LABELS_FILE, "inference.pdmodel"):
            program, weights = self.folder / name, self.folder / WEIGHTS_FILE
            if program.is_file() and weights.is_file():
                return program, weights
        return None

    @staticmethod
    def open(folder: Path) -> ExportedModel:
        """Reads what lies in `folder`.

        Raises:
            WeightsError: There is no exported model, or its files are damaged.
        """
        manifest = folder / MANIFEST_FILE
        if not manifest.is_file():
            there = "there is no such folder" if not folder.is_dir() else f"holds no {MANIFEST_FILE}"
            raise WeightsError(f"is no exported model: {there}", path=folder, hint="export one with Global.mode=export")
        try:
            values = yaml.safe_load(manifest.read_text(encoding="utf-8"))
            card = ModelCard.beside(manifest) if (folder / CARD_FILE).is_file() else None
            return _parse(folder, values, card)
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as fault:
            raise WeightsError(f"the manifest is damaged: {fault}", path=manifest, hint="export again") from fault


def is_exported(path: Path) -> bool:
    """Whether `path` is the folder of an exported model."""
    return (path / MANIFEST_FILE).is_file()


def manifest_values(
    card: ModelCard, input_shape: InputShape, files: dict[str, str], source_sha256: str
) -> dict[str, Any]:
    """The content of `inference.yml`.

    `Global`, `Hpi` and `Deploy` are the sections that PaddleX 3.7.2 reads; `Segcli` is ours.
    """
    transforms: list[dict[str, Any]] = []
    if input_shape[2] > 0:
        size = [input_shape[3], input_shape[2]]
        transforms.append({"type": "Resize", "target_size": size, "keep_ratio": False, "size_divisor": None})
    scale = card.preprocess
    transforms.append({"type": "Normalize", "mean": list(scale.mean), "std": list(scale.std)})
    return {
        "Global": {"model_name": card.model_name},
        "Hpi": {"backend_configs": {"paddle_infer": {}}},
        "Deploy": {
            "model": LABELS_FILE,
            "params": WEIGHTS_FILE,
            "input_shape": list(input_shape),
            "output_op": "argmax",
            "output_dtype": "int32",
            "transforms": transforms,
        },
        "PostProcess": {"label_list": list(card.class_names)},
        "Segcli": {"files": files, "source_sha256": source_sha256},
    }


def _parse(folder: Path, values: dict[str, Any], card: ModelCard | None) -> ExportedModel:
    deploy = values["Deploy"]
    transforms = {entry["type"]: entry for entry in deploy.get("transforms") or []}
    shape = deploy.get("input_shape") or FREE_SHAPE
    resize = transforms.get("Resize")
    if resize and "Segcli" not in values and not resize.get("keep_ratio", True):
        target = resize["target_size"]
        width, height = target if isinstance(target, list) else (target, target)
        shape = (shape[0], shape[1], height, width)
    names = (values.get("PostProcess") or {}).get("label_list") or ()
    return ExportedModel(
        folder=folder,
        model_name=str((values.get("Global") or {})["model_name"]),
        preprocess=_scale(transforms.get("Normalize") or {}),
        input_shape=tuple(-1 if side is None else int(side) for side in shape),  # type: ignore[arg-type]
        class_names=tuple(str(name) for name in names),
        card=card,
        source_sha256=str((values.get("Segcli") or {}).get("source_sha256", "")),
    )


def _scale(entry: dict[str, Any]) -> Preprocess:
    mean, std = (_three(entry.get(key, 0.5)) for key in ("mean", "std"))
    return Preprocess(mean=mean, std=std)


def _three(value: float | list[float]) -> tuple[float, float, float]:
    red, green, blue = value if isinstance(value, list) else (value, value, value)
    return float(red), float(green), float(blue)


def write_manifest(folder: Path, values: dict[str, Any]) -> Path:
    """Writes `inference.yml`."""
    path = folder / MANIFEST_FILE
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
