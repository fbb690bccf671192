"""Runs the promptable networks with Paddle, for the predictors."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import paddle

from segcli.device import compute_eagerly
from segcli.models.promptable.lseg.lseg import LSeg
from segcli.models.promptable.lseg.tokenizer import tokenize
from segcli.models.promptable.sam.sam import Sam

FloatArray = npt.NDArray[np.float32]


class PaddleSam:
    """A `Sam` run by Paddle.

    Args:
        network: Put into evaluation mode.
        fingerprint: Fingerprint of its weights; computed from them if it is not given.
    """

    def __init__(self, network: Sam, fingerprint: str | None = None) -> None:
        self.network = network
        self.network.eval()
        self.fingerprint = fingerprint or network_fingerprint(network)
        self.mask_side = 4 * network.grid

    @paddle.no_grad()
    def encode(self, image: FloatArray) -> FloatArray:
        """See `SamBackend.encode`."""
        compute_eagerly()
        return np.asarray(self.network.image_encoder(paddle.to_tensor(image)).numpy(), np.float32)

    @paddle.no_grad()
    def decode(
        self, embedding: FloatArray, coords: FloatArray, labels: FloatArray, mask: FloatArray, has_mask: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `SamBackend.decode`."""
        compute_eagerly()
        masks, iou = self.network(*map(paddle.to_tensor, (embedding, coords, labels, mask, has_mask)))
        return masks.numpy(), iou.numpy()


class PaddleLSeg:
    """An `LSeg` run by Paddle.

    Args:
        network: Put into evaluation mode.
        fingerprint: Fingerprint of its weights; computed from them if it is not given.
    """

    def __init__(self, network: LSeg, fingerprint: str | None = None) -> None:
        self.network = network
        self.network.eval()
        self.fingerprint = fingerprint or network_fingerprint(network)

    @paddle.no_grad()
    def encode_image(self, image: FloatArray) -> FloatArray:
        """See `TextBackend.encode_image`."""
        compute_eagerly()
        return np.asarray(self.network.encode_image(paddle.to_tensor(image)).numpy(), np.float32)

    @paddle.no_grad()
    def encode_texts(self, texts: list[str], *, truncate: bool) -> FloatArray:
        """See `TextBackend.encode_texts`.

        Raises:
            UsageError: A text is empty, or too long while `truncate` is False.
        """
        compute_eagerly()
        tokens = paddle.to_tensor(tokenize(texts, truncate=truncate))
        return np.asarray(self.network.encode_text(tokens).numpy(), np.float32)

    @paddle.no_grad()
    def compare(self, pixels: FloatArray, texts: FloatArray) -> FloatArray:
        """See `TextBackend.compare`."""
        compute_eagerly()
        logits = self.network.compare(paddle.to_tensor(pixels), paddle.to_tensor(texts))
        return np.asarray(logits[0].numpy(), np.float32)


def network_fingerprint(network: paddle.nn.Layer) -> str:
    """A checksum over all weights of a network."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.numpy()).data)
    return digest.hexdigest()
