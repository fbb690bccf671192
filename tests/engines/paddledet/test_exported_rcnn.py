"""Exported R-CNN programs: images without detections, alone and in a batch, and masks as the eager network's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.data import rle
from segcli.engines.paddledet import patches
from segcli.engines.paddledet.exporting import save_program
from segcli.engines.paddledet.inference import ArrayForward
from segcli.engines.paddledet.rcnn_patches import best_of_levels, stretched_masks
from segcli.errors import SegcliError
from segcli.inference.paste import paste_masks
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from tests.engines.paddledet import tiny

FPN, C4, CASCADE = "MaskRCNN-ResNet50-FPN", "MaskRCNN-ResNet50", "Cascade-MaskRCNN-ResNet50-FPN"
SIZES = np.array([[64, 96], [56, 80]], np.float32)


def two_images() -> dict[str, np.ndarray]:
    """Of different sizes and scales, in one padded batch."""
    image = np.random.default_rng(0).random((2, 3, tiny.HEIGHT, tiny.WIDTH), np.float32)
    image[1, :, 56:] = image[1, :, :, 80:] = 0
    return {"im_shape": SIZES, "image": image, "scale_factor": np.array([[2, 2], [1.5, 1.25]], np.float32)}


def of_one(index: int) -> dict[str, np.ndarray]:
    return {name: value[index : index + 1] for name, value in two_images().items()}


def selective(name: str) -> tuple[Any, int]:
    """A network that finds something in one of the two images and nothing in the other; and the other's index."""
    network = tiny.network(name)
    network.eval()
    if name == C4:  # random weights end in scores of 1
        for layer in (network.bbox_head.bbox_score, network.bbox_head.bbox_delta):
            layer.weight.set_value(layer.weight * 1e-3)
    find = ArrayForward(network)
    best = [float(find(of_one(index))[0][:, 1].max()) for index in range(2)]
    assert best[0] != best[1]
    network.bbox_post_process.nms.score_threshold = sum(best) / 2
    return network, int(np.argmin(best))


def exported(network: Any, folder: Path, *, small: bool) -> PaddleRuntime:
    save_program(network, folder / "program", None, small=small)
    return PaddleRuntime(folder / "program.json", folder / "program.pdiparams", "cpu", 1)


def agree(ours: list[np.ndarray], eager: list[np.ndarray]) -> None:
    assert [value.shape for value in ours] == [value.shape for value in eager]
    for one, other in zip(ours, eager, strict=True):
        if np.issubdtype(one.dtype, np.integer) and one.ndim == 3:  # a mask's pixel near the threshold is either
            assert (one != other).mean() < 0.01
        else:
            assert np.allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("name", [FPN, pytest.param(C4, marks=pytest.mark.slow)])
def test_an_image_without_detections_alone_and_in_a_batch(name: str, small: bool, tmp_path: Path) -> None:
    network, empty = selective(name)
    program, find = exported(network, tmp_path, small=small), ArrayForward(network, small=small)

    nothing = program.run_named(of_one(empty))
    assert nothing[1].tolist() == [0]
    assert nothing[0].shape == (0, 6)
    assert nothing[2].shape[0] == 0
    agree(program.run_named(of_one(1 - empty)), find(of_one(1 - empty)))
    both = program.run_named(two_images())
    agree(both, find(two_images()))
    assert both[1][empty] == 0
    assert both[1][1 - empty] > 0


@pytest.mark.slow
def test_a_cascade_takes_an_image_without_detections(tmp_path: Path) -> None:
    network, empty = selective(CASCADE)
    program, find = exported(network, tmp_path, small=False), ArrayForward(network, small=False)

    assert program.run_named(of_one(empty))[1].tolist() == [0]
    agree(program.run_named(of_one(1 - empty)), find(of_one(1 - empty)))


def without(name: str, context: pytest.MonkeyPatch) -> None:
    patch = patches.PATCHES[name]
    context.setattr(patch.find_owner(), patch.attribute, patch.original)


@pytest.mark.slow
def test_without_the_patch_of_the_mask_head_an_image_without_detections_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, empty = selective(FPN)
    eager = ArrayForward(network)(of_one(empty))
    without("mask head", monkeypatch)
    with pytest.raises((ValueError, AssertionError)):
        agree(exported(network, tmp_path, small=True).run_named(of_one(empty)), eager)


@pytest.mark.slow
def test_without_the_patch_of_decoding_no_batch_can_be_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, _ = selective(FPN)
    eager = ArrayForward(network)(two_images())
    without("decoding", monkeypatch)
    with pytest.raises((ValueError, RuntimeError, AssertionError, SegcliError)):
        agree(exported(network, tmp_path, small=True).run_named(two_images()), eager)


def test_the_best_proposals_of_each_image_are_kept() -> None:
    """Two levels, two images, two proposals kept of each."""
    boxes = [paddle.to_tensor([[0.0], [1], [2]]).tile([1, 4]), paddle.to_tensor([[3.0], [4], [5]]).tile([1, 4])]
    scores = [paddle.to_tensor([[0.9], [0.1], [0.5]]), paddle.to_tensor([[0.3], [0.6], [0.7]])]
    counts = [paddle.to_tensor([2, 1], "int32"), paddle.to_tensor([1, 2], "int32")]
    (rois,), kept = best_of_levels(list(zip(boxes, scores, counts, strict=True)), 2)

    assert kept.tolist() == [2, 2]
    assert rois[:, 0].tolist() == [0, 3, 5, 4]


def test_few_proposals_are_all_kept() -> None:
    levels = [
        (paddle.zeros([1, 4]), paddle.to_tensor([[0.2]]), paddle.to_tensor([0, 1], "int32")),
        (paddle.ones([2, 4]), paddle.to_tensor([[0.1], [0.4]]), paddle.to_tensor([1, 1], "int32")),
    ]
    (rois,), kept = best_of_levels(levels, 5)
    assert kept.tolist() == [1, 2]
    assert rois[:, 0].tolist() == [1, 1, 0]


def test_masks_are_stretched_as_the_product_pastes_them() -> None:
    rng = np.random.default_rng(1)
    masks = rng.random((5, 14, 14), np.float32)
    boxes = np.array(
        [[0, 0, 20, 30], [3.3, 4.7, 17.2, 9.1], [-4, -3, 8, 9], [10, 20, 40, 60], [5, 5, 6, 6]], np.float32
    )
    ours = stretched_masks(paddle.to_tensor(masks), paddle.to_tensor(boxes), paddle.to_tensor([31.0, 23.0]), 0.5)
    pasted = np.stack([rle.decode(code) for code in paste_masks(masks, boxes, 31, 23)])

    assert ours.shape == [5, 31, 23]
    assert pasted.sum() > 100
    assert (ours.numpy() != pasted).sum() <= 1  # a probability may lie on the threshold
