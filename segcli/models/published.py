"""Scores that PaddleX and the original authors publish for the official weights; not measured here."""

from __future__ import annotations

from dataclasses import dataclass

from segcli.models.promptable.specs import PromptKind, prompt_kind_of
from segcli.models.table import MODELS

APACHE = "Apache-2.0"
"""Licence of PaddleX, PaddleSeg and PaddleDetection, which publish the files and name no other licence for weights."""
SEGFORMER = "non-commercial (NVIDIA)"
"""NVIDIA publishes SegFormer and its backbones for non-commercial use."""

PERMISSIVE = ("Apache-2.0", "MIT", "BSD")
"""Beginnings of licences that restrict no use."""

_PROMPTABLE_LICENCES = {PromptKind.CLICKS: APACHE, PromptKind.TEXTS: "MIT (LSeg), MIT (CLIP's text encoder)"}
"""Licences of the promptable models: Segment Anything, and LSeg with CLIP's text encoder."""


@dataclass(frozen=True)
class Published:
    """Published facts about the official weights of a model.

    Attributes:
        score: mIoU or mask AP in percent; None where none is published.
        dataset: The validation data of the score.
        size_mb: Size of the file in MB; None where none is published.
        licence: Licence of the weights.
    """

    score: float | None
    dataset: str
    size_mb: float | None
    licence: str = APACHE


_CITYSCAPES, _ADE, _COCO = "Cityscapes", "ADE20K", "COCO 2017"
_SEMANTIC: dict[str, tuple[float, str, float | None]] = {
    "Deeplabv3-R50": (79.90, _CITYSCAPES, 138.3),
    "Deeplabv3-R101": (80.85, _CITYSCAPES, 205.9),
    "Deeplabv3_Plus-R50": (80.36, _CITYSCAPES, 94.9),
    "Deeplabv3_Plus-R101": (81.10, _CITYSCAPES, 162.5),
    "OCRNet_HRNet-W18": (80.67, _CITYSCAPES, 43.1),
    "OCRNet_HRNet-W48": (82.15, _CITYSCAPES, 249.8),
    "PP-LiteSeg-T": (73.10, _CITYSCAPES, 28.5),
    "PP-LiteSeg-B": (75.25, _CITYSCAPES, 47.0),
    "SegFormer-B0": (76.73, _CITYSCAPES, 13.2),
    "SegFormer-B1": (78.35, _CITYSCAPES, 48.5),
    "SegFormer-B2": (81.60, _CITYSCAPES, 96.9),
    "SegFormer-B3": (82.47, _CITYSCAPES, 167.3),
    "SegFormer-B4": (82.38, _CITYSCAPES, 226.7),
    "SegFormer-B5": (82.58, _CITYSCAPES, 229.7),
    "SeaFormer_tiny": (34.58, _ADE, 6.1),
    "SeaFormer_small": (38.73, _ADE, 14.3),
    "SeaFormer_base": (40.92, _ADE, 30.8),
    "SeaFormer_large": (43.66, _ADE, 49.8),
    "MaskFormer_tiny": (46.69, _ADE, None),
    "MaskFormer_small": (49.70, _ADE, None),
}
_INSTANCE: dict[str, tuple[float, float]] = {
    "MaskRCNN-ResNet50": (32.8, 128.7),
    "MaskRCNN-ResNet50-FPN": (35.6, 157.5),
    "MaskRCNN-ResNet50-vd-FPN": (36.4, 157.5),
    "MaskRCNN-ResNet101-FPN": (36.6, 225.4),
    "MaskRCNN-ResNet101-vd-FPN": (38.1, 225.1),
    "MaskRCNN-ResNeXt101-vd-FPN": (39.5, 370.0),
    "Cascade-MaskRCNN-ResNet50-FPN": (36.3, 254.8),
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN": (39.1, 254.7),
    "SOLOv2": (35.5, 179.1),
    "PP-YOLOE_seg-S": (32.5, 31.5),
    "Mask-RT-DETR-S": (41.0, 51.8),
    "Mask-RT-DETR-M": (42.7, 66.6),
    "Mask-RT-DETR-L": (45.7, 113.6),
    "Mask-RT-DETR-X": (47.5, 237.5),
    "Mask-RT-DETR-H": (50.6, 449.9),
}

PUBLISHED: dict[str, Published] = {
    **{
        name: Published(score, data, size, SEGFORMER if name.startswith("SegFormer") else APACHE)
        for name, (score, data, size) in _SEMANTIC.items()
    },
    **{name: Published(score, _COCO, size) for name, (score, size) in _INSTANCE.items()},
    **{
        name: Published(None, "", None, _PROMPTABLE_LICENCES[prompt_kind_of(name)])
        for name, spec in MODELS.items()
        if spec.task.facts.takes_prompts and not name.endswith("-tiny")
    },
}
"""By model; models without official weights are missing. From PaddleX's model lists, commit 015f959 of its docs."""


def restricts(licence: str) -> bool:
    """Whether a licence of official weights restricts what they, and what is trained from them, may be used for."""
    return bool(licence) and not licence.startswith(PERMISSIVE)
