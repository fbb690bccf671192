"""`models pack`: a folder with everything that another program needs, including the licence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.files import whole_folder, write_json_atomic, write_text_atomic
from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.first_opening import require_openable
from segcli.inference.graphs import Graph
from segcli.inference.runtimes.openvino_runtime import convert_onnx
from segcli.models.names import MODEL_TASKS
from segcli.runtimes import runtimes
from segcli.steps.guests.imported import copy_network
from segcli.steps.pack.packing import Packing
from segcli.steps.pack.serving import SERVERS
from segcli.tasks import step_part
from segcli.weights.guest_home import exported_in

FORMATS = ("onnx", "openvino")
FACTS_FILE = "preprocessing.json"


@dataclass(frozen=True)
class Packed:
    """A packed model.

    Attributes:
        folder: Its folder.
        files: Its files, as relative paths.
        licence: The licence text.
        parity: Names of the runtimes, and how they agreed.
    """

    folder: Path
    files: tuple[str, ...]
    licence: str
    parity: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"folder": str(self.folder), "files": list(self.files), "licence": self.licence}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        return [*self.parity, ("licence", self.licence), ("files", ", ".join(self.files)), ("folder", str(self.folder))]


def pack(model_dir: str, out: Path, *, form: str = "onnx", serving: tuple[str, ...] = ()) -> Packed:
    """Writes a folder with the model, labels, preprocessing, licence, parity report and a runnable example.

    Args:
        model_dir: Folder of an exported or imported model.
        out: The folder to make.
        form: ``onnx``, or ``openvino`` to add OpenVINO's format.
        serving: Servers to write a model repository for, below ``repository``.

    Raises:
        UsageError: The example cannot run such a model, `out` is not empty, or `form` or `serving` is unknown.
        MissingPartError: The ONNX format cannot be made.
        ParityError: The outputs of ONNX Runtime differ from the model.
    """
    if form not in FORMATS or not set(serving) <= SERVERS.keys():
        raise UsageError(f"there is no {form}", hint=f"--format {', '.join(FORMATS)}; --serving {', '.join(SERVERS)}")
    model = ExportedModel.open(exported_in(Path(model_dir).expanduser()))
    if out.exists() and any(out.iterdir()) and not (out / FACTS_FILE).is_file():
        raise UsageError("holds something else", path=out, hint="give another --out")
    of_task: Callable[[ExportedModel], Packing] = step_part("pack", MODEL_TASKS[model.model_name])
    packing, licence = of_task(model), licence_of(model)
    with whole_folder(out) as folder:
        for name, network in packing.networks.items():
            _add_network(network, folder / f"{name}.onnx", form)
        if packing.labels:
            write_text_atomic(folder / "labels.txt", "\n".join(packing.labels) + "\n")
        write_json_atomic(folder / FACTS_FILE, dict(packing.facts))
        write_text_atomic(folder / "LICENCE.txt", licence + "\n")
        write_json_atomic(folder / "parity.json", dict(packing.parity))
        write_text_atomic(folder / "example.py", packing.example)
        for server in serving:
            for name in packing.networks:
                title = _plain(model.title if len(packing.networks) == 1 else f"{model.title}_{name}")
                SERVERS[server](folder / f"{name}.onnx", title, folder / "repository" / server)
    there = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return Packed(out, tuple(there), licence, packing.rows)


def _add_network(network: Path, target: Path, form: str) -> None:
    copy_network(network, target)
    if form == "openvino":
        require_openable(Graph(network.with_suffix(""), foreign=True), network, runtimes()["openvino"])
        convert_onnx(target, target.with_suffix(".xml"))


def licence_of(model: ExportedModel) -> str:
    """Returns what is known about the licence of a model's weights."""
    if model.guest is not None:
        source = f"\nSource: {model.guest.card.source}" if model.guest.card.source else ""
        return f"Weights of {model.title}: {model.guest.card.licence}{source}"
    began = "" if model.card is None else model.card.licence
    return (
        f"Weights trained with segcli ({model.model_name}); their owner decides on them, bound by the licences of the "
        f"training images and of the weights that the training began with{f': {began}' if began else ''}."
    )


def _plain(name: str) -> str:
    """The name with only characters that every server accepts."""
    return re.sub(r"[^\w-]+", "_", name)
