"""A network that returns probabilities is as sure as the same network that returns logits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig
from segcli.config.schema.views import ViewsConfig
from segcli.inference.activation import Activation
from segcli.inference.augmented import Augmented
from segcli.inference.decode_labels import softmax
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.entropy import entropy_map
from segcli.inference.guests.semantic import activation_of
from segcli.inference.instance_input import PreparedImage
from segcli.inference.label_scores import label_scores
from segcli.inference.tiles import TileSettings, scored_map_tiled
from segcli.models.guest_card import GuestOutput
from segcli.models.spec import Preprocess

GIVEN = Activation(values="probabilities")


def logits_of(images):
    """Five classes by place and colour, so that tiles and views differ."""
    return np.concatenate([images[:, :3] * 3, images[:, :1] - images[:, 1:2], np.cos(images[:, 2:3] * 5)], axis=1)


def probabilities_of(images):
    return softmax(logits_of(images), axis=1)


@pytest.mark.parametrize("heat", [1.0, 3.0])
def test_probabilities_are_not_activated_again(heat):
    outputs = np.random.default_rng(0).normal(size=(7, 40, 30)).astype(np.float32) * 4
    plain = label_scores(outputs, 40, 30, Activation(heat))
    found = label_scores(softmax(outputs), 40, 30, Activation(heat, "probabilities"))
    assert (found.labels == plain.labels).all()
    np.testing.assert_allclose(found.confidence, plain.confidence, rtol=1e-4)
    np.testing.assert_allclose(softmax(found.logits, axis=1), softmax(plain.logits, axis=1), rtol=1e-4, atol=1e-7)
    difference = entropy_map(softmax(outputs), 40, 30, Activation(heat, "probabilities")).astype(int)
    assert np.abs(difference - entropy_map(outputs, 40, 30, Activation(heat))).max() <= 1
    twice = label_scores(softmax(outputs), 40, 30).confidence
    assert twice.mean() < found.confidence.mean(), "the softmax of probabilities is nearly flat"


def test_certain_probabilities_stay_certain():
    outputs = np.zeros((3, 2, 2), np.float32)
    outputs[1] = 1
    assert (label_scores(outputs, 2, 2, GIVEN).confidence == 1).all()
    assert (entropy_map(outputs, 2, 2, GIVEN) == 0).all()


def test_a_binary_model_is_as_sure_as_its_value():
    values = np.linspace(0, 1, 21, dtype=np.float32).reshape(1, 3, 7)
    half = np.concatenate([np.full_like(values, 0.5), values])
    found = label_scores(half, 3, 7, Activation(values="odds"))
    np.testing.assert_allclose(found.confidence, np.maximum(values, 1 - values)[0], atol=1e-6)
    strict = label_scores(np.concatenate([np.full_like(values, 0.8), values]), 3, 7, Activation(values="odds"))
    assert (strict.labels == (values[0] > 0.8)).all()
    assert strict.confidence.min() >= 0.5, "at the threshold both classes are equally likely"


def test_tiles_and_views_are_as_sure():
    rgb = np.random.default_rng(2).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    window = SlidingWindowConfig(crop_size=(32, 32), stride=(32, 32))
    plain = scored_map_tiled(logits_of, rgb, TileSettings(Preprocess(), window))
    found = scored_map_tiled(probabilities_of, rgb, TileSettings(Preprocess(), window), activation=GIVEN)
    inner = np.s_[:32, :32]  # where only one tile counts
    np.testing.assert_allclose(found.confidence[inner], plain.confidence[inner], rtol=1e-3)
    images = np.random.default_rng(3).normal(size=(1, 3, 8, 12)).astype(np.float32)
    views = ViewsConfig(flip=True, mean_of="probabilities")
    expected = softmax(Augmented(logits_of, views)(images), axis=1)
    np.testing.assert_allclose(softmax(Augmented(probabilities_of, views, GIVEN)(images), axis=1), expected, rtol=1e-4)


def test_the_card_of_a_guest_says_what_its_outputs_are():
    def values(**output):
        guest = SimpleNamespace(card=SimpleNamespace(output=GuestOutput(**output)))
        return activation_of(guest, 2.0)

    assert values(kind="logits") == Activation(2.0, "logits") == activation_of(None, 2.0)
    assert values(kind="probabilities") == Activation(2.0, "probabilities")
    assert values(kind="logits", activation="softmax") == Activation(2.0, "probabilities")
    assert values(kind="binary", activation="sigmoid") == values(kind="binary") == Activation(2.0, "odds")


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_scores_of_objects_are_divided_before_they_are_compared_with_a_threshold(heat):
    given = np.array([0.0001, 0.2, 0.5, 0.8, 0.97, 1.0])
    boxes = np.column_stack([np.zeros(6), given, np.tile([0, 0, 4, 4], (6, 1))]).astype(np.float32)
    image = PreparedImage(np.zeros((1, 3, 8, 8), np.float32), (8, 8), (8, 8))
    find = ObjectFinder(lambda _: (boxes, np.array([6], np.int32), np.ones((6, 8, 8), np.uint8)), None, heat)
    with np.errstate(divide="ignore"):
        expected = 1 / (1 + np.exp(-np.log(given / (1 - given)) / heat))
    np.testing.assert_allclose(find([image])[0].scores, expected, rtol=1e-6)
    for least in (0.3, 0.5, 0.7):
        np.testing.assert_allclose(find([image], least)[0].scores, expected[expected >= least], rtol=1e-6)
