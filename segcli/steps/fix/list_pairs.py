"""Lists whose columns are exchanged, or that pair images with masks of others."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.list_pairs import mispaired
from segcli.data.lists import relative_name, scan_list
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def exchange(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the image before the mask in the lists that findings name."""
    for name in dict.fromkeys(found.path for found in findings):
        file, (samples, _) = draft.list_file(name), scan_list(draft.root, name)
        for sample in samples:
            pair = (relative_name(path, draft.root) for path in (sample.mask_file, sample.image_file))
            file.replace(sample.line, " ".join(pair))
        draft.done(rule, name, f"image written before the mask in {counted(len(samples), 'line')}")


def pair_by_name(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Gives each image the mask of its own name."""
    for name in dict.fromkeys(found.path for found in findings):
        file, (samples, _) = draft.list_file(name), scan_list(draft.root, name)
        wrong = mispaired(samples)
        for sample, mask in wrong:
            pair = (relative_name(path, draft.root) for path in (sample.image_file, mask))
            file.replace(sample.line, " ".join(pair))
        draft.done(rule, name, f"{counted(len(wrong), 'image')} paired with the mask of the same name")
