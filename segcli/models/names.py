"""Every model that segcli knows by name, its task and its size: pure data, to list and to check configurations by."""

from __future__ import annotations

from segcli.models.task import Task

_SEMANTIC = {
    "Deeplabv3-R50": 39.1,
    "Deeplabv3-R101": 58.2,
    "Deeplabv3_Plus-R50": 26.8,
    "Deeplabv3_Plus-R101": 45.8,
    "OCRNet_HRNet-W18": 12.1,
    "OCRNet_HRNet-W48": 70.5,
    "PP-LiteSeg-T": 8.2,
    "PP-LiteSeg-B": 12.4,
    "SegFormer-B0": 3.7,
    "SegFormer-B1": 13.7,
    "SegFormer-B2": 27.4,
    "SegFormer-B3": 47.2,
    "SegFormer-B4": 64.0,
    "SegFormer-B5": 84.6,
    "SeaFormer_tiny": 1.7,
    "SeaFormer_small": 4.0,
    "SeaFormer_base": 8.7,
    "SeaFormer_large": 14.0,
    "MaskFormer_tiny": 41.8,
    "MaskFormer_small": 63.1,
    "UNet-S": 0.7,
}
_INSTANCE = {
    "MaskRCNN-ResNet50": 36.0,
    "MaskRCNN-ResNet50-FPN": 44.4,
    "MaskRCNN-ResNet50-vd-FPN": 44.5,
    "MaskRCNN-ResNet101-FPN": 63.5,
    "MaskRCNN-ResNet101-vd-FPN": 63.5,
    "MaskRCNN-ResNeXt101-vd-FPN": 102.5,
    "Cascade-MaskRCNN-ResNet50-FPN": 72.1,
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN": 72.1,
    "SOLOv2": 46.6,
    "PP-YOLOE_seg-S": 9.0,
    "Mask-RT-DETR-S": 14.7,
    "Mask-RT-DETR-M": 18.8,
    "Mask-RT-DETR-L": 32.9,
    "Mask-RT-DETR-X": 68.8,
    "Mask-RT-DETR-H": 130.0,
    "SeedUNet-S": 0.7,
}
_PROMPTABLE = {
    "SAM-H_box": 641.1,
    "SAM-H_point": 641.1,
    "SAM-B": 93.7,
    "SAM-L": 312.3,
    "SAM-H": 641.1,
    "MobileSAM": 10.1,
    "SAM-tiny": 0.4,
    "LSeg-L": 406.3,
    "LSeg-tiny": 3.0,
}

MODEL_TASKS: dict[str, Task] = {
    **dict.fromkeys(_SEMANTIC, Task.SEMANTIC),
    **dict.fromkeys(_INSTANCE, Task.INSTANCE),
    **dict.fromkeys(_PROMPTABLE, Task.PROMPTABLE),
}

PARAMETERS_MILLION: dict[str, float] = {**_SEMANTIC, **_INSTANCE, **_PROMPTABLE}
"""Parameters of each network as its official weights hold them; a head of fewer classes has fewer."""
