"""Predicts masks for boxes and points on an image with a Segment Anything network."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt

from segcli.errors import UsageError
from segcli.inference.square_input import SquareInput
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.encoded import ImageHolder
from segcli.promptable.layout import alike, prompt_arrays
from segcli.promptable.masks import PromptMask, make_mask, stability_score
from segcli.promptable.prompts import ObjectPrompt, valid_objects
from segcli.promptable.protocols import SamBackend

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

BATCH_OBJECTS = 16
"""Objects decoded per batch; more would only need more memory."""


class Multimask(str, Enum):
    """Which of the network's masks are returned."""

    AUTO = "auto"
    """Like ``best`` for a single point, like ``single`` otherwise."""
    BEST = "best"
    """Of the three masks for ambiguous prompts, the one with the highest predicted IoU."""
    ALL = "all"
    """All three masks for ambiguous prompts."""
    SINGLE = "single"
    """The single mask for clear prompts."""


class SamPredictor(ImageHolder):
    """Encodes an image once and predicts masks for any number of prompts.

    Args:
        backend: Runs the network.
        preprocess: How images become its input.
        cache: Cache of embeddings; the default keeps a few in memory.
    """

    def __init__(self, backend: SamBackend, preprocess: SquareInput, cache: EmbeddingCache | None = None) -> None:
        super().__init__(preprocess, EmbeddingCache() if cache is None else cache)
        self.backend = backend

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the network's weights."""
        return self.backend.fingerprint

    def encode(self, image: FloatArray) -> FloatArray:
        """Maps an image ``[1, 3, S, S]`` to its embedding ``[1, C, g, g]``."""
        return self.backend.encode(image)

    def predict(
        self,
        objects: Sequence[ObjectPrompt],
        *,
        multimask: Multimask | str = Multimask.AUTO,
        threshold: float = 0.0,
        refine_rounds: int = 0,
        previous: Sequence[FloatArray | None] | None = None,
    ) -> list[PromptMask]:
        """Predicts masks for prompts on the image that was set.

        Args:
            objects: Boxes and points, an entry per object.
            multimask: Which masks are returned.
            threshold: Pixels with logits above it belong to the mask.
            refine_rounds: How often the mask is passed back to the network as a mask prompt; ignored with `previous`.
            previous: For each object the logits ``[m, m]`` of an earlier mask, passed to the network with its prompt,
                or None.

        Returns:
            One mask per object, in order; three with ``all``, except with `previous`.

        Raises:
            UsageError: No image was set, a prompt cannot be used (all are listed), or `multimask` is unknown.
        """
        wanted = parse_multimask(multimask)
        placement = self.encoded.placement
        objects = valid_objects(objects, placement.width, placement.height, self.encoded.name)
        written = next((prompt for prompt in objects if prompt.text is not None), None)
        if written is not None:
            raise UsageError(
                f"{written.name}: this network takes boxes and points, not texts", hint="use an LSeg model"
            )
        if previous is not None:
            return [
                self._corrected(prompt, logits, wanted, threshold)
                for prompt, logits in zip(objects, previous, strict=True)
            ]
        answers: dict[int, list[PromptMask]] = {}
        for indices in alike(objects, BATCH_OBJECTS):
            group = [objects[index] for index in indices]
            logits, iou = self._decode(group)
            for place, index in enumerate(indices):
                chosen = _choose(iou[place], wanted, is_ambiguous=objects[index].is_ambiguous)
                pairs = [(choice, logits[place, choice], float(iou[place, choice])) for choice in chosen]
                refined = [self._refine(objects[index], pair, refine_rounds) for pair in pairs]
                answers[index] = [self._finish(objects[index], *pair, threshold) for pair in refined]
        return [answer for index in range(len(objects)) for answer in answers[index]]

    def decode_points(self, coords: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Runs the decoder on prompts in model pixels: ``[B, N, 2]``, ``[B, N]`` to ``[B, 4, m, m]``, ``[B, 4]``."""
        side = self.backend.mask_side
        no_mask = np.zeros((1, 1, side, side), np.float32), np.zeros(1, np.float32)
        return self.backend.decode(self.encoded.embedding, coords, labels, *no_mask)

    def _decode(self, group: Sequence[ObjectPrompt]) -> tuple[FloatArray, FloatArray]:
        return self.decode_points(*prompt_arrays(group, self.encoded.placement.to_model))

    def _corrected(
        self, prompt: ObjectPrompt, logits: FloatArray | None, wanted: Multimask, threshold: float
    ) -> PromptMask:
        """The mask for a prompt together with an earlier mask; the network takes one mask at a time."""
        given, counts = (None, 0.0) if logits is None else (logits[None, None], 1.0)
        side = self.backend.mask_side
        mask = np.zeros((1, 1, side, side), np.float32) if given is None else given
        coords, labels = prompt_arrays([prompt], self.encoded.placement.to_model)
        found, iou = self.backend.decode(self.encoded.embedding, coords, labels, mask, np.array([counts], np.float32))
        is_ambiguous = prompt.is_ambiguous and logits is None
        (choice,) = _choose(iou[0], wanted, is_ambiguous=is_ambiguous)[:1]
        return self._finish(prompt, choice, found[0, choice], float(iou[0, choice]), threshold)

    def _refine(
        self, prompt: ObjectPrompt, answer: tuple[int, FloatArray, float], rounds: int
    ) -> tuple[int, FloatArray, float]:
        choice, logits, score = answer
        coords, labels = prompt_arrays([prompt], self.encoded.placement.to_model)
        for _ in range(rounds):
            masks, iou = self.backend.decode(
                self.encoded.embedding, coords, labels, logits[None, None], np.ones(1, np.float32)
            )
            # Together with a mask, a prompt is never ambiguous.
            choice, logits, score = 0, masks[0, 0], float(iou[0, 0])
        return choice, logits, score

    def _finish(
        self, prompt: ObjectPrompt, choice: int, logits: FloatArray, score: float, threshold: float
    ) -> PromptMask:
        full = self.encoded.placement.to_image(logits)
        stability = float(stability_score(full - threshold))
        return make_mask(prompt, full > threshold, score=score, stability=stability, choice=choice, logits=logits)


def parse_multimask(value: Multimask | str) -> Multimask:
    """Parses the choice of masks.

    Raises:
        UsageError: It is none of ``auto``, ``best``, ``all`` and ``single``.
    """
    try:
        return Multimask(value)
    except ValueError as error:
        known = ", ".join(choice.value for choice in Multimask)
        raise UsageError(f"multimask is {value!r}; it must be one of {known}") from error


def _choose(iou: FloatArray, wanted: Multimask, *, is_ambiguous: bool) -> list[int]:
    if wanted is Multimask.ALL:
        return [1, 2, 3]
    if wanted is Multimask.BEST or (wanted is Multimask.AUTO and is_ambiguous):
        return [1 + int(np.argmax(iou[1:]))]
    return [0]
