"""Lines of a list that cannot be parsed: other separators, quotes, or no mask."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from segcli.data.lists import joined_line
from segcli.findings import Finding
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.names import MASK_FOLDERS, NameIndex
from segcli.steps.fix.places import line_of

_SEPARATORS = re.compile(r"\s*[,;|]\s*|\s+")


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes image and mask in the standard form if both can be identified."""
    index = NameIndex(draft.root)
    for found in findings:
        place = line_of(found)
        if place is None:
            continue
        name, number = place
        file = draft.list_file(name)
        text = dict(file.entries()).get(number, "")
        pair = _pair(text, index)
        if "is a heading" in found.message:
            file.remove(number)
            draft.done(rule, f"{name} line {number}", f"the heading {text[:60]!r} removed")
        elif pair is None:
            draft.left(rule, f"{name} line {number}", f"no existing image and mask in {text[:60]!r}")
        else:
            file.replace(number, joined_line(*pair))
            draft.done(rule, f"{name} line {number}", f"{text[:60]!r} becomes {joined_line(*pair)!r}")


def _pair(text: str, index: NameIndex) -> tuple[str, str] | None:
    words = [word.strip("\"' ") for word in _SEPARATORS.split(text)]
    words = [word for word in words if word]
    if len(words) == 2 and all(map(index.holds, words)):
        image, mask = words
        return (mask, image) if _is_mask(image) and not _is_mask(mask) else (image, mask)
    if len(words) == 1 and "." not in words[0] and "/" not in words[0]:
        names = index.of_stem(words[0])
        images, masks = [name for name in names if not _is_mask(name)], [name for name in names if _is_mask(name)]
        return (images[0], masks[0]) if len(images) == len(masks) == 1 else None
    if len(words) == 1 and index.holds(words[0]) and not _is_mask(words[0]):
        masks = [name for name in index.of_stem(PurePosixPath(words[0]).stem) if _is_mask(name)]
        return (words[0], masks[0]) if len(masks) == 1 else None
    return None


def _is_mask(name: str) -> bool:
    return bool(MASK_FOLDERS & {part.casefold() for part in PurePosixPath(name).parts[:-1]})
