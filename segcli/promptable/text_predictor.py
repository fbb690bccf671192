"""Predicts masks for texts on an image with an LSeg network, as ModelScope's text-driven segmentation does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from segcli.errors import UsageError
from segcli.inference.square_input import Placement, SquareInput
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.encoded import ImageHolder
from segcli.promptable.masks import PromptMask, make_mask, stability_score
from segcli.promptable.prompts import ObjectPrompt, valid_objects
from segcli.promptable.protocols import TextBackend

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

BACKGROUND_TEXT = "others"
MOST_TEXTS = 4096
"""Number of texts whose vectors are kept; 2 KB each."""


class TextPredictor(ImageHolder):
    """Encodes an image once and predicts masks for any number of texts.

    Args:
        backend: Runs the network.
        preprocess: How images become its input.
        cache: Cache of embeddings. They are large (210 MB for 640 pixels): the default keeps one in memory.
    """

    def __init__(self, backend: TextBackend, preprocess: SquareInput, cache: EmbeddingCache | None = None) -> None:
        super().__init__(preprocess, EmbeddingCache(memory_items=1) if cache is None else cache)
        self.backend = backend
        self._vectors: dict[tuple[str, bool], FloatArray] = {}

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the network's weights."""
        return self.backend.fingerprint

    def encode(self, image: FloatArray) -> FloatArray:
        """Maps an image ``[1, 3, S, S]`` to unit vectors of pixels ``[1, D, S / 2, S / 2]``."""
        return self.backend.encode_image(image)

    def encode_texts(self, texts: Sequence[str], *, truncate: bool = False) -> FloatArray:
        """Unit vectors of texts, ``[K, D]``; a text that was encoded before is not encoded again.

        Raises:
            UsageError: A text is empty, or too long while `truncate` is False.
        """
        new = [text for text in dict.fromkeys(texts) if (text, truncate) not in self._vectors]
        if len(self._vectors) + len(new) > MOST_TEXTS:
            self._vectors.clear()
            new = list(dict.fromkeys(texts))
        if new:
            vectors = self.backend.encode_texts(new, truncate=truncate)
            self._vectors.update(((text, truncate), vector) for text, vector in zip(new, vectors, strict=True))
        return np.stack([self._vectors[text, truncate] for text in texts])

    def score(self, texts: Sequence[str]) -> FloatArray:
        """Scores every pixel of the image that was set against every text, ``[K, H, W]`` logits.

        Raises:
            UsageError: No image was set, or a text is empty or too long.
        """
        encoded = self.encoded
        logits = self.backend.compare(encoded.embedding, self.encode_texts(texts))
        return np.stack([encoded.placement.to_image(np.ascontiguousarray(plane)) for plane in logits])

    def predict(
        self, objects: Sequence[ObjectPrompt], *, background: str = BACKGROUND_TEXT, truncate: bool = False
    ) -> list[PromptMask]:
        """Predicts a mask per text, each compared with the background text separately.

        Args:
            objects: Prompts with texts.
            background: Text for everything else in the image.
            truncate: Whether to cut texts that are too long instead of refusing them.

        Returns:
            One mask per text, in order; empty if the background scores higher everywhere.

        Raises:
            UsageError: No image was set, or a prompt cannot be used.
        """
        encoded = self.encoded
        placement = encoded.placement
        objects = valid_objects(objects, placement.width, placement.height, encoded.name)
        texts = [_text_of(prompt) for prompt in objects]
        vectors = self.encode_texts([background, *texts], truncate=truncate)
        answers = []
        for place, prompt in enumerate(objects, start=1):
            logits = self.backend.compare(encoded.embedding, vectors[[0, place]])
            margin = logits[1] - logits[0]
            answers.append(_answer(prompt, margin, placement))
        return answers


def mask_of_margin(margin: FloatArray, placement: Placement) -> BoolArray:
    """Maps the logit difference between text and background, ``[S, S]``, to a mask ``[H, W]`` as ModelScope does.

    The mask is thresholded at the model's resolution and then resized.
    """
    chosen = np.where(margin > 0, 255, 0).astype(np.uint8)[: placement.resized_height, : placement.resized_width]
    enlarged = Image.fromarray(chosen).resize((placement.width, placement.height), Image.Resampling.BILINEAR)
    return np.asarray(enlarged) >= 128


def _answer(prompt: ObjectPrompt, margin: FloatArray, placement: Placement) -> PromptMask:
    used = margin[: placement.resized_height, : placement.resized_width]
    is_text = used > 0
    probability = 1.0 / (1.0 + np.exp(-used[is_text].astype(np.float64)))
    score = float(probability.mean()) if probability.size else 0.0
    return make_mask(prompt, mask_of_margin(margin, placement), score=score, stability=float(stability_score(used)))


def _text_of(prompt: ObjectPrompt) -> str:
    if prompt.text is None:
        raise UsageError(f"{prompt.name}: this network takes texts, not boxes or points", hint="use a SAM model")
    return prompt.text
