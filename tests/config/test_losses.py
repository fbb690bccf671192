"""Losses by name."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.config.load import from_values
from segcli.config.losses import LOSSES, loss_recipe, parse_losses
from segcli.config.recipe import chosen_recipe
from segcli.errors import ConfigError
from segcli.models.table import get_spec

GIVEN = {"Global.model": "PP-LiteSeg-T", "Global.mode": "train", "Global.dataset_dir": "data"}


def test_names_are_for_every_output_of_the_network():
    config = from_values({**GIVEN, "Train.loss": "CE + 0.5*lovasz"}).config
    recipe = chosen_recipe(get_spec("PP-LiteSeg-T"), config)
    own = get_spec("PP-LiteSeg-T").recipe.loss
    assert recipe.loss["coef"] == own["coef"] and len(own["coef"]) == 3
    parts = [{"type": "CrossEntropyLoss"}, {"type": "LovaszSoftmaxLoss"}]
    assert recipe.loss["types"] == [{"type": "MixedLoss", "losses": parts, "coef": [1.0, 0.5]}] * 3
    assert loss_recipe(own, own) is own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dise", "did you mean dice"),
        ("ce+", "which is not a known loss"),
        ("0*ce", "not above 0"),
        ("1.2.3*ce", "not a number"),
    ],
)
def test_what_is_no_loss_is_said(text, said):
    with pytest.raises(ValueError, match=said):
        parse_losses(text)
    with pytest.raises(ConfigError, match=r"Train\.loss"):
        from_values({**GIVEN, "Train.loss": text})


def test_a_network_with_a_loss_of_its_own_takes_no_name():
    with pytest.raises(ConfigError, match="uses its own loss"):
        from_values({**GIVEN, "Global.model": "MaskFormer_tiny", "Train.loss": "dice"})


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_falls_where_the_answer_is_right(name):
    import paddle

    from segcli.engines.paddleseg.parts import build_losses

    recipe, weights = loss_recipe(name, {"coef": [1.0]}), (1.0, 2.0, 0.5)
    if name != "ce":
        with pytest.raises(ConfigError, match="no loss here takes weights"):
            build_losses(recipe, num_classes=3, ignore_index=255, class_weights=weights)
    built = build_losses(recipe, num_classes=3, ignore_index=255, class_weights=weights if name == "ce" else None)
    labels = paddle.to_tensor(np.random.RandomState(0).randint(0, 3, (2, 8, 8)))
    labels[0, 0] = 255
    hot = paddle.nn.functional.one_hot(paddle.clip(labels, max=2), 3).transpose([0, 3, 1, 2])
    (loss,) = built["types"]
    right, wrong = (float(sum(part.sum() for part in loss(sign * 8 * hot, labels))) for sign in (1, -1))
    assert 0 <= right < 0.1 * wrong
