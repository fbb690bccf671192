"""Initial weights: for ``auto`` official ones if they are available, else random ones; and what is said about them."""

from __future__ import annotations

import logging
from pathlib import Path

from segcli.config.recipe import AUTO
from segcli.config.schema import PLANNER, Config
from segcli.data.classes import ClassMap
from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.models.published import restricts
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.weights.class_match import moved_classes
from segcli.weights.official import licence_of, resolve_weights

log = logging.getLogger("segcli.train")

_KEY = "Train.pretrain_weight_path"
_PURPOSES = ("pretrained", "backbone")
"""Kinds of official weights: those of the whole network before those of its backbone."""


def with_start(config: Config) -> Config:
    """The configuration with a weight file, or none, in place of ``auto``; adds the reason to the plan's reasons."""
    if config.Train.pretrain_weight_path != AUTO:
        return config
    path, reason = official_start(get_spec(config.Global.model))
    reasons = {**(config.Train.plan_reasons or {}), _KEY: reason}
    return config.replaced({_KEY: path, "Train.plan_reasons": reasons}, PLANNER)


def official_start(spec: ModelSpec) -> tuple[str | None, str]:
    """Path of the official weights, from the cache or downloaded in one attempt, or None; and the reason."""
    purpose = next((purpose for purpose in _PURPOSES if purpose in spec.weights), None)
    if purpose is None:
        return None, f"{spec.name} has no official weights: training starts from random ones"
    try:
        path = resolve_weights(purpose, spec)
    except WeightsError as fault:
        return None, (
            f"the official weights are not available ({fault.message}): training starts from random ones, which lowers "
            f"the score much on small datasets; set {_KEY}=FILE to use local weights"
        )
    licence = "" if path is None else licence_of(path, spec)
    return str(path), f"{purpose} weights of PaddleX" + (f" ({licence})" if restricts(licence) else "")


def licence_at_start(spec: ModelSpec, weights: Path | None) -> str:
    """Licence of the weights that a training begins with, also of those before a resumed one; empty for none.

    A licence that restricts their use is logged.

    Args:
        spec: The model.
        weights: Weight file of the checkpoint that is resumed, else that with which the training begins; None for
            random weights.
    """
    licence = "" if weights is None else licence_of(weights, spec)
    if restricts(licence):
        log.warning("training begins with weights whose licence is: %s. It binds what is trained from them", licence)
    return licence


def warn_of_moved_classes(weights: Path, classes: ClassMap) -> None:
    """Warns where the head of segcli's own weights knows the classes of the dataset by other ids."""
    card = ModelCard.beside(weights)
    moved = [] if card is None else moved_classes(card.class_names, classes.names)
    if card is not None and moved:
        log.warning(
            "%s knows %s by other ids than the dataset, so training begins with these classes exchanged; to prevent "
            "it, bring the classes of the dataset into the order %s: of LabelMe files in label.txt, before convert",
            weights,
            ", ".join(moved),
            ", ".join(card.class_names),
        )
