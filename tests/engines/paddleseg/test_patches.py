"""Each patch against numbers computed apart from it, and the break that it patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.engines.paddleseg.patches import PATCHES, apply_patches
from segcli.engines.patching import Patch

apply_patches()
PATCH_OF = {patch.owner.rpartition(":")[2].rpartition(".")[2]: patch for patch in PATCHES}
Arrays = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def part(name: str, **arguments: Any) -> Any:
    return PATCH_OF[name].find_owner()(**arguments)


@pytest.fixture
def batch() -> Arrays:
    """Logits [2, 3, 12, 12] and labels [2, 12, 12] with ignored pixels."""
    random = np.random.default_rng(0)
    label = random.integers(0, 3, (2, 12, 12))
    label[:, :2] = 255
    return random.normal(size=(2, 3, 12, 12)).astype(np.float32), label


def softmax(logit: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    exponential = np.exp(logit - logit.max(1, keepdims=True))
    return exponential / exponential.sum(1, keepdims=True)


def true_probability(batch: Arrays) -> np.ndarray[Any, Any]:
    """Probability of the true class of each labelled pixel [labelled]."""
    logit, label = batch
    known = np.where(label == 255, 0, label)
    return np.take_along_axis(softmax(logit), known[:, None], 1)[:, 0][label != 255]


def run(loss: Any, batch: Arrays) -> float:
    logit = paddle.to_tensor(batch[0], stop_gradient=False)
    value = loss(logit, paddle.to_tensor(batch[1]))
    value.backward()
    assert np.isfinite(logit.grad.numpy()).all()
    return float(value)


def test_cross_entropy(batch: Arrays) -> None:
    entropy = -np.log(true_probability(batch))
    hardest = np.sort(entropy)[::-1]
    half = batch[1].size // 2

    assert run(part("CrossEntropyLoss"), batch) == pytest.approx(entropy.mean(), rel=1e-5)
    assert run(part("CrossEntropyLoss", top_k_percent_pixels=0.5), batch) == pytest.approx(
        hardest[:half].mean(), rel=1e-5
    )


def test_cross_entropy_with_class_weights(batch: Arrays) -> None:
    weights = np.array([0.2, 1.0, 3.0])
    of_pixel = weights[batch[1][batch[1] != 255]]
    expected = (of_pixel * -np.log(true_probability(batch))).sum() / of_pixel.sum()

    assert run(part("CrossEntropyLoss", weight=list(weights)), batch) == pytest.approx(expected, rel=1e-5)


def test_ohem_counts_the_least_certain_pixels(batch: Arrays) -> None:
    probability = true_probability(batch)
    certain = np.sort(probability)[99]
    by_count = probability[probability < certain]
    by_threshold = probability[probability < 0.9]

    loss = part("OhemCrossEntropyLoss", thresh=0.01, min_kept=100)
    assert run(loss, batch) == pytest.approx(-np.log(by_count).mean(), rel=1e-4)
    loss = part("OhemCrossEntropyLoss", thresh=0.9, min_kept=10)
    assert run(loss, batch) == pytest.approx(-np.log(by_threshold).mean(), rel=1e-4)
    loss = part("OhemCrossEntropyLoss", min_kept=10_000)
    assert run(loss, batch) == pytest.approx(-np.log(probability).mean(), rel=1e-4)


def test_dual_task_is_small_for_true_edges_only(monkeypatch: pytest.MonkeyPatch) -> None:
    label = np.zeros((1, 16, 16), np.int64)
    label[:, :, 8:] = 1
    truth = 50.0 * (np.arange(2)[None, :, None, None] == label[:, None]).astype(np.float32)
    loss = part("DualTaskLoss")
    monkeypatch.setattr(
        type(loss), "_gumbel_softmax_sample", lambda _self, logit, tau: paddle.nn.functional.softmax(logit, 1)
    )

    right = run(loss, (truth, label))
    wrong = run(loss, (truth.transpose(0, 1, 3, 2).copy(), label))
    assert right == pytest.approx(0.0, abs=1e-3)
    assert wrong > 0.05


def test_relaxed_boundary_allows_the_classes_of_the_neighbours(batch: Arrays) -> None:
    logit, label = batch[0][:1], batch[1][:1]
    height, width = label.shape[1:]
    allowed = np.zeros((3, height, width))
    for y, x in np.ndindex(height, width):
        for value in np.unique(label[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]):
            if value != 255:
                allowed[value, y, x] = 1
    probability = (softmax(logit)[0] * allowed).sum(0)
    counted = allowed.sum(0) > 0
    expected = -np.log(probability[counted]).sum() / (counted.sum() + 1)

    assert run(part("RelaxBoundaryLoss"), (logit, label)) == pytest.approx(expected, rel=1e-4)


def test_rmi_prefers_the_truth_and_ignores_what_is_not_labelled(batch: Arrays) -> None:
    # large blocks: it compares neighbourhoods, after pooling by 3
    label = np.kron(batch[1], np.ones((6, 6), np.int64))
    logit = np.kron(batch[0], np.ones((1, 1, 6, 6), np.float32))
    truth = 10.0 * ((np.arange(3)[None, :, None, None] == label[:, None]).astype(np.float32) - 0.5)
    elsewhere = logit.copy()
    elsewhere[:, :, :12] += 5.0
    loss = part("RMILoss", num_classes=3)

    assert run(loss, (truth, label)) < run(loss, (logit, label)) - 1.0
    assert run(loss, (elsewhere, label)) == pytest.approx(run(loss, (logit, label)), rel=1e-6)


@pytest.mark.parametrize(("name", "power"), [("L1Loss", 1), ("MSELoss", 2)])
def test_regression_losses_take_integer_labels(name: str, power: int) -> None:
    prediction = np.array([[[0.5, 2.0], [1.0, 3.5]]], np.float32)
    label = np.array([[[1, 0], [2, 1]]])
    expected = (np.abs(prediction - label) ** power).mean()

    assert run(part(name), (prediction, label)) == pytest.approx(expected, rel=1e-6)


def test_areas_are_counts(batch: Arrays) -> None:
    label, prediction = batch[1], batch[0].argmax(1)
    labelled = label != 255
    areas = (
        PATCH_OF["metrics"]
        .find_owner()
        .calculate_area(paddle.to_tensor(prediction[:, None]), paddle.to_tensor(label[:, None]), 3)
    )

    right = prediction[labelled & (prediction == label)]
    for ours, counted in zip(areas, (right, prediction[labelled], label[labelled]), strict=True):
        np.testing.assert_array_equal(ours.numpy(), np.bincount(counted, minlength=3))


def resized_sides(transform: Any) -> list[int]:
    """Short sides after the transform of a square, a very long, and 20 more square images."""
    sides = []
    for shape in ((40, 40), (10, 400), *[(40, 40)] * 20):
        image = {"img": np.zeros((*shape, 3), np.float32), "trans_info": []}
        sides.append(min(transform(image)["img"].shape[:2]))
    return sides


def test_each_image_gets_a_side_of_its_own() -> None:
    sides = resized_sides(part("ResizeByShort", short_size=[30, 50, 70], max_size=100))

    assert sides[1] == 2
    assert set(sides[2:]) == {30, 50, 70}


def test_the_side_was_drawn_once_and_then_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    for patch in PATCHES:
        if patch.owner.endswith("ResizeByShort"):
            monkeypatch.setattr(patch.find_owner(), patch.attribute, patch.original)

    assert set(resized_sides(part("ResizeByShort", short_size=[30, 50, 70], max_size=100))[1:]) == {2}


BREAKS: dict[str, Callable[[Arrays], Any]] = {
    "CrossEntropyLoss": lambda batch: run(part("CrossEntropyLoss"), batch),
    "OhemCrossEntropyLoss": lambda batch: run(part("OhemCrossEntropyLoss", min_kept=10), batch),
    "DualTaskLoss": lambda batch: run(part("DualTaskLoss"), batch),
    "RelaxBoundaryLoss": lambda batch: run(part("RelaxBoundaryLoss"), batch),
    "RMILoss": lambda batch: run(part("RMILoss", num_classes=3), batch),
    "L1Loss": lambda batch: run(part("L1Loss"), (batch[0][:, 0], batch[1])),
    "MSELoss": lambda batch: run(part("MSELoss"), (batch[0][:, 0], batch[1])),
    "metrics": lambda batch: PATCH_OF["metrics"].find_owner().calculate_area(*[paddle.to_tensor(batch[1])] * 2, 3),
}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_it_breaks_without_the_patch(name: str, batch: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    patch = PATCH_OF[name]
    monkeypatch.setattr(patch.find_owner(), patch.attribute, patch.original)

    with pytest.raises((TypeError, ValueError), match=r"Type promotion|axis is expected"):
        BREAKS[name](batch)


def test_applying_again_changes_nothing() -> None:
    def replaced(patch: Patch) -> Any:
        return getattr(patch.find_owner(), patch.attribute)

    before = {patch: replaced(patch) for patch in PATCHES}
    apply_patches()

    assert {patch: replaced(patch) for patch in PATCHES} == before
    assert all(patch.original is not before[patch] for patch in PATCHES)


def test_channel_max_equals_the_original_and_spares_its_gradient() -> None:
    patch = PATCH_OF["tensor_fusion_helper"]
    values = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype(np.float32)
    gradients, outputs = [], []
    for function in (getattr(patch.find_owner(), patch.attribute), patch.original):
        x = paddle.to_tensor(values, stop_gradient=False)
        output = function(x)
        (output * paddle.arange(24, dtype="float32").reshape([1, 2, 3, 4])).sum().backward()
        outputs.append(output.numpy())
        gradients.append(x.grad.numpy())
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_allclose(*gradients, rtol=1e-6)


def test_channel_max_takes_no_max_gradient() -> None:
    """The cost is in the graph's node: with the original there is a MaxGradNode, with the patch there is none."""
    patch = PATCH_OF["tensor_fusion_helper"]
    x = paddle.to_tensor(np.ones((1, 2, 2, 2), np.float32), stop_gradient=False)
    patched, plain = (f(x, False)[1] for f in (getattr(patch.find_owner(), patch.attribute), patch.original))
    assert "Max" in plain.grad_fn.name()
    assert patched.grad_fn.name() != plain.grad_fn.name()


def test_maskformers_matcher_leaves_it_to_the_loss_to_report_that_it_diverged() -> None:
    from paddleseg.models.losses import maskformer_loss

    original = next(patch for patch in PATCHES if patch.attribute == "linear_sum_assignment").original
    costs = np.array([[3.0, 1.0], [1.0, 2.0], [9.0, 9.0]], np.float32)
    np.testing.assert_array_equal(maskformer_loss.linear_sum_assignment(paddle.to_tensor(costs)), original(costs))
    costs[0, 1] = np.nan
    with pytest.raises(ValueError, match="invalid numeric entries"):
        original(costs)
    queries, masks = maskformer_loss.linear_sum_assignment(paddle.to_tensor(costs))
    assert dict(zip(masks.tolist(), queries.tolist(), strict=True)) == {0: 0, 1: 1}


@pytest.mark.parametrize("size", [*range(4), *(pytest.param(size, marks=pytest.mark.slow) for size in (4, 5))])
def test_every_segformer_is_the_one_that_is_written(size: int) -> None:
    """The same logits by segcli's head and by PaddleSeg's, with the same weights, to what rounding leaves."""
    from paddleseg import models

    from segcli.models.table import get_spec

    patch = PATCH_OF["SegFormer"]
    paddle.seed(size)
    backbone = getattr(models, f"MixVisionTransformer_B{size}")()
    network = models.SegFormer(19, backbone, get_spec(f"SegFormer-B{size}").network["embedding_dim"])
    network.eval()
    for number in range(1, 5):
        bias = getattr(network, f"linear_c{number}").proj.bias
        bias.set_value(paddle.rand(bias.shape))
    image = paddle.rand([1, 3, 64, 96])
    with paddle.no_grad():
        theirs, ours = (forward(network, image)[0].numpy() for forward in (patch.original, patch.make(patch.original)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("align_corners", [False, True])
def test_segformer_mixes_its_stages_before_they_are_enlarged(align_corners: bool) -> None:
    """The same values and the same gradients of every parameter as by the head as it is written."""
    from paddleseg.models import MixVisionTransformer_B0, SegFormer

    patch = PATCH_OF["SegFormer"]
    paddle.seed(0)
    network = SegFormer(5, MixVisionTransformer_B0(), 256, align_corners)
    network.eval()
    for parameter in (network.linear_c1.proj.bias, network.linear_c4.proj.bias):
        parameter.set_value(paddle.rand(parameter.shape))
    image, weight = paddle.rand([1, 3, 64, 96]), paddle.rand([1, 5, 64, 96])
    found = []
    for forward in (patch.original, patch.make(patch.original)):
        (logit,) = forward(network, image)
        (logit * weight).sum().backward()
        gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
        found.append(
            {"": logit.numpy(), **{name: value.numpy() for name, value in gradients.items() if value is not None}}
        )
        network.clear_gradients(set_to_zero=False)
    before, after = found
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, atol=2e-5 * max(np.abs(values).max(), 1e-3), err_msg=name)
