"""Test-time augmentation, for evaluation and prediction."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import SEMANTIC, Instead, Read


class ViewsConfig(Section):
    """Test-time augmentation: the network looks at each image several times, and the answers are joined.

    Objects of one class whose boxes overlap become one, its score is the mean over the views.

    Attributes:
        flip: Looks at the mirrored image too.
        scales: Sizes relative to the usual one, such as [0.75, 1.0, 1.25]; needs a network that takes any size.
        mean_of: Of label maps, what the mean is taken of: ``logits`` as in PaddleSeg, ``probabilities`` as in
            mmsegmentation.
    """

    flip: bool = False
    scales: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0,)
    mean_of: Annotated[
        Literal["logits", "probabilities"], Read(("evaluate", "predict"), SEMANTIC), Instead("objects are joined")
    ] = "logits"

    @property
    def count(self) -> int:
        """How often the network looks at an image."""
        return len(self.scales) * (2 if self.flip else 1)

    @property
    def scaled(self) -> bool:
        """Whether a view has another size than the usual one."""
        return any(scale != 1 for scale in self.scales)
