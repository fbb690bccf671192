"""Promptable models only answer prompts, so they give no uncertainty for a whole image."""

from __future__ import annotations

from typing import NoReturn

from segcli.errors import UsageError
from segcli.steps.predict.protocol import Predictor


def suggest_promptable(predictor: Predictor) -> NoReturn:
    """Rejects a promptable model.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        f"{predictor.model.title} answers prompts and finds nothing by itself, so it cannot rank images",
        hint="give a semantic or an instance model that was trained on the classes to label",
    )
