"""What is needed to reproduce an evaluation: protocol, command, versions, digests."""

from __future__ import annotations

import hashlib
import platform
import shlex
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from segcli.config.keys import leaves, meanings
from segcli.config.schema import Config
from segcli.config.tree import value_at
from segcli.data.files import sha256_of
from segcli.data.instances import InstanceSample
from segcli.data.samples import SegSample
from segcli.implied import OF_LAYOUT
from segcli.models.table import get_spec
from segcli.runtimes import runtimes
from segcli.version import __version__

PROTOCOL = (
    "absent_class",
    "sliding_window",
    "augment",
    "resolution",
    "calibration",
    "region_recall",
    "tile_loss",
    "boundary_iou",
    "surface_tolerance",
    "max_detections",
    "size_borders",
    "frequency_borders",
    "panoptic_score",
    "noc_clicks",
)
"""Keys of `Evaluate` that change numbers; they must agree where results are compared."""
_BASE = ("numpy", "cv2", "pycocotools")
"""Import names of the packages that every evaluation computes with."""
_NOT_SHOWN = ("Global.mode", "Global.output", "Global.dataset_dir", "Global.model", "Evaluate.weight_path")


def protocol_of(config: Config) -> dict[str, Any]:
    """The keys of `PROTOCOL` that the model's task reads, with their values."""
    read = _read_keys(config)
    kept = [key for key in PROTOCOL if any(f"{name}.".startswith(f"Evaluate.{key}.") for name in read)]
    return {key: getattr(config.Evaluate, key) for key in kept}


def protocol_rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys and values of a protocol as text, as ``-o KEY=VALUE`` takes them; sections by their keys.

    Args:
        values: Plain values by key of `Evaluate`; None is left out.
    """
    rows = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += [(f"{key}.{name}", text) for name, text in protocol_rows(value)]
        elif value is not None:
            rows.append((key, _written(value)))
    return rows


def plain_protocol(config: Config) -> dict[str, Any]:
    """The values of `protocol_of` as plain values, for JSON."""
    values = config.Evaluate.model_dump(mode="json")
    return {key: values[key] for key in protocol_of(config)}


def command_of(config: Config, weights: Path) -> str:
    """A command that repeats the evaluation, with every key that is read and differs from its default.

    Args:
        config: Configuration of the evaluation.
        weights: What was measured; also named where the configuration leaves it to the output folder.
    """
    values = config.model_dump(mode="json")
    defaults = Config.model_validate({"Global": {"model": config.Global.model}}).model_dump(mode="json")
    words = ["segcli", "evaluate", str(config.Global.dataset_dir or "DATASET")]
    if config.origin("Global.model") != OF_LAYOUT:
        words += ["--model", config.Global.model]
    if not value_at(values, "Evaluate.predictions"):
        words += ["--weights", str(weights)]
    read = _read_keys(config)
    for key in leaves():
        if key in _NOT_SHOWN or key not in read:
            continue
        value = value_at(values, key)
        if value != value_at(defaults, key):
            words += ["-o", f"{key}={_written(value)}"]
    return shlex.join(words)


def measured_by(config: Config, runtime: str, weights: Path, data: Mapping[str, str]) -> dict[str, Any]:
    """Provenance of a result, as plain values that are the same in every run.

    Args:
        config: Configuration of the evaluation.
        runtime: The runtime of the network.
        weights: Weight file, folder of an exported model, or predictions.
        data: Digest of each image with its labels, by name.
    """
    together = hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in sorted(data.items())).encode())
    return {
        "protocol": plain_protocol(config),
        "command": command_of(config, weights),
        "versions": versions_of(runtime),
        "digests": {
            "method": "sha256",
            "weights": digest_of(weights),
            "data": together.hexdigest(),
            "images": len(data),
        },
    }


def versions_of(runtime: str) -> dict[str, str]:
    """Versions of segcli, Python, the packages that compute the metrics, and the runtime."""
    rows = runtimes()
    names = dict.fromkeys([*_BASE, *(rows[part].package for part in runtime.split("+") if part in rows)])
    found = {"segcli": __version__, "python": platform.python_version()}
    return {**found, **{name: known for name in names if (known := _version(name)) is not None}}


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and digests of a folder's files except `proofs.json`."""
    if path.is_file():
        return sha256_of(path)
    files = sorted(one for one in path.rglob("*") if one.is_file() and one.name != "proofs.json")
    listed = "".join(f"{one.relative_to(path).as_posix()} {sha256_of(one)}\n" for one in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def label_digests(names: Iterable[str], samples: Iterable[SegSample]) -> dict[str, str]:
    """Digest of each image with its mask, by name."""
    return {name: f"{sha256_of(one.image)} {sha256_of(one.mask)}" for name, one in zip(names, samples, strict=True)}


def object_digests(names: Iterable[str], samples: Iterable[InstanceSample]) -> dict[str, str]:
    """Digest of each image with its objects, by name."""
    return {name: f"{sha256_of(one.image)} {_digest(one)}" for name, one in zip(names, samples, strict=True)}


def _digest(sample: InstanceSample) -> str:
    about = [(value.class_id, value.is_crowd, value.area_px, value.segmentation) for value in sample.objects]
    return hashlib.sha256(repr((sample.width, sample.height, about)).encode()).hexdigest()


def _read_keys(config: Config) -> set[str]:
    model = config.Global.model
    task = get_spec(model).task
    return {name for name, meaning in meanings().items() if "evaluate" in meaning.modes(model, task)}


def _written(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _version(package: str) -> str | None:
    own = getattr(import_module(package), "__version__", None)
    if isinstance(own, str):
        return own
    try:
        return version(package)
    except PackageNotFoundError:
        return None
