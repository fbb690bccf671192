"""One training of a Segment Anything network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import paddle
from paddle import Tensor, nn

from segcli.data.instances import InstanceSample
from segcli.data.loading import read_sized
from segcli.engine import Batch, Evaluation, Network
from segcli.engines.promptable.sam_samples import SamSample, SamSamples
from segcli.engines.promptable.session import PromptableSession
from segcli.metrics.promptable_measure import measure_clicks
from segcli.promptable.backends import PaddleSam, network_fingerprint
from segcli.promptable.cache import EmbeddingCache, embedding_key
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.training import PromptSettings, promptable_loss


class SamStep(nn.Layer):
    """The part of a step that has gradients, as a layer, so that several processes can average them.

    Args:
        network: The `Sam`.
        prompting: How prompts are made.
    """

    def __init__(self, network: Network, prompting: PromptSettings) -> None:
        super().__init__()
        self.network, self.prompting = network, prompting

    def forward(self, samples: Sequence[SamSample], kept: Sequence[Tensor] | None) -> Tensor:
        """The mean loss of the images of a step.

        Args:
            samples: The images.
            kept: Their embeddings ``[1, C, g, g]``, where the encoder is not trained; else None.
        """
        losses = [
            promptable_loss(self.network, embedding, one.objects, np.random.default_rng((one.seed, 1)), self.prompting)
            for one, embedding in zip(samples, self._encoded(samples) if kept is None else kept, strict=True)
            if len(one.objects.coverage)
        ]
        if not losses:
            # thin objects may vanish at the resolution of the mask logits: the loss is 0 then
            trained = (parameter.sum() for parameter in self.network.parameters() if not parameter.stop_gradient)
            return paddle.add_n(list(trained)) * 0.0
        return paddle.add_n(losses) / len(losses)

    def _encoded(self, samples: Sequence[SamSample]) -> list[Tensor]:
        images = paddle.to_tensor(np.concatenate([one.image for one in samples if one.image is not None]))
        together = self.network.image_encoder(images)
        return [together[index : index + 1] for index in range(len(samples))]


@dataclass(kw_only=True)
class SamSession(PromptableSession[SamSamples]):
    """What `segcli.steps.train.loop` drives.

    Attributes:
        val: The validation split.
        cache: Embeddings of images where the encoder is frozen; None where it is trained.
    """

    val: Sequence[InstanceSample]
    cache: EmbeddingCache | None
    score_name: str = "box mIoU"
    _fingerprint: str | None = field(default=None, repr=False)

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """The mean over images and rounds of prompts."""
        samples: list[SamSample] = batch.tensors["samples"]
        kept = None if self.cache is None else [self._kept_embedding(one.sample, self.cache) for one in samples]
        return {"loss": self.forward(samples, kept)}

    def evaluate(self, network: Network, most: int | None = None) -> Evaluation:
        """Measures the masks predicted from prompts for every object of the validation split."""
        backend = PaddleSam(network, "in training" if self.cache is None else self._encoder_fingerprint())
        cache = EmbeddingCache(memory_items=0) if self.cache is None else self.cache
        report = measure_clicks(SamPredictor(backend, self.samples.preprocess, cache), self.val[:most])
        return Evaluation(score=report.score, metrics=report.as_dict())

    def _kept_embedding(self, sample: InstanceSample, cache: EmbeddingCache) -> Tensor:
        preprocess = self.samples.preprocess
        key = embedding_key(sample.image.read_bytes(), self._encoder_fingerprint(), preprocess.fingerprint)
        embedding = cache.get(key)
        if embedding is None:
            # in evaluation mode: the running statistics of a frozen encoder must not change either
            embedding = PaddleSam(self.network, key).encode(preprocess(read_sized(sample))[0])
            cache.put(key, embedding)
        return paddle.to_tensor(embedding)

    def _encoder_fingerprint(self) -> str:
        """Fingerprint of the encoder only, after weights were loaded: a trained decoder needs no new embeddings."""
        if self._fingerprint is None:
            self._fingerprint = network_fingerprint(self.network.image_encoder)
        return self._fingerprint
