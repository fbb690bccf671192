"""The repair of each rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segcli.findings import Finding
from segcli.lazy import load_object
from segcli.steps.fix.draft import Draft

Repair = Callable[[Draft, str, Sequence[Finding]], None]
"""Changes a draft to resolve the findings of a rule; records what it did and what it could not do."""

REPAIRS: dict[str, str] = {
    # names and lists first: other faults can only be repaired in files that are found
    "C108": "segcli.steps.fix.coco_names:repair",
    "C164": "segcli.steps.fix.whole_ids:repair",
    "S106": "segcli.steps.fix.list_encoding:repair",
    "S103": "segcli.steps.fix.list_lines:repair",
    "S104": "segcli.steps.fix.repeated_lines:repair",
    "S110": "segcli.steps.fix.list_pairs:exchange",
    "S109": "segcli.steps.fix.list_pairs:pair_by_name",
    "S201": "segcli.steps.fix.list_names:repair",
    "S202": "segcli.steps.fix.list_names:repair",
    "C111": "segcli.steps.fix.image_names:repair",
    "C163": "segcli.steps.fix.image_names:repair",
    "C119": "segcli.steps.fix.image_sizes:repair",
    "C142": "segcli.steps.fix.categories:merge",
    "C143": "segcli.steps.fix.categories:merge",
    "C150": "segcli.steps.fix.categories:merge",
    "C158": "segcli.steps.fix.references:categories",
    "C159": "segcli.steps.fix.references:images",
    # masks
    "S301": "segcli.steps.fix.mask_colours:repair",
    "S302": "segcli.steps.fix.mask_bits:repair",
    "S207": "segcli.steps.fix.mask_sizes:repair",
    "S407": "segcli.steps.fix.mask_palettes:repair",
    "S408": "segcli.steps.fix.mask_levels:repair",
    "S406": "segcli.steps.fix.mask_binary:repair",
    "S409": "segcli.steps.fix.mask_binary:repair",
    "S403": "segcli.steps.fix.mask_gaps:repair",
    "S413": "segcli.steps.fix.mask_gaps:lower",
    # objects: outlines before what is computed from them
    "C133": "segcli.steps.fix.annotation_ids:repair",
    "C135": "segcli.steps.fix.crowd_flags:repair",
    "C125": "segcli.steps.fix.polygon_form:repair",
    "C114": "segcli.steps.fix.resized_images:repair",
    "C136": "segcli.steps.fix.normalised:repair",
    "C155": "segcli.steps.fix.normalised:from_percent",
    "C156": "segcli.steps.fix.normalised:exchange",
    "C126": "segcli.steps.fix.crossings:repair",
    "C121": "segcli.steps.fix.clipping:repair",
    "C122": "segcli.steps.fix.boxes:repair",
    "C123": "segcli.steps.fix.boxes:repair",
    "C134": "segcli.steps.fix.boxes:repair",
    "C137": "segcli.steps.fix.boxes:repair",
    "C130": "segcli.steps.fix.areas:repair",
    "C138": "segcli.steps.fix.areas:repair",
    "C120": "segcli.steps.fix.same_objects:repair",
    # formats of other tools
    "L111": "segcli.steps.fix.labelme_encoding:repair",
    "L002": "segcli.steps.fix.labelme_lists:repair",
    "L004": "segcli.steps.fix.labelme_lists:repair",
    "L207": "segcli.steps.fix.labelme_fit:repair",
    "L208": "segcli.steps.fix.labelme_fit:repair",
    "L214": "segcli.steps.fix.labelme_fit:exchange",
    "L108": "segcli.steps.fix.labelme_outside:repair",
    "L301": "segcli.steps.fix.labelme_labels:repair",
    "L305": "segcli.steps.fix.labelme_labels:without_numbers",
    "L309": "segcli.steps.fix.labelme_holes:repair",
    "L210": "segcli.steps.fix.labelme_shares:repair",
    "L112": "segcli.steps.fix.labelme_outlines:drop_copies",
    "L113": "segcli.steps.fix.labelme_outlines:split_crossed",
    "Y107": "segcli.steps.fix.yolo_lines:count_of_names",
    "Y108": "segcli.steps.fix.yolo_lines:without_score",
    "Y105": "segcli.steps.fix.yolo_lines:from_percent",
    "Y113": "segcli.steps.fix.yolo_lines:from_pixels",
    "Y114": "segcli.steps.fix.yolo_lines:of_exchanged_sides",
    "Y106": "segcli.steps.fix.yolo_lines:from_one",
    "Y103": "segcli.steps.fix.yolo_lines:repair",
    "Y104": "segcli.steps.fix.yolo_lines:repair",
    "V104": "segcli.steps.fix.voc_maps:resize",
    "V106": "segcli.steps.fix.voc_maps:number",
    # splits
    "S502": "segcli.steps.fix.copies:repair",
    "S501": "segcli.steps.fix.copies:repair",
    "C152": "segcli.steps.fix.copies:repair",
    "C151": "segcli.steps.fix.copies:repair",
    "S503": "segcli.steps.fix.near_images:repair",
    "C153": "segcli.steps.fix.near_images:repair",
}
"""Repair by rule id, ``module:function``, in the order in which they are applied."""


SEEKING = frozenset({"C119", "C120", "C121", "C122", "C123", "C126", "C130", "C133", "C134", "C135", "C138"})
"""Rules whose repairs search for the fault themselves, as another repair may expose it."""


def repair_of(rule_id: str) -> Repair:
    """The repair of a rule."""
    repair: Repair = load_object(REPAIRS[rule_id])
    return repair
