from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.errors import UsageError
from segcli.models.promptable.sam.sam import (
    Sam,
    SamConfig,
    build_mobile_sam,
    build_sam,
)
from segcli.models.promptable.table import PROMPTABLE_NETWORKS, build_promptable_network
from segcli.promptable.layout import points_of_prompts
from tests.models.promptable.golden_weights import (
    detweights,
    fill,
    golden_arrays,
    largest_difference,
    paddle_shapes,
    read_json,
)

Shared = Callable[[str], Path]
GOLDEN = SamConfig(64, 2, 4, (1,), image_size=256, prompt_dim=32, mlp_dim=64, iou_hidden=32)
NO_MASK = (np.zeros((1, 1, 64, 64), np.float32), np.zeros(1, np.float32))


@pytest.fixture(scope="module")
def golden(shared: Shared) -> Iterator[tuple[Sam, Any]]:
    sam = build_sam(GOLDEN)
    fill(sam, golden_arrays(shared, read_json(shared("refs/sam_state_dict.json"))["tiny"]))
    with np.load(shared("refs/sam_tiny_ref.npz")) as reference:
        yield sam, dict(reference)


def prompts(reference: Any, name: str) -> Any:
    scale = np.array([256 / 240, 192 / 180], np.float32)
    boxes, points = reference["boxes_scaled"], {n: reference[f"points{n}"] * scale for n in ("", "3")}
    table = {
        "box": (boxes, None, None),
        "pt": (None, points[""], reference["labels"]),
        "pt3": (None, points["3"], reference["labels3"]),
        "boxpt": (boxes[:1], points["3"], reference["labels3"]),
        "boxmask": (boxes[:1], None, None),
    }
    return points_of_prompts(*table[name])


def test_image_embedding_and_positions(golden: tuple[Sam, Any]) -> None:
    sam, reference = golden

    assert largest_difference(sam.image_encoder(paddle.to_tensor(reference["x"])), reference["emb"]) <= 5e-5
    assert largest_difference(sam.prompt_encoder.dense_positions(), reference["dense_pe"]) <= 5e-5


@pytest.mark.parametrize("name", ["box", "pt3"])
def test_prompt_tokens(golden: tuple[Sam, Any], name: str) -> None:
    sam, reference = golden
    coords, labels = prompts(reference, name)

    sparse = sam.prompt_encoder.embed_points(paddle.to_tensor(coords), paddle.to_tensor(labels))

    assert largest_difference(sparse, reference[f"sparse_{name}"]) <= 5e-5


@pytest.mark.parametrize("name", ["box", "pt", "pt3", "boxpt", "boxmask"])
def test_masks_and_iou(golden: tuple[Sam, Any], name: str) -> None:
    sam, reference = golden
    coords, labels = prompts(reference, name)
    mask = (reference["box_low_mm0"][:1], np.ones(1, np.float32)) if name == "boxmask" else NO_MASK

    masks, iou = sam(*map(paddle.to_tensor, (reference["emb"], coords, labels, *mask)))

    for which, chosen in (("mm0", slice(0, 1)), ("mm1", slice(1, 4))):
        assert largest_difference(masks[:, chosen], reference[f"{name}_low_{which}"]) <= 5e-5
        assert largest_difference(iou[:, chosen], reference[f"{name}_iou_{which}"]) <= 5e-5


def test_padding_points_change_nothing_in_a_batch(golden: tuple[Sam, Any]) -> None:
    """Objects with different prompts can share a batch: a mask per object may be given, too."""
    sam, reference = golden
    coords, labels = prompts(reference, "box")
    mask = paddle.to_tensor(np.zeros((3, 1, 64, 64), np.float32))
    has_mask = paddle.to_tensor(np.zeros(3, np.float32))
    embedding = paddle.to_tensor(np.repeat(reference["emb"], 3, axis=0))

    masks, _ = sam(embedding, paddle.to_tensor(coords), paddle.to_tensor(labels), mask, has_mask)

    assert largest_difference(masks[:, :1], reference["box_low_mm0"]) <= 5e-5


@pytest.mark.parametrize(("name", "size"), [("SAM-B", "vit_b"), ("SAM-L", "vit_l"), ("SAM-H", "vit_h")])
def test_names_shapes_and_count_equal_metas(shared: Shared, name: str, size: str) -> None:
    reference = read_json(shared("refs/sam_state_dict.json"))[size]

    with paddle.LazyGuard():
        network = build_promptable_network(name)

    state = network.state_dict()
    assert len(reference["state_dict"]) == len(state)
    assert {key: list(value.shape) for key, value in state.items()} == paddle_shapes(reference)
    assert sum(int(np.prod(p.shape)) for p in network.parameters()) == reference["n_params"]


def test_mobile_sam_names_shapes_and_count(shared: Shared) -> None:
    reference = read_json(shared("refs/mobilesam_state_dict.json"))
    network = build_mobile_sam()

    assert len(reference["state_dict"]) == 439
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == paddle_shapes(reference)
    counted = sum(int(np.prod(p.shape)) for p in network.parameters() if not p.stop_gradient)
    assert counted == reference["n_params"] == 10_130_092


@pytest.mark.slow
def test_mobile_sam_golden(shared: Shared) -> None:
    from PIL import Image

    network = build_mobile_sam()
    fill(network, golden_arrays(shared, read_json(shared("refs/mobilesam_state_dict.json")), ("num_batches",)))
    rgb = Image.fromarray(detweights(shared).det_image(427, 640)).resize((1024, 683), Image.Resampling.BILINEAR)
    normal = (np.asarray(rgb, np.float32) - np.float32([123.675, 116.28, 103.53])) / np.float32([58.395, 57.12, 57.375])
    image = np.pad(normal, ((0, 1024 - 683), (0, 0), (0, 0))).transpose(2, 0, 1)[None]
    no_mask = np.zeros((1, 1, 256, 256), np.float32), np.zeros(1, np.float32)

    with np.load(shared("refs/mobilesam_ref.npz")) as reference, paddle.no_grad():
        embedding = network.image_encoder(paddle.to_tensor(image))
        coords, labels = points_of_prompts(reference["boxes_scaled"], None, None)
        masks, iou = network(embedding, *map(paddle.to_tensor, (coords, labels, *no_mask)))

        assert largest_difference(embedding[:, ::8, ::4, ::4], reference["emb_s"]) <= 1e-4
        assert largest_difference(masks[:, 1:, ::8, ::8], reference["low_s8"]) <= 1e-4
        assert largest_difference(iou[:, 1:], reference["iou"]) <= 1e-4


def test_tiny_trains_one_step() -> None:
    paddle.seed(0)
    network = build_promptable_network("SAM-tiny")
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=network.parameters())
    side = 4 * network.grid
    target = paddle.zeros([1, 4, side, side])
    target[:, :, 20:60, 30:90] = 1.0
    coords, labels = points_of_prompts(np.array([[60.0, 40, 180, 120]], np.float32), None, None)
    image = paddle.randn([1, 3, 256, 256])
    losses = []
    for _ in range(4):
        no_mask = (paddle.zeros([1, 1, side, side]), paddle.zeros([1]))
        masks, iou = network(network.image_encoder(image), paddle.to_tensor(coords), paddle.to_tensor(labels), *no_mask)
        loss = paddle.nn.functional.binary_cross_entropy_with_logits(masks, target) + iou.square().mean()
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))

    assert losses[-1] < losses[0]


def test_a_prompt_needs_a_box_or_a_point() -> None:
    with pytest.raises(ValueError, match="box or a point"):
        points_of_prompts(None, None, None)
    with pytest.raises(ValueError, match="labels"):
        points_of_prompts(None, np.zeros((1, 1, 2), np.float32), None)


def test_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UsageError, match=r"SAM-X[\s\S]*SAM-"):
        build_promptable_network("SAM-X")
    assert {"SAM-B", "SAM-L", "SAM-H", "SAM-H_box", "SAM-H_point", "MobileSAM", "LSeg-L"} <= set(PROMPTABLE_NETWORKS)
