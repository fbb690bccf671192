"""Packs semantic models."""

from __future__ import annotations

from segcli.inference.exported_model import ExportedModel
from segcli.steps.pack.example import example_for
from segcli.steps.pack.facts import class_names, network_facts
from segcli.steps.pack.packing import MODEL, Packing, compared, whole_network


def pack_semantic(model: ExportedModel) -> Packing:
    """See `Packing`; raises what `whole_network` and `network_facts` raise."""
    network = whole_network(model)
    facts = network_facts(model, network)
    return Packing({MODEL: network}, facts, example_for(str(facts["kind"])), compared(model), class_names(model))
