from __future__ import annotations

import numpy as np
import paddle
import pytest

from segcli.models.promptable.sam.rasterized_prompts import RasterizedPrompts
from segcli.models.promptable.sam.sam import TINY, VIT_B, SamConfig, build_sam
from segcli.promptable.layout import points_of_prompts

ALIKE = {"embed_dim": 16, "depth": 1, "num_heads": 2, "global_blocks": (0,), "image_size": 32, "patch_size": 8}
SMALL = {**ALIKE, "prompt_dim": 16, "mlp_dim": 16, "iou_hidden": 8}


@pytest.fixture
def drawing() -> RasterizedPrompts:
    return RasterizedPrompts(dim=8, image_size=16, side=8, channels=4)  # a pixel of the drawing is 2 of the model


def test_a_box_covers_shares_of_pixels(drawing: RasterizedPrompts) -> None:
    coords, labels = points_of_prompts(np.array([[3, 4, 9, 10], [0, 0, 16, 1]], np.float32), None, None)

    drawn = drawing.fill_box(paddle.to_tensor(coords), paddle.to_tensor(labels)).numpy()

    across, down = np.array([0, 0.5, 1, 1, 0.5, 0, 0, 0]), np.array([0, 0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(drawn[0], np.outer(down, across))
    np.testing.assert_allclose(drawn[1], np.outer([0.5, *[0] * 7], np.ones(8)))


def test_points_and_padding_are_no_box(drawing: RasterizedPrompts) -> None:
    coords, labels = points_of_prompts(None, np.array([[[4, 4], [9, 9]]], np.float32), np.array([[1, 0]], np.float32))

    assert not drawing.fill_box(paddle.to_tensor(coords), paddle.to_tensor(labels)).numpy().any()


def test_discs_lie_at_the_points_of_their_label(drawing: RasterizedPrompts) -> None:
    coords = paddle.to_tensor([[[5.0, 3.0], [13.0, 11.0], [0.0, 0.0]]])

    on = drawing.fill_points(coords, paddle.to_tensor([[1.0, 0.0, 0.0]])).numpy()[0]
    both = drawing.fill_points(coords, paddle.to_tensor([[1.0, 1.0, 0.0]])).numpy()[0]

    assert on[1, 2] == pytest.approx(1) == on.max()  # row of y 3, column of x 5
    assert on[1, 4] == on[3, 2] == pytest.approx(np.exp(-1), rel=1e-5)  # a radius away
    assert both[5, 6] == pytest.approx(1, abs=1e-3)
    assert on[5, 6] < 1e-3


def test_the_decoder_sees_the_drawing_and_metas_networks_have_none() -> None:
    assert TINY.rasterized_prompts
    assert not VIT_B.rasterized_prompts
    paddle.seed(0)
    plain, drawn = build_sam(SamConfig(**SMALL)), build_sam(SamConfig(**SMALL, rasterized_prompts=True))
    extra = set(drawn.state_dict()) - set(plain.state_dict())
    assert {name.split(".")[:2] == ["prompt_encoder", "drawing"] for name in extra} == {True}
    drawn.set_state_dict(plain.state_dict())
    coords, labels = map(paddle.to_tensor, points_of_prompts(np.array([[4, 4, 20, 20]], np.float32), None, None))
    given = (paddle.randn([1, 16, 4, 4]), coords, labels, paddle.zeros([1, 1, 16, 16]), paddle.zeros([1]))
    seen, unseen = drawn(*given)[0].numpy(), plain(*given)[0].numpy()
    assert np.abs(seen - unseen).max() > 1e-3

    for name in extra:
        drawn.state_dict()[name].set_value(paddle.zeros_like(drawn.state_dict()[name]))

    np.testing.assert_allclose(drawn(*given)[0].numpy(), unseen, atol=1e-6)
