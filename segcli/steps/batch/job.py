"""The description of a batch (model, settings, manifest), saved in its folder: all that a worker needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from segcli.config.schema import PredictConfig
from segcli.data.files import sha256_of, write_json_atomic
from segcli.data.json_text import read_json
from segcli.errors import UsageError
from segcli.inference.exported_model import MANIFEST_FILE, ExportedModel
from segcli.steps.batch.leases import FOLDER as WORK_FOLDER
from segcli.steps.batch.manifest import Manifest
from segcli.steps.batch.results import FolderResults, Results, StoreResults
from segcli.version import __version__

FILE = "batch.json"
SHARDS, FAULTS, LOGS = "shards", "faults", "logs"
ROWS_SUFFIX, MASKS_SUFFIX = ".jsonl", ".tar"
_SCHEMA = 1

Masks = Literal["coco", "png"]
"""Run-length codes in the rows, or one PNG per image in a tar beside them."""


@dataclass(frozen=True)
class Job:
    """A batch.

    Attributes:
        folder: Folder of the batch.
        source: Absolute path or URL of the user's source.
        source_digest: SHA-256 of a table or list of images; empty for a folder.
        model_name: The model.
        model_dir: Absolute path of its folder.
        model_digest: Digest of the files that determine its outputs.
        device: Device that it runs on.
        settings: Settings of the prediction that differ from the defaults.
        masks: Format of the masks.
        shard_size: Images per shard, as given by the user; unused where the source names its shards.
        lease_s: Seconds without a heartbeat after which a worker on another machine counts as dead.
        images: Number of rows of the manifest.
        shards: Number of shards of the manifest.
        title: The model's name for messages; empty in batches of older versions.
        results_url: URL that the results go to; empty for the folder.
    """

    folder: Path
    source: str
    source_digest: str
    model_name: str
    model_dir: str
    model_digest: str
    device: str
    settings: dict[str, Any]
    masks: Masks
    shard_size: int
    lease_s: float
    images: int
    shards: int
    title: str = ""
    results_url: str = ""

    @property
    def results(self) -> Results:
        """Where the results lie."""
        return StoreResults(self.results_url) if self.results_url else FolderResults(self.folder)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the images."""
        return Manifest(self.folder, self.shards, self.images)

    @property
    def predict(self) -> PredictConfig:
        """The settings of the prediction."""
        return PredictConfig.model_validate(self.settings)

    def is_done(self, shard: int) -> bool:
        """Whether a shard is finished: its result exists."""
        return self.results.exists(part(SHARDS, shard, ROWS_SUFFIX))

    def done(self) -> set[int]:
        """The finished shards, from one listing of a folder."""
        names = self.results.names(SHARDS)
        return {int(name[: -len(ROWS_SUFFIX)]) for name in names if name.endswith(ROWS_SUFFIX)}

    def save(self) -> None:
        """Writes the job; the manifest must exist."""
        for name in (SHARDS, FAULTS, LOGS, WORK_FOLDER):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        values = {key: value for key, value in asdict(self).items() if key != "folder"}
        write_json_atomic(self.folder / FILE, {"schema": _SCHEMA, "segcli_version": __version__, **values})

    @staticmethod
    def open(folder: Path) -> Job:
        """Reads the job of a folder.

        Raises:
            UsageError: There is none, or its file is damaged.
        """
        path = folder / FILE
        try:
            values = read_json(path)
            kept = {key: value for key, value in values.items() if key not in ("schema", "segcli_version")}
            return Job(folder=folder, **kept)
        except FileNotFoundError as fault:
            raise UsageError("holds no batch", path=folder) from fault
        except (OSError, ValueError, TypeError, AttributeError) as fault:
            raise UsageError(
                f"is damaged: {fault}", path=path, hint="give another --out; finished shards are kept"
            ) from fault


def part(folder: str, shard: int, suffix: str) -> str:
    """Name of a file of a shard among the results."""
    return f"{folder}/{shard:06d}{suffix}"


def model_digest(model: ExportedModel) -> str:
    """A digest of the files that determine the outputs of a model; converted formats do not count."""
    total = hashlib.sha256()
    for path in _deciding(model):
        total.update(f"{path.name} {sha256_of(path)}\n".encode())
    return total.hexdigest()


def _deciding(model: ExportedModel) -> Iterator[Path]:
    graph = model.graph
    yield model.folder / MANIFEST_FILE
    if graph.has_paddle and graph.program is not None and graph.weights is not None:
        yield from (graph.program, graph.weights)
    else:
        yield from sorted(path for path in model.folder.iterdir() if path.suffix in (".onnx", ".xml", ".bin"))
