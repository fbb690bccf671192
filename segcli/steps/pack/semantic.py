"""Packs semantic models."""

from __future__ import annotations

from segcli.inference.exported_model import ExportedModel
from segcli.steps.pack.example import example_for
from segcli.steps.pack.facts import class_names, network_facts
from segcli.steps.pack.packing import MODEL, Packing, compared, kept_proofs, whole_network


def pack_semantic(model: ExportedModel) -> Packing:
    """See `Packing`; raises what `whole_network` and `network_facts` raise."""
    network = whole_network(model)
    facts = network_facts(model, network)
    rows = tuple((one.runtime, one.detail) for one in compared(model))
    example = example_for(str(facts["kind"]))
    return Packing({MODEL: network}, facts, example, kept_proofs(model), rows, class_names(model))
