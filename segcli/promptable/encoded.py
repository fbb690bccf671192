"""Encodes an image once, for any number of prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcli.errors import UsageError
from segcli.inference.square_input import Placement, SquareInput
from segcli.promptable.cache import EmbeddingCache, embedding_key

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class EncodedImage:
    """An image that is ready for prompts.

    Attributes:
        embedding: Output of the network's encoder, float32.
        placement: Position of the image in the model's input.
        name: Name of the image, for messages.
    """

    embedding: FloatArray
    placement: Placement
    name: str


class ImageHolder(ABC):
    """Base class of predictors: holds the encoded image that prompts refer to.

    Args:
        preprocess: How images become the network's input.
        cache: Where embeddings are kept.
    """

    def __init__(self, preprocess: SquareInput, cache: EmbeddingCache) -> None:
        self.preprocess, self.cache = preprocess, cache
        self._encoded: EncodedImage | None = None

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Fingerprint of the network's weights."""

    @abstractmethod
    def encode(self, image: FloatArray) -> FloatArray:
        """Maps a prepared image to its embedding."""

    @property
    def encoded(self) -> EncodedImage:
        """The image that prompts refer to.

        Raises:
            UsageError: No image was set.
        """
        if self._encoded is None:
            raise UsageError("no image is set: call set_image first")
        return self._encoded

    def set_image(self, image: UInt8Array, *, name: str = "the image", file_bytes: bytes | None = None) -> None:
        """Encodes an image, or takes its embedding from the cache.

        Args:
            image: ``[H, W, 3]`` uint8, RGB.
            name: Name of the image, for messages.
            file_bytes: Bytes of the file, which identify the image in the cache; None uses the pixels.
        """
        content = repr(image.shape).encode() + image.tobytes() if file_bytes is None else file_bytes
        key = embedding_key(content, self.fingerprint, self.preprocess.fingerprint)
        embedding = self.cache.get(key)
        if embedding is None:
            embedding = self.encode(self.preprocess(image)[0])
            self.cache.put(key, embedding)
        self._encoded = EncodedImage(embedding, self.preprocess.place(*image.shape[:2]), name)
