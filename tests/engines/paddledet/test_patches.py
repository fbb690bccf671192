"""Each patch: without it the network breaks (or is wrong), with it the network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
import pytest
from pycocotools import mask as mask_api

from segcli.engines.paddledet import patches
from segcli.engines.paddledet.networks import detections
from tests.engines.paddledet import tiny

# the wheel's reader of SOLOv2 imports from an old place in SciPy; pycocotools decodes in NumPy 1's way
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
FPN, C4, CASCADE, SOLO = "MaskRCNN-ResNet50-FPN", "MaskRCNN-ResNet50", "Cascade-MaskRCNN-ResNet50-FPN", "SOLOv2"


@pytest.fixture(scope="module", autouse=True)
def applied() -> None:
    """PaddleDetection is imported and patched, whichever test is the first in its process."""
    patches.apply_patches()


@contextmanager
def without(name: str) -> Iterator[None]:
    """PaddleDetection's own method instead of the patch."""
    patch = patches.PATCHES[name]
    with pytest.MonkeyPatch.context() as context:
        context.setattr(patch.find_owner(), patch.attribute, patch.original)
        yield


@pytest.fixture(scope="module")
def built() -> Callable[[str], Any]:
    kept: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in kept:
            kept[name] = tiny.network(name)
        return kept[name]

    return get


def train(network: Any, objects: tuple[int, ...] = (2, 0)) -> dict[str, float]:
    network.train()
    paddle.seed(1)
    inputs = tiny.batch(objects)
    if hasattr(network, "solov2_head"):
        inputs.update(tiny.solo_targets(objects[0]))
    losses = network(inputs)
    losses["loss"].backward()
    network.clear_gradients()
    return {name: float(value) for name, value in losses.items()}


def evaluate(network: Any, objects: tuple[int, ...] = (2, 0)) -> dict[str, Any]:
    network.eval()
    with paddle.no_grad():
        output: dict[str, Any] = network(tiny.batch(objects))
    return output


@pytest.mark.parametrize("name", [FPN, pytest.param(C4, marks=pytest.mark.slow), CASCADE])
def test_rcnn_trains_and_evaluates(name: str, built: Callable[[str], Any]) -> None:
    losses = train(built(name))
    output = evaluate(built(name))
    counts = output["bbox_num"].tolist()

    assert np.isfinite(list(losses.values())).all()
    assert len(counts) == 2
    assert output["bbox"].shape == [sum(counts), 6]
    assert output["mask"].shape == [sum(counts), tiny.HEIGHT // 2, tiny.WIDTH // 2]
    assert sum(counts) > 0


def test_a_image_without_objects_trains(built: Callable[[str], Any]) -> None:
    assert np.isfinite(list(train(built(FPN), (0,)).values())).all()


@pytest.mark.parametrize("compressed", [True, False])
def test_run_lengths_are_as_good_as_polygons(compressed: bool) -> None:
    """The wheel takes polygons only."""
    from ppdet.modeling.proposal_generator.target_layer import MaskAssigner

    (square, _), box = tiny.batch()["gt_poly"][0], [[4.0, 2.0, 44.0, 42.0]]
    image = np.zeros((tiny.HEIGHT, tiny.WIDTH), np.uint8, order="F")
    image[8:50, 8:40] = 1
    if compressed:
        runs = mask_api.encode(image)
    else:
        flat = image.ravel(order="F")
        borders = np.flatnonzero(np.diff(flat, prepend=0, append=0))
        counts = np.diff(np.concatenate([[0], borders, [flat.size]]))
        runs = {"size": list(image.shape), "counts": counts.tolist()}
    made = []
    for outline in (square, runs):
        arguments = ([paddle.to_tensor(box)], [paddle.to_tensor([0])], [paddle.to_tensor([0])])
        made.append(MaskAssigner(num_classes=3)(*arguments, {"gt_poly": [[outline]]})[3].numpy())

    assert made[0].shape == made[1].shape == (1, 14, 14)
    assert 0 < made[0].sum() < 14 * 14
    assert np.abs(made[0] - made[1]).sum() <= 14  # drawing and sampling may differ along the border


def test_solo_trains_and_evaluates(built: Callable[[str], Any]) -> None:
    losses = train(built(SOLO), (2,))
    output = evaluate(built(SOLO))

    assert np.isfinite(list(losses.values())).all()
    assert len(output["bbox_num"]) == 2
    assert output["segm"].shape == [int(output["bbox_num"].sum()), tiny.HEIGHT // 2, tiny.WIDTH // 2]


@pytest.mark.parametrize("name", ["proposals", "box targets", "mask targets"])
def test_without_the_patch_training_fails(name: str, built: Callable[[str], Any]) -> None:
    with without(name), pytest.raises(ValueError, match="axis is expected"):
        train(built(FPN))


def test_without_the_patch_a_cascade_fails(built: Callable[[str], Any]) -> None:
    with without("cascade"), pytest.raises(ValueError, match="axis is expected"):
        train(built(CASCADE))


def test_without_the_patch_boxes_cannot_be_rescaled(built: Callable[[str], Any]) -> None:
    with without("rescaling"), pytest.raises(ValueError, match="axis is expected"):
        evaluate(built(FPN))


def test_a_image_without_detections_has_no_rows(built: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    network = built(FPN)
    with monkeypatch.context() as patch:
        patch.setattr(network.bbox_post_process.nms, "score_threshold", 2.0)
        output = evaluate(network)

    assert output["bbox_num"].tolist() == [0, 0]
    assert output["bbox"].shape == [0, 6]
    assert output["mask"].shape == [0, tiny.HEIGHT // 2, tiny.WIDTH // 2]


def test_pasting_gives_the_wheels_masks(built: Callable[[str], Any]) -> None:
    patched = evaluate(built(FPN), (2,))["mask"].numpy()
    post = built(FPN).mask_post_process
    sampled = []

    def keep(self: Any, mask_out: Any, bboxes: Any, bbox_num: Any, origin_shape: Any) -> Any:
        rows = origin_shape.expand([int(bbox_num.sum()), 2])  # the wheel wants one size a box
        sampled.append(patches.PATCHES["pasting"].original(self, mask_out, bboxes, bbox_num, rows).numpy())
        return mask_out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(post), "__call__", keep)
        evaluate(built(FPN), (2,))

    assert patched.sum() > 0
    assert (patched == sampled[0]).all()


def test_without_the_patch_pasting_samples_the_whole_image() -> None:
    """The wheel's way builds coordinates of every pixel for every object; ours does not touch `grid_sample`."""
    from ppdet.modeling import post_process
    from ppdet.modeling.post_process import MaskPostProcess

    arguments = (paddle.ones([1, 4, 4]), paddle.to_tensor([[0.0, 1.0, 2.0, 2.0, 6.0, 6.0]]), paddle.to_tensor([1]))
    calls = []
    sample = post_process.F.grid_sample

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return sample(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(post_process.F, "grid_sample", counted)
        ours = MaskPostProcess()(*arguments, paddle.to_tensor([[8.0, 8.0]]))
        assert calls == []
        with without("pasting"):
            wheels = MaskPostProcess()(*arguments, paddle.to_tensor([[8.0, 8.0]]))

    assert len(calls) == 1
    assert ours.tolist() == wheels.tolist()


def traced_nms() -> list[np.ndarray]:
    from ppdet.modeling.layers import MultiClassNMS

    nms = MultiClassNMS(score_threshold=0.1, nms_threshold=0.5, return_index=True)

    class Net(paddle.nn.Layer):
        def forward(self, boxes: Any, scores: Any) -> Any:
            return nms(boxes, scores)

    spec = [paddle.static.InputSpec([1, 3, 4], "float32"), paddle.static.InputSpec([1, 2, 3], "float32")]
    network = paddle.jit.to_static(Net(), input_spec=spec, full_graph=True)
    boxes = paddle.to_tensor([[[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9], [6.0, 6.0, 9.0, 9.0]]])
    scores = paddle.to_tensor([[[0.9, 0.8, 0.0], [0.0, 0.0, 0.7]]])
    return [value.numpy() for value in network(boxes, scores)]


def test_nms_can_be_traced() -> None:
    out, count, index = traced_nms()

    assert count.tolist() == [2]
    assert index.ravel().tolist() == [0, 2]
    assert out[:, :2].tolist() == pytest.approx(np.array([[0, 0.9], [1, 0.7]]))


def test_without_the_patch_nms_cannot_be_traced() -> None:
    with without("nms"), pytest.raises(TypeError, match="Variable"):
        traced_nms()


@pytest.mark.parametrize("name", ["solo masks", "solo nms"])
def test_without_the_patch_solo_cannot_predict(name: str, built: Callable[[str], Any]) -> None:
    with without(name), pytest.raises((IndexError, ValueError)):
        evaluate(built(SOLO))


def test_without_the_patch_solo_takes_one_image_and_counts_in_a_scalar(built: Callable[[str], Any]) -> None:
    with without("solo images"):
        assert evaluate(built(SOLO), (2,))["bbox_num"].ndim == 0
        with pytest.raises(ValueError, match="dimension"):
            evaluate(built(SOLO))


def test_without_the_patch_solo_needs_objects(built: Callable[[str], Any]) -> None:
    assert np.isfinite(train(built(SOLO), (0,))["loss"])
    with without("solo loss"), pytest.raises((ValueError, RuntimeError)):
        train(built(SOLO), (0,))


@pytest.mark.parametrize("name", [FPN, SOLO])
def test_detections_have_one_form(name: str, built: Callable[[str], Any]) -> None:
    output = evaluate(built(name))
    found = detections(output)
    rows = int(found["bbox_num"].sum())
    boxes = found["bbox"].numpy()

    assert found["bbox_num"].shape == [2]
    assert found["bbox"].shape == [rows, 6]
    assert found["mask"].shape[0] == rows > 0
    assert (boxes[:, 4:] >= boxes[:, 2:4]).all()
    assert (boxes[:, 0] >= 0).all()
    if name == SOLO:
        for (x1, y1, x2, y2), mask in zip(boxes[:, 2:].astype(int), found["mask"].numpy(), strict=True):
            assert mask[y1:y2, x1:x2].sum() == mask.sum() > 0


def features(network: Any, maps: list[Any]) -> list[np.ndarray]:
    """What the box head's extractor says of random boxes of two images, and the gradients of the maps."""
    extractor = next(one for one in network.sublayers() if type(one).__name__ == "RoIAlign")
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0, 300, (60, 2)), np.exp(rng.uniform(3, 6, (60, 2)))
    boxes = paddle.to_tensor(np.concatenate([corner, corner + size], axis=1).clip(0, 416).astype(np.float32))
    given = [one.detach() for one in maps]
    for one in given:
        one.stop_gradient = False
    out = extractor(given, [boxes[:40], boxes[40:]], paddle.to_tensor([40, 20], dtype="int32"))
    (out * paddle.linspace(-1, 1, out.size).reshape(out.shape)).sum().backward()
    used = [one.grad.numpy() for one in given if one.grad is not None]
    return [np.array("PyLayer" in out.grad_fn.name()), out.numpy(), *used]


@pytest.mark.parametrize(("name", "strides"), [(FPN, (4, 8, 16, 32, 64)), (C4, (16,)), (CASCADE, (4, 8, 16, 32, 64))])
def test_features_of_boxes_are_paddles(name: str, strides: tuple[int, ...], built: Callable[[str], Any]) -> None:
    network = built(name)
    maps = [paddle.rand([2, 3, 416 // stride, 416 // stride]) for stride in strides]
    ours = features(network, maps)
    with without("box features"):
        theirs = features(network, maps)

    assert ours[0] and not theirs[0]
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=2e-5 * np.abs(other).max())


def test_features_of_boxes_are_computed_by_paddle_on_devices(
    built: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segcli.models.operators.is_ours", lambda *_tensors: False)
    found = features(built(FPN), [paddle.rand([2, 3, 416 // stride, 416 // stride]) for stride in (4, 8, 16, 32, 64)])

    assert not found[0]
