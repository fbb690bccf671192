"""Every model by name, and how to find one."""

from __future__ import annotations

from difflib import get_close_matches

from segcli.errors import UsageError
from segcli.models.guests import GUESTS
from segcli.models.instance.table import INSTANCE_MODELS
from segcli.models.promptable.specs import PROMPTABLE_MODELS
from segcli.models.semantic.table import SEMANTIC_MODELS
from segcli.models.spec import ModelSpec
from segcli.plug_ins import plug_ins

GROUP = "segcli.models"
"""Entry-point group of plug-ins, each a `ModelSpec` whose network names its class as ``package.module:Class``."""


def _plugged_in() -> list[ModelSpec]:
    """The models of installed plug-ins; none replaces a model of segcli."""
    return [point.load() for point in plug_ins(GROUP)]


MODELS: dict[str, ModelSpec] = {
    spec.name: spec for spec in (*_plugged_in(), *SEMANTIC_MODELS, *INSTANCE_MODELS, *PROMPTABLE_MODELS)
}


def get_spec(name: str) -> ModelSpec:
    """The model called `name`.

    Raises:
        UsageError: There is none; the message lists the nearest names.
    """
    if name in MODELS:
        return MODELS[name]
    if name in GUESTS:
        return GUESTS[name]
    folded = {known.lower(): known for known in MODELS}
    near = [folded[match] for match in get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
    remedy = f"did you mean {', '.join(near)}?" if near else f"known models: {', '.join(sorted(MODELS))}"
    raise UsageError(f"there is no model called {name!r}", hint=remedy)
