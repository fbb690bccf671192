"""From the `Predict` section of the configuration to checked prompts per image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segcli.config.schema import PredictConfig
from segcli.data.image import image_size
from segcli.errors import InputError, UsageError
from segcli.models.promptable.specs import PromptKind
from segcli.promptable.prompt_parsing import parse_document, read_prompts
from segcli.promptable.prompts import ImagePrompts, ObjectPrompt, check_objects, match_images, raise_faults

_HOW = {
    PromptKind.CLICKS: "Predict.prompts={box_prompt: [[x1, y1, x2, y2]]}, --box, --point, a file, or --everything",
    PromptKind.TEXTS: "Predict.prompts={text_prompt: [bear]}, --text bear, or a file",
}


@dataclass(frozen=True)
class PredictPrompts:
    """The prompts of all images.

    Attributes:
        entries: Prompts per image; empty in everything mode.
        everything: Whether all objects are searched for without prompts.
    """

    entries: tuple[ImagePrompts, ...]
    everything: bool = False

    def of(self, image_name: str | None) -> tuple[ObjectPrompt, ...]:
        """The prompts of one image; for an array (None) those that apply to every image."""
        matching = [entry for entry in self.entries if entry.image is None or image_name is not None]
        name = image_name or "the array"
        return match_images([name], matching)[0][name]


def read_predict_prompts(settings: PredictConfig, kind: PromptKind, model: str) -> PredictPrompts:
    """Reads `Predict.prompts`, a table or the name of a file.

    Raises:
        InputError: The file is missing.
        UsageError: Prompts are missing or invalid, or everything mode is requested of a model that takes texts.
    """
    everything = settings.promptable.everything
    if everything and kind is not PromptKind.CLICKS:
        raise UsageError(f"{model} takes texts; only SAM models have the everything mode", hint=_HOW[kind])
    if everything and settings.prompts is not None:
        raise UsageError("prompts and everything mode exclude each other", hint="leave one of them out")
    if everything:
        return PredictPrompts((), everything=True)
    if settings.prompts is None:
        raise UsageError(f"{model} needs prompts", hint=_HOW[kind])
    if isinstance(settings.prompts, str):
        entries = read_prompts(settings.prompts)
    else:
        parsed = parse_document(settings.prompts)
        raise_faults(parsed.faults)
        entries = parsed.prompts
    raise_faults(_wrong_kind(entries, kind, model))
    if not any(entry.objects for entry in entries):
        raise UsageError("the prompts are empty", hint=_HOW[kind])
    return PredictPrompts(tuple(_understood(entry, kind) for entry in entries))


def check_predict_prompts(prompts: PredictPrompts, files: Sequence[Path]) -> None:
    """Checks all prompts against all images before any network runs.

    Images that cannot be read are skipped here; the prediction reports them.

    Raises:
        UsageError: Lists every prompt that cannot be used, with its image, and every image that does not exist.
    """
    if prompts.everything:
        return
    found, faults = match_images([str(file) for file in files], prompts.entries)
    for name, objects in found.items():
        try:
            width, height = image_size(name)
        except InputError:
            continue
        if objects or len(files) == 1:
            faults += check_objects(objects, width, height, name)[1]
    raise_faults(faults)


def _understood(entry: ImagePrompts, kind: PromptKind) -> ImagePrompts:
    """The part of each prompt that the network takes; for SAM the text of a box becomes its label."""
    if kind is PromptKind.TEXTS:
        return replace(entry, objects=tuple(replace(prompt, box=None, points=()) for prompt in entry.objects))
    return replace(
        entry,
        objects=tuple(replace(prompt, text=None, label=prompt.label or prompt.text) for prompt in entry.objects),
    )


def _wrong_kind(entries: Iterable[ImagePrompts], kind: PromptKind, model: str) -> list[str]:
    faults = []
    for entry in entries:
        for prompt in entry.objects:
            is_text = prompt.text is not None and prompt.box is None and not prompt.points
            where = "" if entry.image is None else f"{entry.image}: "
            if kind is PromptKind.TEXTS and prompt.text is None:
                faults.append(f"{where}{prompt.name}: {model} takes texts only; a SAM model takes boxes and points")
            elif kind is PromptKind.CLICKS and is_text:
                faults.append(
                    f"{where}{prompt.name}: {model} takes boxes and points, not texts; an LSeg model takes them"
                )
    return faults
