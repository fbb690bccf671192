from __future__ import annotations

import numpy as np
import paddle
import pytest

from segcli.models.instance.boxes import box_iou, cxcywh_to_xyxy, giou_loss, inverse_sigmoid, masks_to_boxes
from segcli.models.instance.denoising import DenoisingNoise, make_denoising_queries
from segcli.models.instance.hybrid_neck import sincos_position
from segcli.models.instance.layers import RepVGGBlock
from segcli.models.instance.mask_queries import QueryPrediction, anchor_logits
from segcli.models.instance.matcher import SetMatcher, Targets
from segcli.models.instance.ppyoloe_seg_loss import inside_boxes
from segcli.models.instance.task_aligner import IndexedTaskAligner


def test_overlaps_of_known_boxes() -> None:
    a = paddle.to_tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
    b = paddle.to_tensor([[1.0, 0.0, 3.0, 2.0], [2.0, 0.0, 3.0, 1.0]])

    assert box_iou(a, b).flatten().tolist() == pytest.approx([1 / 3, 0.0])
    assert giou_loss(a, b).flatten().tolist() == pytest.approx([1 - 1 / 3, 1 + 1 / 3])


def test_inverse_sigmoid_is_finite_at_both_ends() -> None:
    values = inverse_sigmoid(paddle.to_tensor([0.0, 0.25, 1.0])).tolist()

    assert values == pytest.approx([-np.log(1e5), np.log(1 / 3), np.log(1e5)], rel=1e-3)


def test_boxes_around_masks_in_a_image_that_is_not_square() -> None:
    masks = np.zeros((1, 2, 10, 20), bool)
    masks[0, 0, 2:5, 4:14] = True
    boxes = masks_to_boxes(paddle.to_tensor(masks))

    assert cxcywh_to_xyxy(boxes)[0].numpy().ravel() == pytest.approx([0.2, 0.2, 0.7, 0.5, 0, 0, 0, 0], abs=1e-6)


def test_anchors_of_a_image_that_is_not_square_cover_it() -> None:
    logits, valid = anchor_logits([(4, 8)])
    centres = paddle.nn.functional.sigmoid(logits)[0, :, :2].numpy().reshape(4, 8, 2)

    assert valid.numpy().all()
    assert centres[0, :, 0] == pytest.approx((np.arange(8) + 0.5) / 8, abs=1e-6)
    assert centres[:, 0, 1] == pytest.approx((np.arange(4) + 0.5) / 4, abs=1e-6)


def test_positions_follow_the_tokens() -> None:
    """Two tokens of one row share the first half of the embedding, two of one column the second."""
    grid = sincos_position(3, 5, 8).numpy().reshape(3, 5, 8)

    assert np.allclose(grid[1, 0, :4], grid[1, 4, :4])
    assert np.allclose(grid[0, 2, 4:], grid[2, 2, 4:])
    assert not np.allclose(grid[0, 2, :4], grid[2, 2, :4])
    with pytest.raises(ValueError, match="multiple of 4"):
        sincos_position(3, 5, 6)


def test_denoising_groups_see_themselves_and_the_queries() -> None:
    classes = [paddle.to_tensor([[1], [0]]), paddle.to_tensor([[1]])]
    boxes = [paddle.full([2, 4], 0.5), paddle.full([1, 4], 0.5)]
    made = make_denoising_queries(classes, boxes, paddle.ones([2, 4]), DenoisingNoise(6), 3)

    assert made is not None
    assert (made.groups, made.length) == (3, 6)
    assert [p.tolist() for p in made.positions] == [[0, 1, 2, 3, 4, 5], [0, 2, 4]]
    assert made.content[1].sum(-1).tolist() == [4, 0, 4, 0, 4, 0]
    seen = made.attention_mask.numpy() == 0
    assert seen[2].tolist() == [False, False, True, True, False, False, True, True, True]
    assert seen[6].tolist() == [False] * 6 + [True] * 3


def test_no_objects_no_denoising() -> None:
    nothing = [paddle.zeros([0, 1], dtype="int32")]

    assert make_denoising_queries(nothing, [paddle.zeros([0, 4])], paddle.ones([2, 4]), DenoisingNoise(), 3) is None


def test_the_matcher_finds_the_right_query() -> None:
    prototypes = paddle.zeros([1, 2, 8, 8])
    prototypes[0, 0, :4] = 1.0
    prototypes[0, 1, 4:] = 1.0
    prediction = QueryPrediction(
        logits=paddle.to_tensor([[[-4.0, -4.0], [4.0, -4.0], [-4.0, 4.0]]]),
        boxes=paddle.to_tensor([[[0.5, 0.5, 0.1, 0.1], [0.5, 0.75, 1.0, 0.5], [0.5, 0.25, 1.0, 0.5]]]),
        coefficients=paddle.to_tensor([[[-9.0, -9.0], [-9.0, 9.0], [9.0, -9.0]]]),
    )
    masks = paddle.zeros([2, 32, 32])
    masks[0, :16] = 1.0
    masks[1, 16:] = 1.0
    targets = Targets(
        labels=[paddle.to_tensor([1, 0])],
        boxes=[paddle.to_tensor([[0.5, 0.25, 1.0, 0.5], [0.5, 0.75, 1.0, 0.5]])],
        masks=[masks],
    )
    ((queries, objects),) = SetMatcher(num_sample_points=64)(prediction, prototypes, targets)

    assert dict(zip(queries.tolist(), objects.tolist(), strict=True)) == {2: 0, 1: 1}


def test_a_network_that_diverged_is_still_matched() -> None:
    prediction = QueryPrediction(
        paddle.full([1, 2, 1], float("nan")), paddle.full([1, 2, 4], 0.5), paddle.zeros([1, 2, 1])
    )
    targets = Targets([paddle.to_tensor([0])], [paddle.full([1, 4], 0.5)], [paddle.ones([1, 4, 4])])
    ((queries, _),) = SetMatcher(num_sample_points=8)(prediction, paddle.ones([1, 1, 4, 4]), targets)

    assert len(queries) == 1


def test_a_contested_anchor_goes_to_the_larger_overlap() -> None:
    anchors = paddle.to_tensor([[4.0, 4.0], [12.0, 4.0]])
    boxes = paddle.to_tensor([[[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0]]])
    truth = paddle.to_tensor([[[0.0, 0.0, 16.0, 8.0], [0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 0.0, 0.0]]])
    assigned = IndexedTaskAligner(topk=2)(
        paddle.full([1, 2, 2], 0.5),
        boxes,
        anchors,
        gt_labels=paddle.to_tensor([[[1], [0], [0]]]),
        gt_boxes=truth,
        gt_filled=paddle.to_tensor([[[1.0], [1.0], [0.0]]]),
    )

    assert assigned.positive.tolist() == [[True, True]]
    assert assigned.objects.tolist() == [[1, 0]]
    assert assigned.labels.tolist() == [[0, 1]]
    assert assigned.scores[0].tolist() == pytest.approx([1.0, 0.5], rel=1e-5)


def test_pixels_inside_a_box() -> None:
    inside = inside_boxes(paddle.to_tensor([[0.5, 1.0, 3.0, 2.0]]), 3, 4).numpy()

    assert inside[0].tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_a_block_fused_for_export_says_the_same() -> None:
    paddle.seed(0)
    block = RepVGGBlock(4)
    for norm in (block.conv1.bn, block.conv2.bn):
        for value in (norm.weight, norm.bias, norm._mean, norm._variance):
            value.set_value(paddle.rand(value.shape) + 0.5)
    block.eval()
    x = paddle.randn([2, 4, 6, 6])
    before = block(x)
    for _ in range(2):
        block.convert_to_deploy()

    assert np.abs(block(x).numpy() - before.numpy()).max() < 1e-5
    assert sorted(block.state_dict()) == ["conv.bias", "conv.weight"]
