"""Checks the dataset of a promptable model: outlined objects for Segment Anything, label maps for LSeg."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.steps.check.instance import check_instance
from segcli.steps.check.result import CheckResult
from segcli.steps.check.semantic import check_semantic


def check_promptable(config: Config) -> CheckResult:
    """Checks a COCO dataset for SAM and a SegDataset for LSeg; see their checkers."""
    is_sam = PROMPTABLE[config.Global.model].prompt_kind is PromptKind.CLICKS
    return check_instance(config) if is_sam else check_semantic(config)
