"""Model repositories for NVIDIA Triton and OpenVINO Model Server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segcli.steps.guests.imported import copy_network
from segcli.steps.guests.network_file import NetworkFile, Port

_KINDS = {
    "tensor(float)": "TYPE_FP32",
    "tensor(float16)": "TYPE_FP16",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
}


def write_triton(network: Path, name: str, folder: Path) -> Path:
    """``NAME/config.pbtxt`` and ``NAME/1/model.onnx``; where the batch size is free, Triton batches requests."""
    file = NetworkFile.read(network)
    batches = all(port.shape and port.shape[0] == -1 for port in (*file.inputs, *file.outputs))
    parts = [f'name: "{name}"', 'platform: "onnxruntime_onnx"', f"max_batch_size: {8 if batches else 0}"]
    parts += [_ports("input", file.inputs, batches), _ports("output", file.outputs, batches)]
    parts += ["dynamic_batching { }"] if batches else []
    copy_network(network, _version(folder, name) / "model.onnx")
    (folder / name / "config.pbtxt").write_text("\n".join(parts) + "\n", encoding="utf-8")
    return folder


def write_ovms(network: Path, name: str, folder: Path) -> Path:
    """``NAME/1/model.onnx`` or ``.xml``, and its entry in ``config.json`` for the server's ``--config_path``."""
    version = _version(folder, name)
    form = network.with_suffix(".xml")
    if form.is_file() and form.with_suffix(".bin").is_file():
        shutil.copyfile(form, version / "model.xml")
        shutil.copyfile(form.with_suffix(".bin"), version / "model.bin")
    else:
        copy_network(network, version / "model.onnx")
    config = folder / "config.json"
    before = json.loads(config.read_text(encoding="utf-8"))["model_config_list"] if config.is_file() else []
    entry = {"config": {"name": name, "base_path": f"/models/{name}"}}
    values: dict[str, Any] = {"model_config_list": [*before, entry]}
    config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return folder


def _version(folder: Path, name: str) -> Path:
    version = folder / name / "1"
    version.mkdir(parents=True)
    return version


def _ports(title: str, ports: tuple[Port, ...], batches: bool) -> str:
    entries = []
    for port in ports:
        sides = port.shape[1:] if batches else port.shape
        dims = ", ".join(map(str, sides))
        entries.append(f'  {{ name: "{port.name}" data_type: {_KINDS.get(port.kind, "TYPE_FP32")} dims: [ {dims} ] }}')
    return f"{title} [\n" + ",\n".join(entries) + "\n]"


SERVERS: dict[str, Callable[[Path, str, Path], Path]] = {"triton": write_triton, "openvino": write_ovms}
"""Function that writes the model repository, by server name."""
