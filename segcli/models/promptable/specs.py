"""The table of the promptable models: pure data, read before any library is imported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from segcli.models.spec import ModelSpec, Preprocess, TrainRecipe
from segcli.models.task import Task

if TYPE_CHECKING:
    from segcli.models.promptable.geometry import Preparation

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Asked(str, Enum):
    """What a model is asked by."""

    CLICKS = "boxes and points"
    TEXTS = "texts"


@dataclass(frozen=True)
class Promptable:
    """What of a promptable model is not in its `ModelSpec`.

    Attributes:
        asked: By what it is asked, and so of which kind it is: Segment Anything or LSeg.
        side: Side in pixels of its square input.
        trains_encoder: Whether a training changes the image encoder unless told otherwise: only where that is small.
        learning_rate: Of a training: SAM's authors begin at 8e-4, fine-tunings of its decoder take about 1e-4, and a
            small network that begins with nothing learns faster with more.
        parameters_million: Of the network, see `ModelSpec`.
    """

    asked: Asked
    side: int
    trains_encoder: bool = False
    learning_rate: float = 1e-4
    parameters_million: float | None = None

    @property
    def preprocess(self) -> Preprocess:
        """How an image becomes the input, in the words of the house: the long side fills the square."""
        is_sam = self.asked is Asked.CLICKS
        return Preprocess(
            mean=IMAGENET_MEAN if is_sam else CLIP_MEAN,
            std=IMAGENET_STD if is_sam else CLIP_STD,
            size=(self.side, self.side),
            keep_ratio=True,
            stride=self.side,
        )

    @property
    def preparation(self) -> Preparation:
        """The same as what the predictors call."""
        return preparation_of(self, self.preprocess)


PROMPTABLE: dict[str, Promptable] = {
    "SAM-H_box": Promptable(Asked.CLICKS, 1024, parameters_million=641.1),
    "SAM-H_point": Promptable(Asked.CLICKS, 1024, parameters_million=641.1),
    "SAM-B": Promptable(Asked.CLICKS, 1024, parameters_million=93.7),
    "SAM-L": Promptable(Asked.CLICKS, 1024, parameters_million=312.3),
    "SAM-H": Promptable(Asked.CLICKS, 1024, parameters_million=641.1),
    "MobileSAM": Promptable(Asked.CLICKS, 1024, parameters_million=10.1),
    "SAM-tiny": Promptable(Asked.CLICKS, 256, trains_encoder=True, learning_rate=2e-3, parameters_million=0.4),
    "LSeg-L": Promptable(Asked.TEXTS, 640, parameters_million=406.3),
    "LSeg-tiny": Promptable(Asked.TEXTS, 96, trains_encoder=True, learning_rate=1e-3, parameters_million=3.0),
}

_SAM = "https://dl.fbaipublicfiles.com/segment_anything"
_SAM_H = f"{_SAM}/sam_vit_h_4b8939.pth"
OFFICIAL = {
    "SAM-H_box": _SAM_H,
    "SAM-H_point": _SAM_H,
    "SAM-H": _SAM_H,
    "SAM-L": f"{_SAM}/sam_vit_l_0b3195.pth",
    "SAM-B": f"{_SAM}/sam_vit_b_01ec64.pth",
    "MobileSAM": "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/mobile_sam.pt",
}
"""The authors' files, which the reader of torch's files takes; LSeg's lie behind a form and have no such address."""

ALIASES = {"SAM-H_box": "SAM-H", "SAM-H_point": "SAM-H"}
"""PaddleX's two names of one network, asked by box or by point; here each takes both."""


def is_same_network(first: str, second: str) -> bool:
    """Whether weights of the one model are weights of the other."""
    return ALIASES.get(first, first) == ALIASES.get(second, second)


def preparation_of(model: Promptable, preprocess: Preprocess) -> Preparation:
    """How the predictors prepare images for weights with this preprocessing (means in 0..1)."""
    from segcli.models.promptable.geometry import Preparation

    mean, std = ((r * 255, g * 255, b * 255) for r, g, b in (preprocess.mean, preprocess.std))
    return Preparation(model.side, mean, std, rounds=model.asked is Asked.CLICKS)


def _recipe(model: Promptable) -> TrainRecipe:
    """AdamW with a cosine, as SAM's fine-tunings use it.

    LSeg's authors use SGD for a fine-tuning of 240 epochs; AdamW needs fewer.
    """
    return TrainRecipe(
        optimizer={"type": "AdamW", "weight_decay": 0.01, "clip_norm": 1.0},
        lr_scheduler={"type": "CosineAnnealingDecay"},
        loss={},
        transforms=(),
        learning_rate=model.learning_rate,
        warmup_steps=100,
    )


PROMPTABLE_MODELS: tuple[ModelSpec, ...] = tuple(
    ModelSpec(
        name=name,
        task=Task.PROMPTABLE,
        network={"type": name},
        recipe=_recipe(model),
        preprocess=model.preprocess,
        weights={"pretrained": OFFICIAL[name]} if name in OFFICIAL else {},
        parameters_million=model.parameters_million,
        fixed_export=(model.side, model.side),
    )
    for name, model in PROMPTABLE.items()
)
