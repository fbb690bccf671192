"""An LSeg network whose ViT is frozen: its tokens of an image are computed once and cached."""

from __future__ import annotations

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from segcli.engine import Network
from segcli.promptable.backends import PaddleLSeg, network_fingerprint
from segcli.promptable.cache import EmbeddingCache, embedding_key

FloatArray = NDArray[np.float32]


class FrozenPixels:
    """Encodes images as unit vectors per pixel, with cached tokens of the ViT.

    Args:
        cache: Stores the tokens of each image, ``[hooks, 1 + patches, dim]``.
    """

    def __init__(self, cache: EmbeddingCache) -> None:
        self.cache = cache
        self._fingerprint: str | None = None

    def encode(self, network: Network, images: FloatArray) -> Tensor:
        """Maps images ``[B, 3, S, S]`` to ``[B, D, S / 2, S / 2]``.

        Args:
            network: The `LSeg`, or its moving average: they have the same ViT.
            images: Preprocessed as for the network.
        """
        kept = paddle.to_tensor(np.stack([self._tokens(network, image[None]) for image in images], axis=1))
        side = images.shape[-1] // network.pretrained.model.patch_size
        out: Tensor = network.encode_tokens([kept[hook] for hook in range(kept.shape[0])], side, side)
        return out

    def _tokens(self, network: Network, image: FloatArray) -> FloatArray:
        if self._fingerprint is None:
            # computed at the first image, when the weights are loaded
            self._fingerprint = network_fingerprint(network.pretrained.model)
        key = embedding_key(image.tobytes(), self._fingerprint, repr(image.shape))
        tokens = self.cache.get(key)
        if tokens is None:
            with paddle.no_grad():
                hooked = network.pretrained.model(paddle.to_tensor(image))
            tokens = np.concatenate([one.numpy() for one in hooked])
            self.cache.put(key, tokens)
        return tokens


class FrozenLSeg(PaddleLSeg):
    """Runs the network in an evaluation on the tokens that the training has cached."""

    def __init__(self, network: Network, pixels: FrozenPixels) -> None:
        super().__init__(network, "in training")
        self.pixels = pixels

    @paddle.no_grad()
    def encode_image(self, image: FloatArray) -> FloatArray:
        """See `TextBackend.encode_image`."""
        return np.asarray(self.pixels.encode(self.network, image).numpy(), np.float32)
