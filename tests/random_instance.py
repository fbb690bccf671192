"""Any instance model with random weights that find something, saved as training saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.trained_instance import MODEL, NAMES, SIDE, save_instance_weights

SHRINK = 0.01
BACKGROUND = {"MaskRCNN": 3.5, "CascadeRCNN": 3.05}
"""Logit of no object, by architecture, at which a few tens of proposals exceed the smallest score of 0.05."""


def save_random_weights(name: str, folder: Path) -> Path:
    """`best_model.pdparams` and its card in `folder`: a network for two classes whose input is `SIDE` pixels."""
    import paddle

    if name == MODEL:
        return save_instance_weights(folder)
    from segcli.engines.paddledet.networks import build_instance_network
    from segcli.models.card import ModelCard
    from segcli.models.instance.recipes import FROM_SCRATCH
    from segcli.models.instance.table import SIZED

    paddle.seed(3)
    network = build_instance_network(name, len(NAMES), SIDE, overrides=FROM_SCRATCH)
    norms = [layer for layer in network.sublayers() if isinstance(layer, paddle.nn.BatchNorm2D)]
    for layer in norms:
        layer._momentum = 0.0
    with paddle.no_grad():  # normalised features, so that masks and scores are decided
        images = paddle.rand([2, 3, SIDE, SIDE])
        network.pixel_maps(images) if name == "SeedUNet-S" else network.backbone({"image": images})
    if name == "SOLOv2":  # scores about the head's threshold of 0.1 instead of 0.01
        network.solov2_head.solo_cate.bias.set_value(network.solov2_head.solo_cate.bias + 2.3)
    if hasattr(network, "rpn_head"):  # boxes that stay in the image, scores below 1
        _shrink(network)
    folder.mkdir(parents=True, exist_ok=True)
    paddle.save(network.state_dict(), str(folder / "best_model.pdparams"))
    ModelCard(name, NAMES, preprocess=SIZED[name].preprocess(SIDE)).save(folder)
    return folder / "best_model.pdparams"


def _shrink(network: Any) -> None:
    import paddle

    network.eval()
    with paddle.no_grad():
        features = network.backbone({"image": paddle.rand([1, 3, SIDE, SIDE])})
    if network.neck is not None:  # levels of equal strength, however deep the backbone is
        for convolution, level in zip(network.neck.lateral_convs, features, strict=True):
            convolution.weight.set_value(convolution.weight / level.std())
    spread = 1.0 if network.neck is not None else float(features[0].std())
    background = BACKGROUND[type(network).__name__]
    names = ("rpn_rois_score", "rpn_rois_delta", "bbox_score", "bbox_delta", "mask_fcn_logits")
    for name, weight in network.named_parameters():
        if name.endswith("weight") and any(part in name for part in names):
            weight.set_value(weight * (SHRINK / spread))
        if name.endswith("bias") and "bbox_score" in name:  # few objects: the background's score is the last one
            weight.set_value(paddle.to_tensor([*weight.numpy()[:-1], background], dtype="float32"))
