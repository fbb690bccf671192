"""One training of an LSeg network: every pixel is matched to the text of its class (Li et al. 2022, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor, nn

from segcli.data.classes import ClassMap
from segcli.data.loading import load
from segcli.data.samples import SegSample
from segcli.data.sampling import SampleOrder
from segcli.engine import Batch, Evaluation, Network
from segcli.engines.promptable.frozen_lseg import FrozenLSeg, FrozenPixels
from segcli.engines.promptable.session import PromptableSession
from segcli.errors import DatasetError
from segcli.inference.square_input import SquareInput
from segcli.metrics.promptable_measure import label_texts, measure_texts
from segcli.models.promptable.lseg.tokenizer import tokenize
from segcli.promptable.backends import PaddleLSeg
from segcli.promptable.cache import EmbeddingCache
from segcli.promptable.text_predictor import TextPredictor


@dataclass(frozen=True)
class LSegSamples:
    """The training set: item `d` is position `d` of its order.

    Attributes:
        samples: Images with label maps.
        classes: The classes.
        preprocess: How images become inputs.
        order: The order of training.
        flip: Whether images are mirrored at random.
    """

    samples: Sequence[SegSample]
    classes: ClassMap
    preprocess: SquareInput
    order: SampleOrder
    flip: bool

    def load(self, position: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Image ``[1, 3, S, S]`` and labels ``[1, S, S]``, whose padding has the ignored id.

        Raises:
            DatasetError: Image and mask differ in size, or the mask has unknown ids.
        """
        sample = self.samples[self.order.sample(position)]
        loaded = load(sample)
        rgb, mask = loaded.rgb, loaded.mask
        ignored = self.classes.ignore_index
        if np.any((mask >= len(self.classes)) & (mask != ignored)):
            raise DatasetError(f"contains ids that are not among the {len(self.classes)} classes", path=sample.mask)
        if self.flip and np.random.default_rng(self.order.seed_of(position)).random() < 0.5:
            rgb, mask = np.ascontiguousarray(rgb[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
        image, placement = self.preprocess(rgb)
        size = (placement.resized_width, placement.resized_height)
        labels = np.full((1, placement.side, placement.side), ignored, np.int64)
        labels[0, : size[1], : size[0]] = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        return image, labels

    def path_of(self, position: int) -> str:
        """Path of the image at a position."""
        return str(self.samples[self.order.sample(position)].image)


class LSegStep(nn.Layer):
    """The part of a step that has gradients, as a layer, so that several processes can average them.

    Args:
        network: The `LSeg`.
        frozen: Caches the ViT's tokens of images where the ViT is not trained; else None.
        ignore_index: Label of the pixels that are ignored.
    """

    def __init__(self, network: Network, frozen: FrozenPixels | None, ignore_index: int) -> None:
        super().__init__()
        self.network, self.frozen, self.ignore_index = network, frozen, ignore_index

    def forward(self, images: NDArray[np.float32], labels: NDArray[np.int64], texts: Tensor) -> Tensor:
        """The mean cross entropy of images ``[B, 3, S, S]`` with labels ``[B, S, S]`` over texts ``[K, D]``."""
        if self.frozen is None:
            pixels = self.network.encode_image(paddle.to_tensor(images))
        else:
            pixels = self.frozen.encode(self.network, images)
        logits, ignored = self.network.compare(pixels, texts), self.ignore_index
        total = F.cross_entropy(
            logits, paddle.to_tensor(labels).unsqueeze(1), ignore_index=ignored, axis=1, reduction="sum"
        )
        return total / max(int(np.count_nonzero(labels != ignored)), 1)


@dataclass(kw_only=True)
class LSegSession(PromptableSession[LSegSamples]):
    """What `segcli.steps.train.loop` drives.

    Attributes:
        val: The validation split.
        background: Text prompt of the background class.
        frozen: Caches the ViT's tokens of images where the ViT is not trained; else None.
    """

    val: Sequence[SegSample]
    background: str
    frozen: FrozenPixels | None
    score_name: str = "mIoU"
    _texts: Tensor | None = field(default=None, repr=False)

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """Cross entropy of every pixel over the texts of all classes, without the ignored pixels."""
        samples = batch.tensors["samples"]
        images = np.concatenate([image for image, _ in samples])
        labels = np.concatenate([label for _, label in samples])
        return {"loss": self.forward(images, labels, self._text_vectors())}

    def evaluate(self, network: Network, most: int | None = None) -> Evaluation:
        """Segments the validation split by the class names as text prompts, and measures the result."""
        backend = PaddleLSeg(network, "in training") if self.frozen is None else FrozenLSeg(network, self.frozen)
        predictor = TextPredictor(backend, self.samples.preprocess, EmbeddingCache(memory_items=0))
        report = measure_texts(predictor, self.val[:most], self.classes, background=self.background)
        return Evaluation(score=report.score, metrics=report.as_dict())

    @paddle.no_grad()
    def _text_vectors(self) -> Tensor:
        """Vectors of the class names, computed once: the text encoder is not trained."""
        if self._texts is None:
            tokens = tokenize(label_texts(self.classes.names, self.background))
            self._texts = self.network.encode_text(paddle.to_tensor(tokens))
        return self._texts
