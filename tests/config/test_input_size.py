"""The size in which a network sees images, once it is trained."""

from __future__ import annotations

import pytest

from segcli.config.input_size import fixed_size, wanted_shape
from segcli.config.load import from_values
from segcli.models.table import get_spec

PLANNED = {"Train": {"input_shape": [1, 3, 128, 160]}}


def config(**values):
    return from_values({"Global.model": "UNet-S", "Global.dataset_dir": "data", **values}).config


def test_the_size_that_a_training_was_planned_with_holds_for_its_weights():
    assert fixed_size(get_spec("UNet-S"), config(), PLANNED) == (128, 160)
    assert fixed_size(get_spec("UNet-S"), config()) is None


def test_a_size_that_is_configured_now_wins():
    given = {"Export.input_shape": [1, 3, 64, 64]}
    assert fixed_size(get_spec("UNet-S"), config(**given), PLANNED) == (64, 64)


@pytest.mark.parametrize(
    "card", [{}, {"Train": None}, {"Train": {"input_shape": None}}, {"Train": {"input_shape": "x"}}]
)
def test_a_card_without_a_size_gives_none(card):
    assert wanted_shape(config(), card) is None
