"""Losses by name: ``ce + 0.5*dice``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from segcli.config.suggest import did_you_mean, near
from segcli.models.spec import Recipe

LOSSES: Mapping[str, str] = {
    "ce": "CrossEntropyLoss",
    "focal": "MultiClassFocalLoss",
    "ohem": "OhemCrossEntropyLoss",
    "dice": "BatchDiceLoss",
    "lovasz": "LovaszSoftmaxLoss",
}
"""Class of PaddleSeg, or of segcli (Dice), by the usual name of the loss."""
OWN_LOSS = "MaskFormer"
"""Networks with this in their names match predicted masks to classes; losses per pixel do not apply to them."""
_TERM = re.compile(r"(?:([0-9.]+)\s*\*\s*)?([a-z_]+)", re.IGNORECASE)


def parse_losses(text: str) -> tuple[tuple[str, float], ...]:
    """Names and factors of ``ce + 0.5*dice``.

    >>> parse_losses("ce + 0.5*dice")
    (('ce', 1.0), ('dice', 0.5))

    Raises:
        ValueError: A term is not a loss (the message suggests names), or its factor is not a number above 0.
    """
    found = []
    for term in text.split("+"):
        match = _TERM.fullmatch(term.strip())
        name = "" if match is None else match[2].lower()
        if match is None or name not in LOSSES:
            known = did_you_mean(near(name, LOSSES)) or f"write names of {', '.join(LOSSES)}, as in ce + 0.5*dice"
            raise ValueError(f"holds {term.strip()!r}, which is not a known loss; {known}")
        try:
            factor = float(match[1] or 1)
        except ValueError as fault:
            raise ValueError(f"holds {term.strip()!r}, whose factor is not a number") from fault
        if factor <= 0:
            raise ValueError(f"holds {term.strip()!r}, whose factor is not above 0")
        found.append((name, factor))
    return tuple(found)


def loss_recipe(chosen: str | Recipe, own: Recipe) -> Recipe:
    """The configured loss in PaddleSeg's form; losses given by name apply to each output of the network.

    Args:
        chosen: `Train.loss`.
        own: The recipe's loss, which has one weight per output.
    """
    if not isinstance(chosen, str):
        return chosen
    terms = parse_losses(chosen)
    parts = [{"type": LOSSES[name]} for name, _ in terms]
    mixed = {"type": "MixedLoss", "losses": parts, "coef": [factor for _, factor in terms]}
    return {"types": [mixed for _ in own["coef"]], "coef": list(own["coef"])}
