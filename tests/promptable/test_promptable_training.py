from __future__ import annotations

from dataclasses import replace

import numpy as np
import paddle
import pytest

from segcli.inference.square_input import SquareInput
from segcli.models.promptable.sam.sam import Sam, SamConfig, build_sam
from segcli.models.promptable.specs import PROMPTABLE
from segcli.promptable.sampling import box_of_mask
from segcli.promptable.training import PromptSettings, TrainingObjects, promptable_loss, training_objects

SMALL = SamConfig(16, 2, 2, (1,), image_size=64, patch_size=8, window_size=4, prompt_dim=16, mlp_dim=32, iou_hidden=16)
INPUT = replace(SquareInput.of(PROMPTABLE["SAM-tiny"]), side=64)


def scene() -> tuple[paddle.Tensor, TrainingObjects]:
    rgb = np.full((48, 96, 3), 60, np.uint8)
    masks = np.zeros((2, 48, 96), np.bool_)
    masks[0, 6:40, 9:33] = masks[1, 12:42, 54:84] = True
    rgb[masks.any(axis=0)] = 200
    prepared, placement = INPUT(rgb)
    boxes = np.stack([box_of_mask(mask) for mask in masks])
    return paddle.to_tensor(prepared), training_objects(masks, boxes, placement, 32)


@pytest.fixture
def small_sam() -> Sam:
    paddle.seed(0)
    return build_sam(SMALL)


def test_objects_in_the_models_frame() -> None:
    _, objects = scene()

    assert (objects.placement.resized_height, objects.placement.resized_width) == (32, 64)
    np.testing.assert_allclose(objects.boxes, [[6, 4, 22, 40 * 2 / 3], [36, 8, 56, 28]], rtol=1e-5)
    rows, columns = np.nonzero(objects.targets[1])
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (18, 4, 28, 14)
    assert not objects.targets[:, 16:].any()


def test_objects_smaller_than_a_pixel_are_left_out() -> None:
    masks = np.zeros((2, 48, 96), np.bool_)
    masks[0, 5, 5] = True
    masks[1, 6:40, 9:33] = True
    boxes = np.stack([box_of_mask(mask) for mask in masks])

    objects = training_objects(masks, boxes, INPUT.place(48, 96), 32)

    assert len(objects.targets) == len(objects.boxes) == 1


@pytest.mark.parametrize("box_share", [0.0, 1.0])
def test_loss_falls_with_each_kind_of_first_prompt(small_sam: Sam, box_share: float) -> None:
    image, objects = scene()
    settings = PromptSettings(box_share=box_share, error_rounds=1)
    optimizer = paddle.optimizer.AdamW(3e-3, parameters=small_sam.parameters())
    generator = np.random.default_rng(0)
    losses = []
    for _ in range(25):
        loss = promptable_loss(small_sam, small_sam.image_encoder(image), objects, generator, settings)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))

    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])


def test_same_seed_same_loss(small_sam: Sam) -> None:
    image, objects = scene()
    small_sam.eval()
    embedding = small_sam.image_encoder(image).detach()

    losses = [float(promptable_loss(small_sam, embedding, objects, np.random.default_rng(seed))) for seed in (1, 1, 2)]

    assert losses[0] == losses[1] != losses[2]


def test_a_cached_embedding_leaves_the_encoder_untouched(small_sam: Sam) -> None:
    image, objects = scene()
    with paddle.no_grad():
        embedding = small_sam.image_encoder(image)

    promptable_loss(small_sam, embedding, objects, np.random.default_rng(0)).backward()

    assert all(parameter.grad is None for parameter in small_sam.image_encoder.parameters())
    assert small_sam.mask_decoder.mask_tokens.weight.grad is not None
