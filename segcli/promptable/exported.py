"""Exported promptable models: their parts on disk, and the backends that run them without the networks' code.

Files beside `inference.yml` and `model_card.json`::

    encoder.json .pdiparams [.onnx .xml .bin]    SAM: image to embedding; encoder_1, encoder_2 if it was split
    decoder.*                                    SAM: embedding and prompts to masks
    pixels.* texts.*                             LSeg: image to pixel vectors, tokens to text vectors
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segcli.data.yaml_nodes import read_yaml
from segcli.errors import MissingPartError, SegcliError, WeightsError
from segcli.inference.exported_model import MANIFEST_FILE, ExportedModel
from segcli.inference.graphs import Graph
from segcli.inference.proofs import Proofs
from segcli.inference.runtimes.devices import candidates, runs_on
from segcli.inference.runtimes.open_graph import first_line, open_graph
from segcli.inference.runtimes.protocol import Runtime
from segcli.models.promptable.lseg.tokenizer import tokenize
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.promptable.guest import agreeing_on, open_guest_sam
from segcli.promptable.protocols import FloatArray, SamBackend, TextBackend
from segcli.runtimes import AUTO, PADDLE, RuntimeRow

log = logging.getLogger("segcli.predict")

IMAGE, TOKENS = "image", "tokens"
DECODER_INPUTS = ("image_embedding", "coords", "labels", "mask", "has_mask")
TEMPERATURE = 0.07
"""LSeg's constant; see `segcli.models.promptable.lseg.lseg`."""


@dataclass(frozen=True)
class ExportedParts:
    """The parts of an exported promptable model.

    Attributes:
        folder: Folder of the files.
        names: Part (``encoder``, ``decoder``, ``pixels``, ``texts``) -> stems of its files, to be run in order.
        mask_side: Side of SAM's mask logits; 0 for LSeg.
        source_sha256: Checksum of the weight file that was exported.
    """

    folder: Path
    names: Mapping[str, tuple[str, ...]]
    mask_side: int
    source_sha256: str

    @staticmethod
    def open(folder: Path) -> ExportedParts:
        """Reads the manifest.

        Raises:
            WeightsError: The folder was not written by segcli, or its manifest is damaged.
        """
        try:
            ours = read_yaml(folder / MANIFEST_FILE)["Segcli"]
            names = {half: tuple(stems) for half, stems in ours["parts"].items()}
            if any(Path(stem).name != stem for stems in names.values() for stem in stems):
                raise ValueError("a part lies outside the folder")
            return ExportedParts(folder, names, int(ours["mask_side"]), str(ours["source_sha256"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, yaml.YAMLError) as fault:
            raise WeightsError(
                "is no promptable model that segcli exported",
                path=folder,
                hint="give the weights themselves, or export them with segcli",
            ) from fault


class RuntimeSam:
    """A Segment Anything network run by a runtime; see `SamBackend`.

    Args:
        encoder: The parts of the encoder, in order.
        decoder: The decoder.
        mask_side: Side of the mask logits.
        fingerprint: Of the weights.
    """

    def __init__(self, encoder: Sequence[Runtime], decoder: Runtime, mask_side: int, fingerprint: str) -> None:
        self._encoder, self._decoder = tuple(encoder), decoder
        self.mask_side, self.fingerprint = mask_side, fingerprint

    def encode(self, image: FloatArray) -> FloatArray:
        """See `SamBackend.encode`."""
        for part in self._encoder:
            image = np.asarray(part.run_named({IMAGE: image})[0], np.float32)
        return image

    def decode(
        self, embedding: FloatArray, coords: FloatArray, labels: FloatArray, mask: FloatArray, has_mask: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `SamBackend.decode`."""
        given = (embedding, coords, labels, mask, has_mask)
        masks, iou = self._decoder.run_named(dict(zip(DECODER_INPUTS, given, strict=True)))
        return np.asarray(masks, np.float32), np.asarray(iou, np.float32)


class RuntimeLSeg:
    """An LSeg network run by a runtime; see `TextBackend`.

    Args:
        pixels: Runs the image encoder.
        texts: Runs the text encoder.
        fingerprint: Of the weights.
    """

    def __init__(self, pixels: Runtime, texts: Runtime, fingerprint: str) -> None:
        self._pixels, self._texts = pixels, texts
        self.fingerprint = fingerprint

    def encode_image(self, image: FloatArray) -> FloatArray:
        """See `TextBackend.encode_image`."""
        return np.asarray(self._pixels.run_named({IMAGE: image})[0], np.float32)

    def encode_texts(self, texts: list[str], *, truncate: bool) -> FloatArray:
        """See `TextBackend.encode_texts`."""
        return np.asarray(self._texts.run_named({TOKENS: tokenize(texts, truncate=truncate)})[0], np.float32)

    def compare(self, pixels: FloatArray, texts: FloatArray) -> FloatArray:
        """See `TextBackend.compare`."""
        _, dim, rows, columns = pixels.shape
        logits = (texts @ pixels.reshape(dim, -1) / np.float32(TEMPERATURE)).reshape(-1, rows, columns)
        return np.asarray(_doubling(rows) @ logits @ _doubling(columns).T, np.float32)


def open_exported(described: ExportedModel, wanted: str, device: str) -> tuple[SamBackend | TextBackend, str]:
    """Opens an exported promptable model.

    Args:
        described: The exported model.
        wanted: Name of the runtime; ``auto`` uses on the CPU the one that was the fastest at export, Paddle last, on
            any other device Paddle first; for an imported model the fastest that agreed at import.
        device: Where to run, as `inference_device` returns it; the CPU where no runtime of the model runs there.

    Returns:
        The backend, and the name of its runtime.

    Raises:
        WeightsError: The folder was not written by segcli.
        ConfigError: There is no runtime of this name.
        MissingPartError: The requested runtime is not installed, or none can open the model.
        ExportError: The conversion that the requested runtime needs failed.
    """
    if wanted != AUTO:
        return _opener(described, device)(wanted), wanted
    known = candidates(AUTO) if described.guest is None else agreeing_on(described)
    able = [row for row in known if runs_on(row, device)]
    if not able:
        log.warning("%s runs on the CPU: no runtime that computes on %s can open it", described.folder, device)
        device, able = "cpu", known
    opened = _opener(described, device)
    faults: list[str] = []
    for row in _fastest_first(able, described) if device == "cpu" else able:
        try:
            backend = opened(row.name)
        except (SegcliError, RuntimeError, NotImplementedError, ValueError, OSError) as fault:
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        if faults:
            log.warning("%s runs on %s, because %s", described.folder, row.name, "; ".join(faults))
        return backend, row.name
    raise MissingPartError("no runtime can open this model: " + "; ".join(faults), path=described.folder)


def keep_time(folder: Path, row: RuntimeRow, *, detail: str, milliseconds: float) -> None:
    """Keeps how long a runtime that agrees takes to read an image.

    The files are not told: this only orders runtimes, all of which the export has compared, and a digest of the largest
    networks takes as long as a small one takes to run.
    """
    Proofs(folder).keep(row, (), agrees=True, detail=detail, milliseconds=milliseconds)


def _fastest_first(able: Sequence[RuntimeRow], described: ExportedModel) -> list[RuntimeRow]:
    """Runtimes by the times of `keep_time`, those without one after these in their order, Paddle last."""
    proofs = Proofs(described.folder)
    found = {row.name: proofs.find(row, ()) for row in able if described.guest is None}
    times = {name: proof.milliseconds for name, proof in found.items() if proof is not None and proof.milliseconds}
    return sorted(able, key=lambda row: (row.name == PADDLE, times.get(row.name, float("inf"))))


def _opener(described: ExportedModel, device: str) -> Callable[[str], SamBackend | TextBackend]:
    """A function that opens the model on the runtime of a given name."""
    if described.guest is not None:
        return lambda name: open_guest_sam(described, name, device)
    parts = ExportedParts.open(described.folder)
    is_sam = PROMPTABLE[described.model_name].prompt_kind is PromptKind.CLICKS
    return lambda name: _open_on(parts, name, device, is_sam=is_sam)


def part_graph(folder: Path, stem: str) -> Graph:
    """One network of a promptable model."""
    # oneDNN's passes of Paddle 3.3.1 change the outputs of CLIP's text transformer, and never end on SAM-B
    return Graph(folder / stem, folder / f"{stem}.json", folder / f"{stem}.pdiparams", onednn=False)


def open_part(folder: Path, stem: str, runtime: str, device: str = "cpu") -> Runtime:
    """Opens one network; raises the errors of `segcli.inference.runtimes.open_graph.open_graph`."""
    return open_graph(part_graph(folder, stem), runtime, device)


def _open_on(parts: ExportedParts, runtime: str, device: str, *, is_sam: bool) -> SamBackend | TextBackend:
    opened = {
        half: [open_part(parts.folder, stem, runtime, device) for stem in stems] for half, stems in parts.names.items()
    }
    if is_sam:
        return RuntimeSam(opened["encoder"], opened["decoder"][0], parts.mask_side, parts.source_sha256)
    return RuntimeLSeg(opened["pixels"][0], opened["texts"][0], parts.source_sha256)


def _doubling(size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The matrix ``[2 * size, size]`` that doubles a line of pixels bilinearly with `align_corners=True`."""
    places = np.arange(2 * size) * (size - 1) / (2 * size - 1)
    before = np.minimum(places.astype(int), max(size - 2, 0))
    share = places - before
    matrix = np.zeros((2 * size, size), np.float32)
    rows = np.arange(2 * size)
    matrix[rows, before] += 1 - share
    matrix[rows, np.minimum(before + 1, size - 1)] += share
    return matrix
