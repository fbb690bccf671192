"""Opens a promptable model: a weight file with Paddle, an exported folder with the fastest runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from segcli.errors import UsageError, WeightsError
from segcli.inference.exported_model import ExportedModel, is_exported
from segcli.inference.runtimes.devices import inference_device
from segcli.inference.square_input import SquareInput
from segcli.models.promptable.specs import PROMPTABLE, Promptable, PromptKind, form_of_guest
from segcli.models.spec import ModelSpec
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.protocols import SamBackend, TextBackend
from segcli.promptable.text_predictor import TextPredictor
from segcli.tasks import TASKS

LARGE_EMBEDDINGS_IN_MEMORY = 1
"""For LSeg, whose pixel embeddings take 210 MB per image."""


@dataclass(frozen=True)
class OpenedPromptable:
    """An opened promptable model.

    Attributes:
        described: Its description as an exported model.
        backend: Runs it.
        preprocess: Preprocessing of images.
        runtime: Name of the runtime.
        source: The weight file or the folder.
    """

    described: ExportedModel
    backend: SamBackend | TextBackend
    preprocess: SquareInput
    runtime: str
    source: Path

    @property
    def form(self) -> Promptable:
        """The kind of promptable model."""
        return _form_of(self.described)

    def predictor(self, cache: EmbeddingCache | None) -> SamPredictor | TextPredictor:
        """Returns the predictor for prompts; None for `cache` keeps a few embeddings in memory."""
        if self.form.prompt_kind is PromptKind.CLICKS:
            return SamPredictor(cast(SamBackend, self.backend), self.preprocess, cache)
        return TextPredictor(cast(TextBackend, self.backend), self.preprocess, cache)

    def cache_in(self, folder: str | None) -> EmbeddingCache | None:
        """Returns a cache of embeddings in `folder`, as float16 where they are large; None for None."""
        if folder is None:
            return None
        if self.form.prompt_kind is PromptKind.CLICKS:
            return EmbeddingCache(folder)
        return EmbeddingCache(folder, memory_items=LARGE_EMBEDDINGS_IN_MEMORY, half=True)


def open_promptable(
    spec: ModelSpec, source: Path, *, runtime: str = "auto", device: str = "cpu", strict: bool = False
) -> OpenedPromptable:
    """Opens weights or an exported model.

    Args:
        spec: The expected model.
        source: A weight file (``.pdparams``, ``.pth``, safetensors, ...), a folder with weights saved by segcli, or
            the folder of an exported model.
        runtime: Runtime of an exported model; weights run on Paddle.
        device: Device to run on, as in `Global.device`.
        strict: Whether a missing device is an error.

    Raises:
        UsageError: A runtime other than Paddle was requested for weights.
        WeightsError: There is nothing to open, or it is another model.
    """
    if is_exported(source):
        from segcli.promptable.exported import open_exported

        described = ExportedModel.open(source)
        there = inference_device(device, runtime, strict=strict).partition(",")[0]
        backend, name = open_exported(described, runtime, there)
        return OpenedPromptable(described, backend, _square_input(described), name, source)
    inside = source / TASKS[spec.task].weight_file
    file = inside if source.is_dir() else source
    if not file.is_file():
        raise WeightsError(
            "there is neither a weight file nor an exported model",
            path=source,
            hint="name a weight file such as sam_vit_b_01ec64.pth, or the folder that export wrote",
        )
    if runtime not in ("auto", "paddle"):
        raise UsageError(f"a weight file runs on Paddle, not on {runtime}", hint="export it first: segcli export")
    return open_weights(spec, file, device=device, strict=strict)


def open_weights(spec: ModelSpec, file: Path, *, device: str = "cpu", strict: bool = False) -> OpenedPromptable:
    """Opens a weight file with Paddle; see `open_promptable`."""
    from segcli.data.files import sha256_of
    from segcli.device import select_device
    from segcli.promptable.backends import PaddleLSeg, PaddleSam
    from segcli.trained import load_trained

    select_device(device, strict=strict)
    trained = load_trained(file, spec.name)
    form = PROMPTABLE[spec.name]
    sha256 = sha256_of(file)
    described = ExportedModel(
        folder=file.parent,
        model_name=spec.name,
        preprocess=trained.card.preprocess,
        input_shape=(1, 3, form.side, form.side),
        class_names=trained.card.class_names,
        card=trained.card,
        source_sha256=sha256,
    )
    kind = PaddleSam if form.prompt_kind is PromptKind.CLICKS else PaddleLSeg
    return OpenedPromptable(described, kind(trained.network, sha256), _square_input(described), "paddle", file)


def _square_input(described: ExportedModel) -> SquareInput:
    return SquareInput.of(_form_of(described), described.preprocess)


def _form_of(described: ExportedModel) -> Promptable:
    return form_of_guest(described.preprocess) if described.guest else PROMPTABLE[described.model_name]
