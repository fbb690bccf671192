"""An exported model on disk: its files and what they mean. Read without importing any framework.

The folder is what PaddleX 3 loads, with the additional files of segcli::

    inference.yml          name, preprocessing, class names
    inference.json         network with the label map [N, H, W] as its output: what PaddleX's postprocessing needs
    inference.pdiparams    weights of both networks
    logits.json            semantic: the same network without the final maximum, for tiles, resizing, other runtimes
    objects.json           instance: the same network with masks in the resolution of its head; for SeedUNet-S, which
                           PaddleX does not have, the maps from which objects are grown, and no inference.json
    inference.onnx         (by option, or created at the first use of a runtime that needs it)
    stem.onnx              R-CNN, which cannot be converted whole: its convolutions, if the converter is installed
    heads.json .pdiparams  R-CNN: the network after the stem
    model_card.json        the card of the trained weights
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from segcli.data.classes import ClassMap
from segcli.data.decoding.image_range import COLOURS, RangeSetting, parse_range
from segcli.errors import WeightsError
from segcli.inference.graphs import Graph
from segcli.inference.precision import FULL, Precision, parse_precision
from segcli.models.card import CARD_FILE, ModelCard
from segcli.models.guests import INSTANCE, SECTION
from segcli.models.instance.table import SIZED, MaskForm, has_onnx_form
from segcli.models.spec import Preprocess
from segcli.weights.manifest import read_manifest
from segcli.weights.run_weights import no_export

if TYPE_CHECKING:
    from segcli.inference.guests.folder import Guest

MANIFEST_FILE = "inference.yml"
LABELS_FILE = "inference.json"
LOGITS_FILE = "logits.json"
OBJECTS_FILE = "objects.json"
WEIGHTS_FILE = "inference.pdiparams"
ONNX_FILE = "inference.onnx"
OLD_LABELS_FILE = "inference.pdmodel"
"""The program in the format of Paddle 2."""
STEM_FILE = "stem.onnx"
HEADS_FILE = "heads.json"
HEADS_WEIGHTS_FILE = "heads.pdiparams"
FEATURE_TENSOR = "feature_{}"
"""Names of the feature maps that the stem passes to the heads, numbered."""
LOGITS_TENSOR = "logits"
LABELS_TENSOR = "labels"

DRAW_THRESHOLD = 0.5
"""PaddleX's default for the smallest score of an object."""
LINEAR, CUBIC, AREA = 1, 2, 3
"""OpenCV's constants of these interpolations, as manifests write them."""

InputShape = tuple[int, int, int, int]
FREE_SHAPE: InputShape = (-1, 3, -1, -1)
"""N, C, H, W; -1 is free."""


@dataclass(frozen=True)
class ExportedModel:
    """A folder that holds an exported model.

    Attributes:
        folder: The folder.
        model_name: Name in the table of models.
        preprocess: How images become the network's input.
        input_shape: [N, C, H, W] of the input, -1 for a free side.
        class_names: Names in order of their ids; empty if another tool wrote the model without names.
        card: Card of the weights; None if another tool wrote the model.
        source_sha256: Checksum of the weight file that was exported; empty if another tool wrote the model.
        threshold: The model's default for the smallest score of an object; None if it has none.
        guest: Description of an imported third-party model; None for any other model.
        temperature: Divides the logits before the softmax, or the log-odds of the scores of objects.
        precision: Numbers that the network computes with.
    """

    folder: Path
    model_name: str
    preprocess: Preprocess
    input_shape: InputShape
    class_names: tuple[str, ...]
    card: ModelCard | None
    source_sha256: str = ""
    threshold: float | None = None
    guest: Guest | None = None
    temperature: float = 1.0
    precision: Precision = FULL

    @property
    def title(self) -> str:
        """The name of the model; for a third-party model the name on its card."""
        return self.model_name if self.guest is None else self.guest.card.name

    @property
    def mask_form(self) -> MaskForm | None:
        """The form of an instance model's masks; None for masks in the size of the image."""
        if self.guest is not None:
            from segcli.inference.guests.instances import FORMS

            return FORMS[self.guest.card.output.kind]
        return SIZED[self.model_name].masks if self.gives_small_masks else None

    @property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width that the input must have; None if they are free."""
        height, width = self.input_shape[2:]
        return (height, width) if height > 0 and width > 0 else None

    @property
    def batch_limit(self) -> int | None:
        """The fixed batch size of the network; None if it is free."""
        return self.input_shape[0] if self.input_shape[0] > 0 else None

    @property
    def classes(self) -> ClassMap | None:
        """The classes; None if they are unknown."""
        if self.card is not None:
            return self.card.classes
        return ClassMap(self.class_names) if self.class_names else None

    @cached_property
    def graph(self) -> Graph:
        """The network: Paddle's program (the one with logits or small masks if it exists), and its other forms."""
        stem = self.folder / Path(ONNX_FILE).stem
        if self.guest is not None:
            from segcli.inference.guests.folder import guest_graph

            found = guest_graph(stem, (LABELS_FILE, OLD_LABELS_FILE), WEIGHTS_FILE)
            return replace(found, precision=self.precision)
        programs = [self.folder / name for name in (LOGITS_FILE, OBJECTS_FILE, LABELS_FILE, OLD_LABELS_FILE)]
        program = next((file for file in programs if file.is_file()), programs[-2])
        return Graph(
            stem=stem,
            program=program,
            weights=self.folder / WEIGHTS_FILE,
            convertible=program.name in (LOGITS_FILE, OBJECTS_FILE) and has_onnx_form(self.model_name),
            precision=self.precision,
        )

    @cached_property
    def stem_graph(self) -> Graph | None:
        """The first part of an R-CNN, for any runtime; None if the model was not exported in two parts."""
        stem = self.folder / Path(STEM_FILE).stem
        return Graph(stem, convertible=False) if self.is_split else None

    @property
    def heads_graph(self) -> Graph:
        """The second part of an R-CNN, for Paddle."""
        heads = self.folder / Path(HEADS_FILE).stem
        return Graph(heads, self.folder / HEADS_FILE, self.folder / HEADS_WEIGHTS_FILE, convertible=False)

    @property
    def finds_objects(self) -> bool:
        """Whether it is an instance model."""
        return self.model_name in SIZED or self.model_name == INSTANCE

    @property
    def gives_small_masks(self) -> bool:
        """Whether masks have the resolution of the network's head: by segcli's program or an ONNX file of it."""
        alone = self.card is not None and not (self.folder / LABELS_FILE).is_file()
        return alone or (self.folder / OBJECTS_FILE).is_file()

    @property
    def is_split(self) -> bool:
        """Whether the model was also exported in two parts, the first of them for any runtime."""
        return all((self.folder / name).is_file() for name in (STEM_FILE, HEADS_FILE, HEADS_WEIGHTS_FILE))

    @staticmethod
    def open(folder: Path) -> ExportedModel:
        """Reads the manifest and the model card in `folder`.

        Raises:
            WeightsError: The folder holds no exported model, or its files are damaged.
            UsageError: It is of a training that was stopped before its first measurement.
        """
        manifest = folder / MANIFEST_FILE
        if not manifest.is_file():
            raise no_export(folder, MANIFEST_FILE)
        try:
            values = read_manifest(folder)
            card = ModelCard.beside(manifest) if (folder / CARD_FILE).is_file() else None
            precision = parse_precision((values.get("Segcli") or {}).get("precision", FULL))
            return replace(_parsed(folder, values, card), precision=precision)
        except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            raise WeightsError(f"the manifest is damaged: {fault}", path=manifest, hint="export again") from fault


def _parsed(folder: Path, values: dict[str, Any], card: ModelCard | None) -> ExportedModel:
    if SECTION in values:
        return _parse_guest(folder, values[SECTION])
    return parse_instance(folder, values, card) if "Preprocess" in values else _parse(folder, values, card)


def _parse_guest(folder: Path, section: dict[str, Any]) -> ExportedModel:
    from segcli.inference.guests.folder import Guest
    from segcli.inference.guests.inputs import preprocess_of

    guest = Guest.of(section)
    card = guest.card
    batch, channels, height, width = guest.shape
    sides = card.input.size or (height, width)
    return ExportedModel(
        folder=folder,
        model_name=guest.model_name,
        preprocess=preprocess_of(card.input),
        input_shape=(1 if card.finds_objects else batch, channels, *sides),
        class_names=card.classes,
        card=None,
        threshold=card.output.threshold if card.finds_objects else None,
        guest=guest,
    )


def is_exported(path: Path) -> bool:
    """Whether `path` is the folder of an exported model."""
    return (path / MANIFEST_FILE).is_file()


def manifest_values(
    card: ModelCard, input_shape: InputShape, files: dict[str, str], source_sha256: str, temperature: float = 1.0
) -> dict[str, Any]:
    """The content of `inference.yml`.

    `Global`, `Hpi`, `Deploy` and `PostProcess` are the sections that PaddleX 3.7.2 reads; `Segcli` is an addition.
    """
    transforms: list[dict[str, Any]] = []
    if input_shape[2] > 0:
        size = [input_shape[3], input_shape[2]]
        way = {"interp": "AREA"} if card.preprocess.area else {}
        transforms.append({"type": "Resize", "target_size": size, "keep_ratio": False, "size_divisor": None, **way})
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
        "Segcli": {**_section(card, files, source_sha256, temperature), "keep_ratio": card.preprocess.keep_ratio},
    }


def _section(card: ModelCard, files: dict[str, str], source_sha256: str, temperature: float) -> dict[str, Any]:
    """The section `Segcli` of a manifest."""
    heat = {} if temperature == 1 else {"temperature": temperature}
    return {"files": files, "source_sha256": source_sha256, **heat, **range_of(card)}


def _input_shape(sides: Sequence[int | None]) -> InputShape:
    batch, channels, height, width = (-1 if side is None else int(side) for side in sides)
    return batch, channels, height, width


def _parse(folder: Path, values: dict[str, Any], card: ModelCard | None) -> ExportedModel:
    deploy = values["Deploy"]
    transforms = {entry["type"]: entry for entry in deploy.get("transforms") or []}
    shape = deploy.get("input_shape") or FREE_SHAPE
    resize = transforms.get("Resize")
    if resize and "Segcli" not in values and not resize.get("keep_ratio", True):
        target = resize["target_size"]
        width, height = target if isinstance(target, list) else (target, target)
        shape = (shape[0], shape[1], height, width)
    section = values.get("Segcli") or {}
    return ExportedModel(
        folder=folder,
        model_name=str((values.get("Global") or {})["model_name"]),
        preprocess=_scale(transforms.get("Normalize") or {}, resize or {}, section),
        input_shape=_input_shape(shape),
        class_names=tuple(str(name) for name in (values.get("PostProcess") or {}).get("label_list") or ()),
        card=card,
        source_sha256=str((values.get("Segcli") or {}).get("source_sha256", "")),
        temperature=_temperature(section),
    )


def _temperature(section: dict[str, Any]) -> float:
    found = float(section.get("temperature", 1.0))
    if not 0 < found < math.inf:
        raise ValueError(f"temperature {found} is not above 0")
    return found


def instance_manifest_values(
    card: ModelCard, files: dict[str, str], source_sha256: str, temperature: float = 1.0
) -> dict[str, Any]:
    """The content of `inference.yml` of an instance model, with PaddleDetection's keys, which PaddleX 3.7.2 reads."""
    scale = card.preprocess
    if scale.size is None:
        raise ValueError("an instance model resizes its images")
    transforms: list[dict[str, Any]] = [
        {
            "type": "Resize",
            "target_size": list(scale.size),
            "keep_ratio": scale.keep_ratio,
            "interp": CUBIC if scale.cubic else AREA if scale.area else LINEAR,
        },
        {
            "type": "NormalizeImage",
            "mean": list(scale.mean),
            "std": list(scale.std),
            "norm_type": "mean_std",
            "is_scale": True,
        },
        {"type": "Permute"},
    ]
    if scale.exact:
        transforms[:2] = transforms[1::-1]
    if scale.stride > 1:
        transforms.append({"type": "PadStride", "stride": scale.stride})
    return {
        "Global": {"model_name": card.model_name},
        "mode": "paddle",
        "arch": card.model_name,
        "draw_threshold": DRAW_THRESHOLD,
        "mask": True,
        "Preprocess": transforms,
        "label_list": list(card.class_names),
        "Hpi": {"backend_configs": {"paddle_infer": {}}},
        "Segcli": _section(card, files, source_sha256, temperature),
    }


def parse_instance(folder: Path, values: dict[str, Any], card: ModelCard | None) -> ExportedModel:
    """The model described by a manifest with PaddleDetection's keys."""
    transforms = {entry["type"]: entry for entry in values["Preprocess"]}
    resize, scale = transforms["Resize"], transforms.get("NormalizeImage") or {}
    height, width = (int(side) for side in resize["target_size"])
    keep_ratio = bool(resize.get("keep_ratio", False))
    plain = scale.get("norm_type") == "none"
    preprocess = Preprocess(
        mean=(0.0, 0.0, 0.0) if plain else _three(scale.get("mean", 0.0)),
        std=(1.0, 1.0, 1.0) if plain else _three(scale.get("std", 1.0)),
        size=(height, width),
        keep_ratio=keep_ratio,
        cubic=resize.get("interp", CUBIC) == CUBIC,
        exact=list(transforms).index("Resize") > list(transforms).index("NormalizeImage") if scale else False,
        area=resize.get("interp") == AREA,
        stride=int((transforms.get("PadStride") or {}).get("stride", 1)),
        image_range=_read_range(values.get("Segcli") or {}),
    )
    return ExportedModel(
        folder=folder,
        model_name=str((values.get("Global") or {})["model_name"]),
        preprocess=preprocess,
        input_shape=(1, 3, -1, -1) if keep_ratio else (1, 3, height, width),
        class_names=tuple(str(name) for name in values.get("label_list") or ()),
        card=card,
        source_sha256=str((values.get("Segcli") or {}).get("source_sha256", "")),
        threshold=float(values.get("draw_threshold", DRAW_THRESHOLD)),
        temperature=_temperature(values.get("Segcli") or {}),
    )


def _scale(entry: dict[str, Any], resize: dict[str, Any], section: dict[str, Any]) -> Preprocess:
    mean, std = (_each_channel(entry.get(key, 0.5)) for key in ("mean", "std"))
    if not mean or len(mean) != len(std):
        raise ValueError(f"{len(mean)} channel means but {len(std)} standard deviations")
    keep_ratio = bool(section.get("keep_ratio", False))
    return Preprocess(
        mean=mean,
        std=std,
        area=resize.get("interp") == "AREA",
        keep_ratio=keep_ratio,
        image_range=_read_range(section),
    )


def range_of(card: ModelCard) -> dict[str, Any]:
    """How images of more than 8 bits are read, as entry of the section `Segcli` of a manifest."""
    setting = card.preprocess.image_range
    return {} if setting is None else {"image_range": list(setting) if isinstance(setting, tuple) else setting}


def _read_range(section: dict[str, Any]) -> RangeSetting | None:
    return parse_range(section["image_range"]).as_setting() if "image_range" in section else None


def _each_channel(value: float | list[float]) -> tuple[float, ...]:
    return tuple(float(one) for one in (value if isinstance(value, list) else [value] * COLOURS))


def _three(value: float | list[float]) -> tuple[float, ...]:
    red, green, blue = _each_channel(value)
    return red, green, blue
