"""Muon: steps are orthogonal, weights keep their norm, states go on bit by bit."""

import numpy as np
import paddle
import pytest
from paddle import nn

from segcli.engines.muon import Muon, orthogonal
from segcli.errors import ConfigError


def network() -> nn.Layer:
    paddle.seed(0)
    with paddle.utils.unique_name.guard():
        return nn.Sequential(
            nn.Conv2D(3, 8, 3, padding=1, bias_attr=False),
            nn.BatchNorm2D(8),
            nn.ReLU(),
            nn.Conv2D(8, 12, 3, padding=1, bias_attr=False),
            nn.BatchNorm2D(12),
            nn.ReLU(),
            nn.Conv2D(12, 2, 1),
        )


def train(layers: nn.Layer, optimizer: Muon, steps: range) -> list[float]:
    with paddle.utils.unique_name.guard():  # Paddle numbers an optimizer's states and looks them up by name
        return [one_step(layers, optimizer, step) for step in steps]


def one_step(layers: nn.Layer, optimizer: Muon, step: int) -> float:
    rng = np.random.default_rng(step % 4)
    images = paddle.to_tensor(rng.normal(size=(2, 3, 16, 16)).astype("float32"))
    labels = (images[:, 0] > images[:, 1]).astype("int64")
    loss = nn.functional.cross_entropy(layers(images), labels, axis=1)
    loss.backward()
    optimizer.step()
    optimizer.clear_grad()
    return float(loss)


@pytest.mark.parametrize("shape", [(8, 4, 3, 3), (64, 2, 3, 3), (5, 30)])
def test_singular_values_become_nearly_equal(shape):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=shape).astype("float32").reshape(shape[0], -1)
    matrix *= np.geomspace(1, 20, matrix.shape[1], dtype="float32")

    found = orthogonal(paddle.to_tensor(matrix.reshape(shape)), 5).numpy()

    assert found.shape == shape
    values = np.linalg.svd(found.reshape(shape[0], -1), compute_uv=False)
    assert values.min() > 0.6 and values.max() < 1.3
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    nearest = left @ right
    cosine = (found.ravel() @ nearest.ravel()) / np.linalg.norm(found) / np.linalg.norm(nearest)
    assert cosine > 0.97


def test_each_kind_of_parameter_takes_its_own_step():
    layers = network()
    before = {name: value.numpy().copy() for name, value in layers.named_parameters()}
    optimizer = Muon(0.003, conv_lr_mult=20.0, weight_decay=0.0, parameters=layers.parameters())
    train(layers, optimizer, range(1))

    weights = {name: value.numpy() for name, value in layers.named_parameters()}
    norm = np.linalg.norm(before["3.weight"])
    assert np.linalg.norm(weights["3.weight"]) == pytest.approx(norm, rel=1e-5)
    moved = (before["3.weight"] - weights["3.weight"]).reshape(12, -1) / (0.003 * 20) * (12**0.5 / norm)
    assert 0.7 < np.median(np.linalg.svd(moved, compute_uv=False)) < 1.3
    for name in ("0.weight", "6.weight", "6.bias", "1.weight"):
        step = np.abs(weights[name] - before[name])
        assert np.allclose(step[step > 0], 0.003, rtol=0.02), f"{name}: AdamW's first step is the learning rate"
    names = optimizer.state_dict()
    convolution = layers[3].weight.name
    assert [name for name in names if name.startswith(convolution)] == [f"{convolution}_velocity_0"]


def test_learns_and_a_restored_state_goes_on_equally():
    whole = network()
    losses = train(whole, Muon(0.003, parameters=whole.parameters()), range(40))
    assert losses[-1] < 0.6 * losses[0]

    first = network()
    optimizer = Muon(0.003, parameters=first.parameters())
    train(first, optimizer, range(17))
    second = network()
    second.set_state_dict(first.state_dict())
    other = Muon(0.003, parameters=second.parameters())
    other.set_state_dict(
        {name: value.clone() for name, value in optimizer.state_dict().items() if name != "LR_Scheduler"}
    )
    train(second, other, range(17, 40))

    for ours, theirs in zip(second.state_dict().values(), whole.state_dict().values(), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_groups_have_their_own_rates():
    still, moving = network(), network()
    groups = [
        {"params": [still[3].weight], "learning_rate": 0.0},
        {"params": [still[6].weight, still[6].bias, still[0].weight]},
    ]
    kept = still[3].weight.numpy().copy()
    train(still, Muon(0.003, parameters=groups), range(3))
    train(moving, Muon(0.003, parameters=moving.parameters()), range(3))
    np.testing.assert_allclose(still[3].weight.numpy(), kept, rtol=1e-5)
    assert not np.allclose(moving[3].weight.numpy(), kept, rtol=1e-2)


def test_weights_in_half_precision_have_a_full_copy():
    layers = network()
    layers[3].to(dtype="bfloat16")
    start = layers[3].weight.astype("float32").numpy()
    optimizer = Muon(0.003, multi_precision=True, parameters=[layers[3].weight])
    for _ in range(3):
        (layers[3].weight.astype("float32") ** 2 * paddle.arange(72.0).reshape([1, 8, 3, 3])).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
    master = optimizer.state_dict()["master_weights"][layers[3].weight.name]
    assert master.dtype == paddle.float32
    np.testing.assert_array_equal(master.astype("bfloat16").astype("float32"), layers[3].weight.astype("float32"))
    assert not np.allclose(master.numpy(), start, rtol=0.01)


def test_a_convolution_of_zeros_starts_to_move():
    layers = network()
    layers[3].weight.set_value(paddle.zeros_like(layers[3].weight))
    layers[4].bias.set_value(paddle.ones_like(layers[4].bias))
    train(layers, Muon(0.003, parameters=layers.parameters()), range(2))
    assert np.linalg.norm(layers[3].weight.numpy()) == pytest.approx(12**0.5, rel=1e-3)


def test_both_libraries_recipes_build_it():
    from segcli.engines.paddledet.schedule import build_optimizer as of_detection
    from segcli.engines.paddleseg.parts import build_optimizer as of_segmentation

    layers = network()
    recipe = {"type": "Muon", "weight_decay": 0.01, "conv_lr_mult": 20.0}
    for optimizer in (
        of_segmentation({**recipe, "custom_cfg": [{"name": "6", "lr_mult": 0.1}]}, layers, 0.003),
        of_detection({"optimizer": recipe, "clip_grad_by_value": 1.0}, layers, 0.003),
    ):
        assert isinstance(optimizer, Muon)
        before = layers[3].weight.numpy().copy()
        train(layers, optimizer, range(1))
        assert not np.array_equal(layers[3].weight.numpy(), before)


@pytest.mark.parametrize(
    ("task", "recipe"),
    [
        ("segmentation", {"type": "Muon", "momentun": 0.9}),
        ("segmentation", {"type": "Muom"}),
        ("detection", {"optimizer": {"type": "Muon", "momentun": 0.9}}),
        ("detection", {"optimizer": {"type": "Muom"}}),
        ("detection", {"type": "Muon"}),
    ],
)
def test_a_wrong_recipe_is_an_error_of_the_configuration(task, recipe):
    from segcli.engines.paddledet.schedule import build_optimizer as of_detection
    from segcli.engines.paddleseg.parts import build_optimizer as of_segmentation

    build = of_detection if task == "detection" else of_segmentation
    with pytest.raises(ConfigError, match=r"Train\.optimizer"):
        build(recipe, network(), 0.003)
