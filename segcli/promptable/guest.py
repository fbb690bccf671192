"""Third-party SAM-like models: an encoder and a decoder as the authors' own export writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segcli.data.yaml_nodes import read_yaml
from segcli.errors import WeightsError
from segcli.inference.exported_model import MANIFEST_FILE, ExportedModel
from segcli.inference.graphs import Graph
from segcli.inference.guests.folder import Guest
from segcli.inference.guests.inputs import GuestInputs
from segcli.inference.proofs import Proofs
from segcli.inference.runtimes.open_graph import open_graph
from segcli.inference.runtimes.protocol import Runtime
from segcli.models.guests import SECTION
from segcli.promptable.protocols import FloatArray
from segcli.runtimes import RuntimeRow, runtimes

ENCODER, DECODER = "encoder", "decoder"
PLACES: dict[str, tuple[str, ...]] = {
    "embedding": ("image_embeddings", "image_embedding", "image_embed", "embedding"),
    "coords": ("point_coords", "coords"),
    "labels": ("point_labels", "labels"),
    "mask": ("mask_input", "mask"),
    "has_mask": ("has_mask_input", "has_mask"),
    "size": ("orig_im_size", "image_size"),
}
"""Known names of decoders' inputs, by their meaning."""
MASKS = ("low_res_masks", "low_res_logits", "masks")
SCORES = ("iou_predictions", "iou", "scores")
"""Known names of the outputs; masks at low resolution come first."""
_FOUR = 4


@dataclass(frozen=True)
class SamGuest:
    """The manifest of a third-party SAM-like model.

    Attributes:
        guest: Card and input of the encoder.
        inputs: Meaning (a key of `PLACES`) -> name of the decoder's input.
        outputs: Indices of masks and scores among the decoder's outputs.
        mask_side: Side of its masks in pixels.
        sha256: Checksum of all its files.
    """

    guest: Guest
    inputs: Mapping[str, str]
    outputs: tuple[int, int]
    mask_side: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """The section of the manifest."""
        facts = {"inputs": dict(self.inputs), "outputs": list(self.outputs), "mask_side": self.mask_side}
        return {**self.guest.as_dict(), "sam": {**facts, "sha256": self.sha256}}

    @staticmethod
    def open(folder: Path) -> SamGuest:
        """Reads the manifest.

        Raises:
            WeightsError: It is damaged.
        """
        try:
            values = read_yaml(folder / MANIFEST_FILE)[SECTION]
            sam = values["sam"]
            masks, scores = (int(place) for place in sam["outputs"])
            inputs = {str(place): str(name) for place, name in sam["inputs"].items()}
            return SamGuest(Guest.of(values), inputs, (masks, scores), int(sam["mask_side"]), str(sam["sha256"]))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, yaml.YAMLError) as fault:
            raise WeightsError(f"the manifest is damaged: {fault}", path=folder, hint="import it again") from fault


class GuestSam:
    """A third-party SAM-like model on a runtime; see `segcli.promptable.protocols.SamBackend`.

    Args:
        described: Its manifest.
        encoder: Runs its encoder.
        decoder: Runs its decoder.
    """

    def __init__(self, described: SamGuest, encoder: Runtime, decoder: Runtime) -> None:
        self._described, self._encoder, self._decoder = described, encoder, decoder
        self._to_input = GuestInputs(described.guest.card.input, described.guest.dtype)
        self.mask_side, self.fingerprint = described.mask_side, described.sha256

    def encode(self, image: FloatArray) -> FloatArray:
        """See `SamBackend.encode`."""
        guest = self._described.guest
        found = self._encoder.run_named({guest.input_name: self._to_input(image)})
        return np.asarray(found[guest.output_places[0]], np.float32)

    def decode(
        self, embedding: FloatArray, coords: FloatArray, labels: FloatArray, mask: FloatArray, has_mask: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `SamBackend.decode`; runs prompts one by one, because these decoders take a single one."""
        side = np.array([self._described.guest.card.input.size or (0, 0)], np.float32)[0]
        masks, scores = [], []
        for place in range(len(coords)):
            given = {
                "embedding": embedding,
                "coords": coords[place : place + 1],
                "labels": labels[place : place + 1],
                "mask": mask,
                "has_mask": has_mask,
                "size": side,
            }
            found = self._decoder.run_named({name: given[what] for what, name in self._described.inputs.items()})
            one, score = (np.asarray(found[index], np.float32) for index in self._described.outputs)
            one, score = four_masks(one[0], score.reshape(-1))
            masks.append(one)
            scores.append(score)
        return np.stack(masks), np.stack(scores)


def four_masks(masks: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Masks [4, m, m] and scores [4], the one for clear prompts first, from a decoder with one, three or four masks."""
    if len(masks) == _FOUR:
        return masks, scores
    best = int(scores.argmax())
    chosen = [best, *range(3)] if len(masks) == 3 else [best] * _FOUR
    return masks[chosen], scores[chosen]


def open_guest_sam(described: ExportedModel, runtime: str, device: str) -> GuestSam:
    """Opens a third-party SAM-like model on a runtime; raises the errors of `runtimes.open_graph.open_graph`."""
    encoder, decoder = (
        open_graph(Graph(described.folder / stem, convertible=False, foreign=True), runtime, device)
        for stem in (ENCODER, DECODER)
    )
    return GuestSam(SamGuest.open(described.folder), encoder, decoder)


def agreeing_on(described: ExportedModel) -> list[RuntimeRow]:
    """The runtimes whose outputs agreed at import, the fastest first; ONNX Runtime if there are none."""
    rows, proofs = runtimes(), Proofs(described.folder)
    files = [described.folder / f"{stem}.onnx" for stem in (ENCODER, DECODER)]
    found = [(row, proofs.find(row, files)) for row in rows.values() if row.is_installed]
    timed = [(proof.milliseconds or 0.0, row) for row, proof in found if proof is not None and proof.agrees]
    return [row for _, row in sorted(timed, key=lambda one: one[0])] or [rows["onnxruntime"]]


def matched(names: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Meaning -> the name among `names` that is known for it; meanings without one are left out."""
    return {what: name for what, words in known.items() for name in names if name in words}
