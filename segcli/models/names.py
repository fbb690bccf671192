"""Every model that segcli knows by name, and its task: pure data, for checking a configuration."""

from __future__ import annotations

from segcli.tasks import Task

_SEMANTIC = (
    "Deeplabv3-R50",
    "Deeplabv3-R101",
    "Deeplabv3_Plus-R50",
    "Deeplabv3_Plus-R101",
    "OCRNet_HRNet-W18",
    "OCRNet_HRNet-W48",
    "PP-LiteSeg-T",
    "PP-LiteSeg-B",
    "SegFormer-B0",
    "SegFormer-B1",
    "SegFormer-B2",
    "SegFormer-B3",
    "SegFormer-B4",
    "SegFormer-B5",
    "SeaFormer_tiny",
    "SeaFormer_small",
    "SeaFormer_base",
    "SeaFormer_large",
    "MaskFormer_tiny",
    "MaskFormer_small",
)
_INSTANCE = (
    "MaskRCNN-ResNet50",
    "MaskRCNN-ResNet50-FPN",
    "MaskRCNN-ResNet50-vd-FPN",
    "MaskRCNN-ResNet101-FPN",
    "MaskRCNN-ResNet101-vd-FPN",
    "MaskRCNN-ResNeXt101-vd-FPN",
    "Cascade-MaskRCNN-ResNet50-FPN",
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN",
    "SOLOv2",
    "PP-YOLOE_seg-S",
    "Mask-RT-DETR-S",
    "Mask-RT-DETR-M",
    "Mask-RT-DETR-L",
    "Mask-RT-DETR-X",
    "Mask-RT-DETR-H",
)
_PROMPTABLE = ("SAM-H_box", "SAM-H_point", "SAM-B", "SAM-L", "SAM-H", "MobileSAM", "SAM-tiny", "LSeg-L", "LSeg-tiny")

MODEL_TASKS: dict[str, Task] = {
    **dict.fromkeys(_SEMANTIC, Task.SEMANTIC),
    **dict.fromkeys(_INSTANCE, Task.INSTANCE),
    **dict.fromkeys(_PROMPTABLE, Task.PROMPTABLE),
}
