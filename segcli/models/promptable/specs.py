"""The table of the promptable models: pure data, read before any library is imported."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from segcli.models.spec import IMAGENET_MEAN, IMAGENET_STD, ModelSpec, Preprocess, TrainRecipe
from segcli.models.task import Task

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class PromptKind(str, Enum):
    """The kinds of prompts."""

    CLICKS = "boxes and points"
    TEXTS = "texts"


class Promptable(NamedTuple):
    """The properties of a promptable model that are not in its `ModelSpec`.

    Attributes:
        prompt_kind: The prompts it takes, and so its architecture: Segment Anything or LSeg.
        side: Side in pixels of its square input.
        trains_encoder: Whether training changes the image encoder by default: only where that is small.
        learning_rate: Default in training: SAM's authors start at 8e-4, fine-tunings of its decoder use about 1e-4, and
            a small network with random weights learns faster with more.
        parameters_million: See `ModelSpec`.
    """

    prompt_kind: PromptKind
    side: int
    trains_encoder: bool = False
    learning_rate: float = 1e-4
    parameters_million: float | None = None

    @property
    def preprocess(self) -> Preprocess:
        """How an image becomes the input: the long side fills the square."""
        is_sam = self.prompt_kind is PromptKind.CLICKS
        return Preprocess(
            mean=IMAGENET_MEAN if is_sam else CLIP_MEAN,
            std=IMAGENET_STD if is_sam else CLIP_STD,
            size=(self.side, self.side),
            keep_ratio=True,
            stride=self.side,
        )


PROMPTABLE: dict[str, Promptable] = {
    "SAM-H_box": Promptable(PromptKind.CLICKS, 1024, parameters_million=641.1),
    "SAM-H_point": Promptable(PromptKind.CLICKS, 1024, parameters_million=641.1),
    "SAM-B": Promptable(PromptKind.CLICKS, 1024, parameters_million=93.7),
    "SAM-L": Promptable(PromptKind.CLICKS, 1024, parameters_million=312.3),
    "SAM-H": Promptable(PromptKind.CLICKS, 1024, parameters_million=641.1),
    "MobileSAM": Promptable(PromptKind.CLICKS, 1024, parameters_million=10.1),
    "SAM-tiny": Promptable(PromptKind.CLICKS, 256, trains_encoder=True, learning_rate=2e-3, parameters_million=0.4),
    "LSeg-L": Promptable(PromptKind.TEXTS, 640, parameters_million=406.3),
    "LSeg-tiny": Promptable(PromptKind.TEXTS, 96, trains_encoder=True, learning_rate=1e-3, parameters_million=3.0),
}


def prompt_kind_of(name: str) -> PromptKind:
    """The prompts that a promptable model takes; imported models take those of Segment Anything."""
    return PROMPTABLE[name].prompt_kind if name in PROMPTABLE else PromptKind.CLICKS


def form_of_guest(preprocess: Preprocess) -> Promptable:
    """The properties of an imported model, from its preprocessing."""
    return Promptable(PromptKind.CLICKS, max(preprocess.size or (0, 0)))


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
"""URLs of the authors' files, in PyTorch's format; LSeg's are published behind a web form, without a direct URL."""

ALIASES = {"SAM-H_box": "SAM-H", "SAM-H_point": "SAM-H"}
"""PaddleX's two names of one network, prompted by boxes or by points; here each takes both."""


def is_same_network(first: str, second: str) -> bool:
    """Whether two models have the same network, so that weights of one fit the other."""
    return ALIASES.get(first, first) == ALIASES.get(second, second)


def _recipe(model: Promptable) -> TrainRecipe:
    """AdamW with a cosine schedule, as in fine-tunings of SAM.

    LSeg's authors use SGD for a fine-tuning of 240 epochs; AdamW needs fewer.
    """
    return TrainRecipe(
        without_views=True,
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
