"""Test-time augmentation, for evaluation and prediction."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import SEMANTIC, Instead, Read


class ViewsConfig(Section):
    """Test-time augmentation: the network runs on several views of each image, and the results are merged.

    Overlapping boxes of one class are merged into one object; its score is the mean over the views.

    Attributes:
        flip: Adds the mirrored image as a view.
        scales: Sizes relative to the usual one, such as [0.75, 1.0, 1.25]; needs a network that takes any size.
        mean_of: What is averaged for label maps: ``logits`` as in PaddleSeg, ``probabilities`` as in mmsegmentation.
    """

    flip: bool = False
    scales: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0,)
    mean_of: Annotated[
        Literal["logits", "probabilities"], Read(("evaluate", "predict"), SEMANTIC), Instead("objects are merged")
    ] = "logits"

    @property
    def count(self) -> int:
        """Number of views of each image."""
        return len(self.scales) * (2 if self.flip else 1)

    @property
    def scaled(self) -> bool:
        """Whether any view has another scale than 1."""
        return any(scale != 1 for scale in self.scales)
