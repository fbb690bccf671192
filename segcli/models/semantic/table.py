"""The table of the semantic models: pure data, read before any library is imported."""

from __future__ import annotations

from dataclasses import replace

from segcli.models.semantic.recipes import (
    CROP_SIZE,
    HALF,
    IMAGENET,
    SHRUNK,
    convolutional_recipe,
    cross_entropy,
    maskformer_recipe,
    seaformer_recipe,
    segformer_recipe,
    unet_recipe,
)
from segcli.models.spec import ModelSpec, Preprocess, Recipe, TrainRecipe
from segcli.models.task import Task

_OFFICIAL = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_pretrained_model"


def _semantic(
    name: str,
    network: Recipe,
    recipe: TrainRecipe,
    *,
    preprocess: Preprocess = HALF,
    is_official: bool = True,
    has_backbone_file: bool = True,
    fixed_export: tuple[int, int] | None = None,
) -> ModelSpec:
    weights = {"pretrained": f"{_OFFICIAL}/{name}_pretrained.pdparams"} if is_official else {}
    if has_backbone_file:
        weights["backbone"] = f"{_OFFICIAL}/{name}_backbone_imagenet_pretrained.pdparams"
    return ModelSpec(name, Task.SEMANTIC, network, recipe, preprocess, weights, fixed_export)


def _deeplab(name: str, head: str, depth: int, indices: list[int]) -> ModelSpec:
    network = {
        "type": head,
        "backbone": {"type": f"ResNet{depth}_vd", "output_stride": 8, "multi_grid": [1, 2, 4]},
        "backbone_indices": indices,
        "aspp_ratios": [1, 12, 24, 36],
        "aspp_out_channels": 256,
        "align_corners": False,
    }
    return _semantic(name, network, convolutional_recipe(cross_entropy(1.0), crop_size=(1024, 512)))


def _ocrnet(name: str, backbone: str) -> ModelSpec:
    network = {"type": "OCRNet", "backbone": {"type": backbone}, "backbone_indices": [0]}
    return _semantic(name, network, convolutional_recipe(cross_entropy(1.0, 0.4)))


def _pp_liteseg(name: str, network: Recipe) -> ModelSpec:
    return _semantic(name, {"type": "PPLiteSeg", **network}, convolutional_recipe(cross_entropy(1.0, 1.0, 1.0)))


def _segformer(size: int, embedding_dim: int, crop_size: tuple[int, int] = CROP_SIZE) -> ModelSpec:
    backbone = {"type": f"MixVisionTransformer_B{size}"}
    network = {"type": "SegFormer", "backbone": backbone, "embedding_dim": embedding_dim}
    return _semantic(f"SegFormer-B{size}", network, segformer_recipe(crop_size))


def _seaformer(size: str, head_channels: int, embed_dims: list[int]) -> ModelSpec:
    network = {
        "type": "SeaFormerSeg",
        "backbone": {"type": f"SeaFormer_{size}"},
        "head_channels": head_channels,
        "embed_dims": embed_dims,
    }
    return _semantic(f"SeaFormer_{size}", network, seaformer_recipe())


def _maskformer(size: str) -> ModelSpec:
    backbone = {"type": f"SwinTransformer_{size}_patch4_window7_224_maskformer"}
    return _semantic(
        f"MaskFormer_{size}",
        {"type": "MaskFormer", "backbone": backbone},
        maskformer_recipe(),
        preprocess=replace(IMAGENET, size=(512, 2048), keep_ratio=True),
        has_backbone_file=False,
        fixed_export=(512, 512),
    )


_ROWS: tuple[tuple[float, ModelSpec], ...] = (
    (39.1, _deeplab("Deeplabv3-R50", "DeepLabV3", 50, [3])),
    (58.2, _deeplab("Deeplabv3-R101", "DeepLabV3", 101, [3])),
    (26.8, _deeplab("Deeplabv3_Plus-R50", "DeepLabV3P", 50, [0, 3])),
    (45.8, _deeplab("Deeplabv3_Plus-R101", "DeepLabV3P", 101, [0, 3])),
    (12.1, _ocrnet("OCRNet_HRNet-W18", "HRNet_W18")),
    (70.5, _ocrnet("OCRNet_HRNet-W48", "HRNet_W48")),
    (
        8.2,
        _pp_liteseg(
            "PP-LiteSeg-T",
            {"backbone": {"type": "STDC1"}, "arm_out_chs": [32, 64, 128], "seg_head_inter_chs": [32, 64, 64]},
        ),
    ),
    (12.4, _pp_liteseg("PP-LiteSeg-B", {"backbone": {"type": "STDC2"}})),
    (3.7, _segformer(0, 256)),
    (13.7, _segformer(1, 256, crop_size=(1024, 1024))),
    (27.4, _segformer(2, 768)),
    (47.2, _segformer(3, 768)),
    (64.0, _segformer(4, 768)),
    (84.6, _segformer(5, 768)),
    (1.7, _seaformer("tiny", 96, [64, 96])),
    (4.0, _seaformer("small", 128, [96, 128])),
    (8.7, _seaformer("base", 160, [128, 160])),
    (14.0, _seaformer("large", 192, [128, 160, 192])),
    (41.8, _maskformer("tiny")),
    (63.1, _maskformer("small")),
    (
        0.7,
        _semantic(
            "UNet-S",
            {"type": "SmallUNet"},
            unet_recipe(),
            preprocess=SHRUNK,
            is_official=False,
            has_backbone_file=False,
        ),
    ),
)
"""Parameters in millions, and the model: settings of PaddleX 3 (its PaddleSeg configurations); and the small U-Net.

A crop size is width, height in pixels.
"""

SEMANTIC_MODELS: tuple[ModelSpec, ...] = tuple(replace(spec, parameters_million=millions) for millions, spec in _ROWS)
