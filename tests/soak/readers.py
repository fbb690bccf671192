"""Every reader of files from outside, with sound files to begin with and a call that reads them."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from PIL import Image

from segcli.config.load import load_config
from segcli.config.yaml_text import parse_value
from segcli.data.changes.journal import steps
from segcli.data.changes.transaction import recover
from segcli.data.changes.undo import undo
from segcli.data.decoding.pages import read_pages
from segcli.data.image import image_header, open_mask, read_image
from segcli.data.lock import holder
from segcli.data.sources import open_sources
from segcli.errors import SegcliError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.proofs import Proofs
from segcli.models.card import ModelCard
from segcli.models.task import Task
from segcli.promptable.exported import ExportedParts
from segcli.promptable.prompt_parsing import read_prompts
from segcli.runtimes import runtimes
from segcli.steps.convert.command import apply_conversion, plan_conversion, read_dataset, transfer_dataset
from segcli.steps.fix.command import apply_fix, fix_dataset, plan_fix
from segcli.steps.train.states import States
from segcli.weights.checksums import damage_in
from segcli.weights.files import read_weights, write_pdparams, write_safetensors
from segcli.weights.safe_pickle import read_paddle_object
from tests.coco_folder import make_coco_folder
from tests.labelme_folder import box, convert_config, write_labelme
from tests.seg_folder import make_seg_folder
from tests.weights.torch_fixtures import plain, write_legacy, write_zip


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        name: Of its row in the table.
        make: Writes sound files into a folder.
        hurt: Patterns of the files that are changed, relative to the folder.
        read: Reads the folder, as the product does; of a file it is given the folder and the file's path.
    """

    name: str
    make: Callable[[Path], object]
    hurt: tuple[str, ...]
    read: Callable[[Path, Path], object]


def _images(root: Path) -> None:
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    for suffix in ("png", "jpg", "bmp", "tif", "webp", "ppm", "jp2"):
        cv2.imwrite(str(root / f"a.{suffix}"), pixels)
    Image.fromarray(pixels).quantize(8).save(root / "palette.png")
    Image.fromarray(pixels[..., 0]).save(root / "pages.tiff", save_all=True, append_images=[Image.fromarray(pixels)])
    Image.fromarray(pixels).save(root / "a.gif")


def _read_image(_: Path, path: Path) -> None:
    faults = []
    for read in (image_header, read_image, open_mask, lambda path: list(read_pages(path))):
        try:
            read(path)
        except Exception as fault:
            faults.append(fault)
    list(open_sources(path))
    for fault in faults:
        raise_unless_clean(fault)


def raise_unless_clean(fault: Exception) -> None:
    """An error that a command would show as one is what is wanted."""
    if not isinstance(fault, SegcliError):
        raise fault


def _labelme(root: Path) -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[4:9, 4:9] = 1
    data = cv2.imencode(".png", mask)[1].tobytes()
    from base64 import b64encode

    shapes = [
        box("cat", 4, 4, 20, 20, group_id=1),
        {"label": "dog", "points": [[30, 20], [35, 22]], "shape_type": "circle", "flags": {"x": True}},
        {"label": "dog", "points": [[3, 20], [35, 22]], "shape_type": "linestrip"},
        {"label": "m", "points": [[3, 3], [23, 23]], "shape_type": "mask", "mask": b64encode(data).decode()},
    ]
    write_labelme(root, "annotations/a", shapes, image="images/a.png")
    write_labelme(root, "annotations/b", shapes[:1], embedded=True, image="images/b.png")
    (root / "label.txt").write_text("cat\ndog\nm\n")
    (root / "train_anno_list.txt").write_text("annotations/a.json\n")
    (root / "val_anno_list.txt").write_text("annotations/b.json\n")


def _read_labelme(root: Path, _: Path) -> None:
    for model in ("PP-LiteSeg-T", "SOLOv2"):
        plan = plan_conversion(convert_config(root, model))
        if not plan.errors:
            apply_conversion(plan)
            undo(root)


def _other_format(name: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        source = make_coco_folder(root.with_name(f"{root.name}_source"))
        transfer_dataset(source.root, root, name)

    return make


def _read_any(root: Path, _: Path) -> None:
    try:
        transfer_dataset(root, root.with_name("converted"), "coco")
    except SegcliError:  # which reads no objects where a list or a class file is refused
        for image in read_dataset(root).images:
            image.read_objects()
        raise


def _check_and_fix(task: Task) -> Callable[[Path, Path], object]:
    def read(root: Path, _: Path) -> None:
        plan = plan_fix(root, task)
        if plan.draft.changed:
            apply_fix(plan)

    return read


def _configs(root: Path) -> None:
    root.mkdir()
    shipped = sorted(Path("configs").rglob("*.yaml"))
    for number, path in enumerate(shipped[:: max(1, len(shipped) // 6)]):
        (root / f"{number}.yaml").write_bytes(path.read_bytes())


def _read_config(_: Path, path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    faults: list[Exception] = []
    for line in text.splitlines()[:40]:
        try:
            parse_value(line.partition(":")[2])
        except ValueError as fault:
            faults.append(fault)
    values = [line.strip().replace(": ", "=") for line in text.splitlines() if line.startswith("  ")][:3]
    load_config(path, [f"Global.{value}" for value in values if "=" in value])


def _weights(root: Path) -> None:
    root.mkdir()
    tensors = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.ones(3, np.float16)}
    write_pdparams(root / "a.pdparams", tensors)
    (root / "old.pdparams").write_bytes(pickle.dumps(tensors, protocol=2))
    (root / "a.pdopt").write_bytes(pickle.dumps({"m": tensors["b"], "LR_Scheduler": {"last_lr": 0.1}}, protocol=2))
    write_safetensors(root / "a.safetensors", tensors, {"x": "y"})
    stored = {"a": plain(tensors["a.weight"]), "b": plain(np.ones(4, np.float32))}
    write_zip(root / "a.pth", stored)
    write_legacy(root / "old.pth", stored)


def _read_weights(_: Path, path: Path) -> None:
    read = read_paddle_object if path.suffix == ".pdopt" else read_weights
    read(path)


def _export(root: Path) -> None:
    root.mkdir()
    manifest = {
        "Global": {"model_name": "PP-LiteSeg-T"}, "Hpi": {"backend_configs": {"paddle_infer": {}}},
        "Deploy": {"input_shape": [-1, 3, 64, 64], "transforms": [
            {"type": "Resize", "target_size": [64, 64], "keep_ratio": False},
            {"type": "Normalize", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}]},
        "PostProcess": {"label_list": ["a", "b"]},
        "Segcli": {"files": {}, "source_sha256": "0", "mask_side": 4, "parts": {}},
    }  # fmt: skip
    (root / "inference.yml").write_text(yaml.safe_dump(manifest))
    detector = {
        "Global": {"model_name": "SOLOv2"}, "mode": "paddle", "draw_threshold": 0.5, "label_list": ["a"],
        "Preprocess": [{"type": "Resize", "target_size": [64, 64], "keep_ratio": True, "interp": 1},
                       {"type": "NormalizeImage", "mean": [0.5], "std": [0.5], "norm_type": "mean_std"}],
    }  # fmt: skip
    (root / "objects").mkdir()
    (root / "objects/inference.yml").write_text(yaml.safe_dump(detector))
    proof = {"runtime": "onnxruntime", "version": "1", "files": {"a": "0"}, "agrees": True, "detail": "x",
             "milliseconds": 1.0}  # fmt: skip
    (root / "proofs.json").write_text(json.dumps({"schema": 1, "proofs": [proof]}))
    (root / "checksums.json").write_text(json.dumps({"inference.yml": "0" * 64}))
    preprocess = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    card = {"model_name": "PP-LiteSeg-T", "class_names": ["a", "b"], "preprocess": preprocess}
    names = {field.name for field in dataclasses.fields(ModelCard)}
    (root / "model_card.json").write_text(json.dumps({key: value for key, value in card.items() if key in names}))


def _read_export(root: Path, _: Path) -> None:
    faults = []
    for read in (
        lambda: ExportedModel.open(root),
        lambda: ExportedModel.open(root / "objects"),
        lambda: ModelCard.beside(root / "x"),
        lambda: ExportedParts.open(root),
        lambda: [Proofs(root).find(row, []) for row in runtimes().values()],
        lambda: damage_in(root),
    ):
        try:
            read()
        except Exception as fault:
            faults.append(fault)
    for fault in faults:
        raise_unless_clean(fault)


PROMPTS: tuple[Any, ...] = (
    {"images": [{"image": "a.png", "objects": [{"label": "x", "box": [1, 2, 3, 4], "points": [[1, 2, 1]]}]}]},
    {"objects": [{"text": "bear", "points": [[1, 2]]}]},
    {"box_prompt": [[1, 2, 3, 4]], "point_prompt": [[1, 2]], "text_prompt": ["bear"]},
    [{"type": "point", "data": [1, 2], "label": 1}, {"type": "rectangle", "data": [1, 2, 3, 4]}],
    {"shapes": [{"shape_type": "rectangle", "points": [[1, 2], [3, 4]], "label": "x", "group_id": 1},
                {"shape_type": "point", "points": [[2, 2]], "flags": {"negative": True}}], "imagePath": "a.png"},
    {"images": [{"id": 1, "file_name": "a"}], "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4],
     "category_id": 1}], "categories": [{"id": 1, "name": "x"}]},
    {"input_path": "a", "boxes": [{"coordinate": [1, 2, 3, 4], "label": "x"}]},
)  # fmt: skip


def _prompts(root: Path) -> None:
    root.mkdir()
    for number, document in enumerate(PROMPTS):
        (root / f"{number}.json").write_text(json.dumps(document))


def _changed_dataset(root: Path) -> None:
    folder = make_seg_folder(root)
    folder.write_list("train", ["a0", "a0", "a1", "a2"])
    fix_dataset(root, Task.SEMANTIC)
    (root / ".segcli/lock").write_text(json.dumps({"pid": 1, "host": "x", "doing": "y", "since": "z", "notes": {}}))


def _read_changes(root: Path, _: Path) -> None:
    holder(root / ".segcli/lock")
    steps(root)
    recover(root)
    undo(root)


def _states(root: Path) -> None:
    root.mkdir()
    values = {"states_version": 2, "iteration": 3, "total_iterations": 9, "best_score": 0.5, "best_iteration": 2,
              "evaluation_pending": False, "class_names": ["a"], "data": {}, "precision": {},
              "callbacks": {}}  # fmt: skip
    (root / "model.pdstates").write_text(json.dumps(values))
    (root / "checksums.json").write_text(json.dumps({"model.pdstates": "0" * 64}))


def _read_states(root: Path, _: Path) -> None:
    damage_in(root)
    States.read(root)


READERS: tuple[Reader, ...] = (
    Reader("images", _images, ("*",), _read_image),
    Reader("LabelMe", _labelme, ("annotations/*.json", "*.txt", "images/*"), _read_labelme),
    Reader("COCO", make_coco_folder, ("annotations/*.json",), _check_and_fix(Task.INSTANCE)),
    Reader("masks and lists", make_seg_folder, ("*.txt", "annotations/*.png"), _check_and_fix(Task.SEMANTIC)),
    Reader("YOLO", _other_format("yolo"), ("*.yaml", "**/*.txt"), _read_any),
    Reader("VOC", _other_format("voc"), ("**/*.txt", "SegmentationClass/*.png", "SegmentationObject/*.png"), _read_any),
    Reader("YAML, -o", _configs, ("*.yaml",), _read_config),
    Reader("weights", _weights, ("*",), _read_weights),
    Reader("exports", _export, ("*.yml", "*.json", "objects/*"), _read_export),
    Reader("prompts", _prompts, ("*.json",), lambda _, path: read_prompts(path)),
    Reader("journals, locks", _changed_dataset, (".segcli/**/*.json", ".segcli/lock"), _read_changes),
    Reader("states", _states, ("*",), _read_states),
)
"""Every reader of what others wrote."""
