"""Registers segcli's instance networks with PaddleDetection's factories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle

from segcli.engines.paddledet.importing import import_ppdet
from segcli.errors import MissingPartError
from segcli.models.instance import mask_rtdetr, ppyoloe_seg
from segcli.models.instance.hgnet_v2 import SegHGNetV2
from segcli.models.instance.hybrid_neck import MaskHybridNeck
from segcli.models.instance.mask_queries import MaskQueryTransformer
from segcli.models.instance.mask_rtdetr import MaskSetHead, TopQueries
from segcli.models.instance.matcher import SetMatcher
from segcli.models.instance.ppyoloe_seg_head import SegPPYOLOEHead
from segcli.models.instance.seed_unet import SeedUNet
from segcli.models.instance.set_loss import SetLoss
from segcli.models.instance.task_aligner import IndexedTaskAligner


def _chain(cfg: Mapping[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """Creates the parts in order; each receives the output shape of the last part before it that has one."""
    from ppdet.core.workspace import create

    made: dict[str, Any] = {}
    shape: Any = None
    for part in parts:
        made[part] = create(cfg[part]) if shape is None else create(cfg[part], input_shape=shape)
        shape = getattr(made[part], "out_shape", shape)
    return made


class SegMaskRTDETR(mask_rtdetr.SegMaskRTDETR):
    """`segcli.models.instance.mask_rtdetr.SegMaskRTDETR`, built by PaddleDetection's factories."""

    @classmethod
    def from_config(cls, cfg: Mapping[str, Any]) -> dict[str, Any]:
        """The parts; the head needs no input shape."""
        from ppdet.core.workspace import create

        return {**_chain(cfg, ("backbone", "neck", "transformer")), "detr_head": create(cfg["detr_head"])}


class SegPPYOLOE(ppyoloe_seg.SegPPYOLOE):
    """`segcli.models.instance.ppyoloe_seg.SegPPYOLOE`, built by PaddleDetection's factories."""

    @classmethod
    def from_config(cls, cfg: Mapping[str, Any]) -> dict[str, Any]:
        """The parts."""
        return _chain(cfg, ("backbone", "neck", "yolo_head"))


INSTANCE_CLASSES: tuple[type, ...] = (
    SegMaskRTDETR,
    SegPPYOLOE,
    SegHGNetV2,
    MaskHybridNeck,
    MaskQueryTransformer,
    MaskSetHead,
    SetLoss,
    SetMatcher,
    TopQueries,
    SegPPYOLOEHead,
    IndexedTaskAligner,
    SeedUNet,
)

# these never branch on a tensor's value: tracing need not rewrite their source (Paddle's rewriter lacks some syntax);
# PP-YOLOE_seg's backbone is PaddleDetection's, which does branch
_TRACED_AS_THEY_ARE = (
    mask_rtdetr.SegMaskRTDETR.forward,
    mask_rtdetr.SegMaskRTDETR.predict_prototypes,
    SeedUNet.forward,
    SegPPYOLOEHead.forward,
    SegPPYOLOEHead.decode,
)


def register_instance_networks() -> None:
    """Registers `INSTANCE_CLASSES`; a second call changes nothing.

    Raises:
        MissingPartError: PaddleDetection is missing, or has another class with one of these names.
    """
    import_ppdet()
    from ppdet.core.workspace import global_config, register

    for method in _TRACED_AS_THEY_ARE:
        paddle.jit.not_to_static(method)
    for cls in INSTANCE_CLASSES:
        known = global_config.get(cls.__name__)
        if known is None:
            register(cls)
        elif getattr(known.pymodule, cls.__name__, None) is not cls:
            raise MissingPartError(
                f"this PaddleDetection already has a class {cls.__name__} ({known.pymodule.__name__})",
                hint="segcli needs paddledet 2.6.0",
            )
