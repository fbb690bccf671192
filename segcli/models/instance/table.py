"""The table of the instance models: pure data, read before any library is imported."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import NamedTuple

from segcli.models.instance import training
from segcli.models.spec import ModelSpec, Preprocess, TrainRecipe
from segcli.models.task import Task

_OFFICIAL = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_pretrained_model"


class MaskForm(Enum):
    """The form of a network's mask outputs, before they are brought to the size of the image."""

    IN_BOXES = "small masks stretched over the boxes"
    CUT_PROTOTYPES = "coefficients of prototypes, cut by the boxes"
    PROTOTYPES = "coefficients of prototypes"
    MAPS = "small maps of the whole input"
    PIXELS = "classes and depths of pixels, from which objects are grown"


class Sized(NamedTuple):
    """The properties of an instance model that depend on the image size, and the form of its masks.

    Attributes:
        default: The authors' size in pixels: the square's side, or the shorter side.
        preprocess: Function from the size to how an image becomes the input.
        recipe: Function from the size to how the model is trained.
        masks: The form of the network's mask outputs.
        is_official: Whether PaddleX has the model and its weights.
        needs_objects: Whether the loss needs at least one object in every image.
        parameters_million: See `ModelSpec`.
    """

    default: int
    preprocess: Callable[[int], Preprocess]
    recipe: Callable[[int], TrainRecipe]
    masks: MaskForm = MaskForm.IN_BOXES
    is_official: bool = True
    needs_objects: bool = True
    parameters_million: float | None = None


_RCNN = Sized(800, training.rcnn_preprocess, training.rcnn_recipe)
_RCNN_C4 = Sized(800, partial(training.rcnn_preprocess, stride=1), partial(training.rcnn_recipe, stride=1))
_RCNN_LONG = Sized(800, training.rcnn_preprocess, partial(training.rcnn_recipe, double=True))
_CASCADE = Sized(800, training.rcnn_preprocess, partial(training.rcnn_recipe, clip=35.0))
_SOLO = Sized(800, training.solo_preprocess, training.solo_recipe, MaskForm.MAPS)
_PPYOLOE = Sized(640, training.square_preprocess, training.ppyoloe_seg_recipe, MaskForm.CUT_PROTOTYPES)
_RTDETR = Sized(640, training.square_preprocess, training.mask_rtdetr_recipe, MaskForm.PROTOTYPES)
_RTDETR_L = _RTDETR._replace(recipe=partial(training.mask_rtdetr_recipe, learning_rate=1e-4))
_SEED_UNET = Sized(
    256,
    training.seed_preprocess,
    training.seed_unet_recipe,
    MaskForm.PIXELS,
    is_official=False,
    needs_objects=False,
)

SIZED: dict[str, Sized] = {
    "MaskRCNN-ResNet50": _RCNN_C4._replace(parameters_million=36.0),
    "MaskRCNN-ResNet50-FPN": _RCNN._replace(parameters_million=44.4),
    "MaskRCNN-ResNet50-vd-FPN": _RCNN._replace(parameters_million=44.5),
    "MaskRCNN-ResNet101-FPN": _RCNN._replace(parameters_million=63.5),
    "MaskRCNN-ResNet101-vd-FPN": _RCNN._replace(parameters_million=63.5),
    "MaskRCNN-ResNeXt101-vd-FPN": _RCNN_LONG._replace(parameters_million=102.5),
    "Cascade-MaskRCNN-ResNet50-FPN": _CASCADE._replace(parameters_million=72.1),
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN": _CASCADE._replace(parameters_million=72.1),
    "SOLOv2": _SOLO._replace(parameters_million=46.6),
    "PP-YOLOE_seg-S": _PPYOLOE._replace(parameters_million=9.0),
    "Mask-RT-DETR-S": _RTDETR._replace(parameters_million=14.7),
    "Mask-RT-DETR-M": _RTDETR._replace(parameters_million=18.8),
    "Mask-RT-DETR-L": _RTDETR_L._replace(parameters_million=32.9),
    "Mask-RT-DETR-X": _RTDETR._replace(parameters_million=68.8),
    "Mask-RT-DETR-H": _RTDETR._replace(parameters_million=130.0),
    "SeedUNet-S": _SEED_UNET._replace(parameters_million=0.7),
}
"""The properties by model; `Train.input_size` sets another size."""

INSTANCE_MODELS: tuple[ModelSpec, ...] = tuple(
    ModelSpec(
        name=name,
        task=Task.INSTANCE,
        network={"name": name},
        recipe=sized.recipe(sized.default),
        preprocess=sized.preprocess(sized.default),
        weights={"pretrained": f"{_OFFICIAL}/{name}_pretrained.pdparams"} if sized.is_official else {},
        parameters_million=sized.parameters_million,
    )
    for name, sized in SIZED.items()
)


def has_onnx_form(name: str) -> bool:
    """Whether a model can be converted to ONNX: not R-CNN, whose proposals need Paddle's own operators."""
    return name not in SIZED or SIZED[name].masks is not MaskForm.IN_BOXES
