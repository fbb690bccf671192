"""`Train.network`: what a user lays over a network's parts."""

from __future__ import annotations

from pathlib import Path

import paddle
import pytest

from segcli.engines.paddledet.engine import PaddleDetEngine
from segcli.engines.paddledet.networks import build_instance_network
from segcli.errors import ConfigError
from segcli.models.card import ModelCard
from segcli.models.table import get_spec
from segcli.trained import load_trained
from tests.instance_run import configure, make_rectangles


def test_the_parts_take_the_arguments() -> None:
    options = {
        "BBoxAssigner": {"batch_size_per_im": 64},
        "RPNHead": {"anchor_generator": {"anchor_sizes": [[8], [16], [32], [64], [128]]}},
    }
    network = build_instance_network("MaskRCNN-ResNet50-FPN", 1, 64, options=options)
    assert network.bbox_head.bbox_assigner.batch_size_per_im == 64
    assert network.rpn_head.anchor_generator.anchor_sizes[0] == [8]
    assert network.rpn_head.anchor_generator.strides == [4, 8, 16, 32, 64]  # the recipe's neighbours stay


@pytest.mark.parametrize(
    ("options", "key", "remedy"),
    [
        ({"MaskQueryTransfomer": {"num_queries": 20}}, "Train.network.MaskQueryTransfomer", "MaskQueryTransformer"),
        (
            {"MaskQueryTransformer": {"num_querys": 20}},
            "Train.network.MaskQueryTransformer.num_querys",
            "num_queries",
        ),
        ({"num_classes": 3}, "Train.network.num_classes", "choose one of"),
    ],
)
def test_unknown_names_are_faults(options: dict[str, object], key: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build_instance_network("Mask-RT-DETR-S", 1, 64, options=options)
    (fault,) = raised.value.faults
    assert fault.key == key
    assert remedy in str(raised.value)


def test_a_value_that_does_not_fit_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"Train\.network"):
        build_instance_network("SOLOv2", 1, 64, options={"SOLOv2Head": 7})
    with pytest.raises(ConfigError, match="cannot be built"):
        build_instance_network("Mask-RT-DETR-S", 1, 64, options={"MaskQueryTransformer": {"num_heads": "many"}})


def test_they_travel_with_the_weights(tmp_path: Path) -> None:
    options = {"SegPPYOLOEHead": {"nms": {"keep_top_k": 7}}}
    network = build_instance_network("PP-YOLOE_seg-S", 1, 64, options=options)
    paddle.save(network.state_dict(), str(tmp_path / "best_model.pdparams"))
    ModelCard("PP-YOLOE_seg-S", ("cell",), config={"Train": {"network": options}}).save(tmp_path)
    opened = load_trained(tmp_path / "best_model.pdparams").network
    assert opened.yolo_head.nms.keep_top_k == 7


def test_targets_of_solov2_follow_its_grids(tmp_path: Path) -> None:
    make_rectangles(tmp_path / "data")
    options = {"SOLOv2Head": {"num_grids": [12, 8, 6, 4, 4], "seg_feat_channels": 32, "stacked_convs": 1}}
    config = configure("SOLOv2", tmp_path / "data", tmp_path / "run", Train={"network": options})
    session = PaddleDetEngine().open_training(get_spec("SOLOv2"), config)
    batch = next(iter(session.batches(0)))
    assert float(session.losses(batch)["loss"]) > 0
