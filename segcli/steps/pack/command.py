"""`models pack`: a folder with everything that another program needs, including the licence."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.files import whole_folder, write_json_atomic, write_text_atomic
from segcli.errors import UsageError, WeightsError
from segcli.inference.exported_model import ONNX_FILE, ExportedModel
from segcli.inference.first_opening import require_openable
from segcli.inference.graphs import Graph
from segcli.inference.model_runtime import is_open_to
from segcli.inference.proofs import FILE as PROOFS_FILE
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.proving import Prover
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.openvino_runtime import convert_onnx
from segcli.models.names import MODEL_TASKS
from segcli.runtimes import runtimes
from segcli.steps.guests.imported import copy_network
from segcli.steps.pack.example import example_for
from segcli.steps.pack.facts import class_names, network_facts
from segcli.steps.pack.serving import SERVERS
from segcli.tasks import TASKS
from segcli.weights.guest_home import exported_in

FORMATS = ("onnx", "openvino")
MODEL_FILE = "model.onnx"


@dataclass(frozen=True)
class Packed:
    """A packed model.

    Attributes:
        folder: Its folder.
        files: Its files, as relative paths.
        licence: The licence text.
        proofs: Results of the comparison, per runtime.
    """

    folder: Path
    files: tuple[str, ...]
    licence: str
    proofs: tuple[Proof, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"folder": str(self.folder), "files": list(self.files), "licence": self.licence}

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [(one.runtime, one.detail) for one in self.proofs]
        return [*rows, ("licence", self.licence), ("files", ", ".join(self.files)), ("folder", str(self.folder))]


def pack(model_dir: str, out: Path, *, form: str = "onnx", serving: tuple[str, ...] = ()) -> Packed:
    """Writes a folder with the model, labels, preprocessing, licence, parity report and a runnable example.

    Args:
        model_dir: Folder of an exported or imported semantic model.
        out: The folder to make.
        form: ``onnx``, or ``openvino`` to add OpenVINO's format.
        serving: Servers to write a model repository for, below ``repository``.

    Raises:
        UsageError: The model is of another task, `out` is not empty, or `form` or `serving` is unknown.
        MissingPartError: The ONNX format cannot be made.
        ParityError: The outputs of ONNX Runtime differ from the model.
    """
    if form not in FORMATS or not set(serving) <= SERVERS.keys():
        raise UsageError(f"there is no {form}", hint=f"--format {', '.join(FORMATS)}; --serving {', '.join(SERVERS)}")
    model = ExportedModel.open(exported_in(Path(model_dir).expanduser()))
    if not TASKS[MODEL_TASKS[model.model_name]].is_packed:
        raise UsageError(f"{model.title} is not a semantic model", hint="segcli predict and serve run it")
    if out.exists() and any(out.iterdir()) and not (out / "preprocessing.json").is_file():
        raise UsageError("holds something else", path=out, hint="give another --out")
    open_runtime(model, "onnxruntime")  # makes the ONNX file where it is missing, and compares it
    network = model.folder / ONNX_FILE
    if not network.is_file():
        raise WeightsError(f"holds no {ONNX_FILE}", path=model.folder, hint="export it with --format onnx")
    facts, licence, proofs = network_facts(model, network), licence_of(model), _proofs(model)
    with whole_folder(out) as folder:
        copy_network(network, folder / MODEL_FILE)
        if form == "openvino":
            require_openable(Graph(network.with_suffix(""), foreign=True), network, runtimes()["openvino"])
            convert_onnx(folder / MODEL_FILE, folder / "model.xml")
        write_text_atomic(folder / "labels.txt", "\n".join(class_names(model)) + "\n")
        write_json_atomic(folder / "preprocessing.json", facts)
        write_text_atomic(folder / "LICENCE.txt", licence + "\n")
        if (model.folder / PROOFS_FILE).is_file():
            shutil.copyfile(model.folder / PROOFS_FILE, folder / "parity.json")
        write_text_atomic(folder / "example.py", example_for(str(facts["kind"])))
        for server in serving:
            SERVERS[server](folder / MODEL_FILE, _plain(model.title), folder / "repository" / server)
    there = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return Packed(out, tuple(there), licence, proofs)


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


def _proofs(model: ExportedModel) -> tuple[Proof, ...]:
    """Comparison results for all installed runtimes."""
    prover = Prover(model, Proofs(model.folder))
    able = [row for row in runtimes().values() if row.is_installed and is_open_to(model, row)]
    return tuple(prover.prove(row) for row in able)


def _plain(name: str) -> str:
    """The name with only characters that every server accepts."""
    return re.sub(r"[^\w-]+", "_", name)
