"""The rules on semantic data: small functions from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from segcli.data.classes import ClassMap
from segcli.data.decoding.headers import ImageHeader
from segcli.data.formats.masks import LIST_FILES
from segcli.data.image import LOSSY_FORMATS
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES, MASK_SUFFIXES, suffix_of
from segcli.findings import Finding
from segcli.plurals import listed
from segcli.rules import finding
from segcli.steps.check.files import (
    SAME_SIZE_TURNS,
    Fault,
    ImageRules,
    content_faults,
    file_faults,
    shown_range,
    turned_words,
)
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.sample_view import MaskScale, SampleRule, SampleView
from segcli.steps.check.tally import Tally

IMAGE_RULES = ImageRules(damaged="S213", pages="S214", bands="S215", dim="S216", undefined="S218", blank="S219")
TINY_PX = 32
_COUNTING = frozenset({"S304"})
"""Rules whose messages hold counts, which each mask has of its own."""
_MOST_KINDS = 1 << 12
_Kind = tuple[ImageHeader | None, ImageHeader | None, tuple[str, str], bytes, bool, bool]
_Found = tuple[tuple[Finding, bool], ...]
"""Findings on a sample, each with whether it is on the mask."""
MANY = 8
"""Most ids or classes that a message lists."""


class SampleFindings:
    """All findings on single samples of a dataset.

    Of files that are whole and have nothing of their own to tell, the rules look at headers, suffixes and ids alone,
    which in a dataset are those of many: what they find is known from the first of these.

    Args:
        name_of: The name of a file in findings, see `relative_names`.
        scale: The allowed values of the masks.
    """

    def __init__(self, name_of: Callable[[str], str], scale: MaskScale) -> None:
        self._name_of = name_of
        self._scale = scale
        self._known: dict[_Kind, _Found] = {}

    def of_each(self, samples: Sequence[SampleFacts], places: Sequence[str]) -> list[Sequence[Finding]]:
        """The findings on each sample, which are at these places of a list."""
        findings: list[Sequence[Finding]] = []
        name_of = self._name_of
        for facts, place in zip(samples, places, strict=True):
            kind = _kind(facts)
            known = None if kind is None else self._known.get(kind)
            if known is None:
                known = self._found(facts, kind)
            own = [
                Finding(code, severity, name_of((facts.mask if is_mask else facts.image).path), message, place, hint)
                for (code, severity, _, message, _, hint), is_mask in known
            ]
            findings.append(own)
        return findings

    def _found(self, facts: SampleFacts, kind: _Kind | None) -> _Found:
        """What the rules find in a sample, which is kept if it is that of every sample of its kind."""
        image, mask = self._name_of(facts.image.path), self._name_of(facts.mask.path)
        view = SampleView(facts, image, mask, self._scale)
        found = tuple(
            (finding(rule_id, path, message, hint=hint), path == view.mask)
            for rule in SAMPLE_RULES
            for rule_id, path, message, hint in rule(view)
        )
        if kind is not None and not any(one.code in _COUNTING for one, _ in found):
            if len(self._known) >= _MOST_KINDS:
                self._known.clear()
            self._known[kind] = found
        return found


def _kind(facts: SampleFacts) -> _Kind | None:
    """All that the rules look at in a sample of two ordinary files; None where one of them is not ordinary."""
    image, mask = facts.image, facts.mask
    if not (image.is_ordinary and mask.is_ordinary):
        return None
    suffixes = suffix_of(image.path), suffix_of(mask.path)
    return image.header, mask.header, suffixes, facts.ids, facts.mask_channels_equal, image.path == mask.path


def image_file_faults(view: SampleView) -> Iterator[Fault]:
    """Images that cannot be read whole."""
    return file_faults(view.facts.image, cut="S204", broken="S203", path=view.image)


def image_content_faults(view: SampleView) -> Iterator[Fault]:
    """Images whose content is damaged or not used completely, and files that hold more than one image."""
    return content_faults(view.facts.image, IMAGE_RULES, view.image)


def mask_file_faults(view: SampleView) -> Iterator[Fault]:
    """Masks that cannot be read whole."""
    return file_faults(view.facts.mask, cut="S206", broken="S205", path=view.mask)


def image_remarks(view: SampleView) -> Iterator[Fault]:
    """Images that are converted when they are read, have an unusual suffix, or are tiny."""
    facts, path = view.facts.image, view.image
    header = facts.header
    if header is None or not facts.is_whole:
        return
    suffix = suffix_of(facts.path)
    if suffix.lower() not in IMAGE_SUFFIXES:
        yield "S208", path, f"suffix {suffix or 'missing'}, content {header.format}", None
    if header.bits > 8:
        read = f", {facts.values}, read as {shown_range(facts.values.dtype)}" if facts.values is not None else ""
        yield "S211", path, f"{header.bits} bits per channel{read}", None
    for rule_id, message in _header_remarks(header):
        yield rule_id, path, message, None


@lru_cache(maxsize=1 << 10)
def _header_remarks(header: ImageHeader) -> tuple[tuple[str, str], ...]:
    """Rule ids and messages by the header alone, which in a dataset is that of many images."""
    remarks = []
    if header.channels == 1 and not header.palette:
        remarks.append(("S209", "one channel"))
    if header.has_alpha:
        remarks.append(("S210", f"{header.channels} channels"))
    if header.orientation in SAME_SIZE_TURNS:
        remarks.append(("S217", turned_words(header)))
    if min(header.size) < TINY_PX:
        remarks.append(("S212", f"{_size(header)}, a side is below {TINY_PX} px"))
    return tuple(remarks)


def mask_faults(view: SampleView) -> Iterator[Fault]:
    """Masks that do not hold one id of 8 bits per pixel, or whose ids a lossy format may have changed."""
    facts, path = view.facts, view.mask
    header = facts.mask.header
    if header is None or not facts.mask.is_whole or view.image == view.mask:
        return
    lossy = header.format in LOSSY_FORMATS
    if header.channels > 1:
        hint = "the colour channels are equal: keep one of them" if facts.mask_channels_equal else None
        yield "S301", path, f"{header.channels} channels of {header.bits} bits", hint
    elif header.bits > 8:
        yield "S302", path, f"{header.bits} bits per pixel", None
    elif lossy:
        yield "S303", path, f"stored as {header.format}", None
    suffix = suffix_of(facts.mask.path)
    if suffix.lower() not in MASK_SUFFIXES and not lossy:
        yield "S208", path, f"suffix {suffix or 'missing'}, content {header.format}", None


def size_faults(view: SampleView) -> Iterator[Fault]:
    """A mask of another size than its image."""
    facts, path = view.facts, view.mask
    image_header, mask = facts.image.header, facts.mask.header
    if image_header is None or mask is None or image_header.size == mask.stored_size:
        return
    if facts.image.fault is not None or facts.mask.fault is not None:
        return  # the header of a file that cannot be decoded may be wrong
    turned = image_header.stored_size == mask.stored_size
    hint = (
        f"the image is turned by its EXIF orientation {image_header.orientation}: turn the mask too" if turned else None
    )
    yield "S207", path, f"the mask is {_size(mask, stored=True)}, the image {_size(image_header)}", hint


def id_faults(view: SampleView) -> Iterator[Fault]:
    """Ids without a class, and masks of only ignored or background pixels."""
    facts, path, scale = view.facts, view.mask, view.scale
    if facts.counts is None or (facts.mask.header is not None and facts.mask.header.format in LOSSY_FORMATS):
        return
    ids = [value for value in facts.ids if value != scale.ignore_index]
    if ids and ids[-1] >= scale.classes:
        outside = [value for value in ids if value >= scale.classes]
        pixels = dict(zip(facts.ids, facts.counts, strict=True))
        shown = listed([f"{value} ({pixels[value]} px)" for value in outside], MANY)
        noun = "id" if len(outside) == 1 else "ids"
        yield "S304", path, f"{noun} {shown}; the classes are 0 to {scale.classes - 1}", None
    elif not ids:
        yield "S306", path, f"all pixels are {scale.ignore_index}", None
    elif ids == [0] and scale.classes > 1 and scale.has_background:
        yield "S305", path, "no pixel belongs to any class but 0", None


SAMPLE_RULES: tuple[SampleRule, ...] = (
    image_file_faults,
    image_content_faults,
    mask_file_faults,
    image_remarks,
    mask_faults,
    size_faults,
    id_faults,
)
"""Every rule on a single sample, in the order of its findings."""


def class_findings(tally: Tally, classes: ClassMap, *, file: str, numbered: bool) -> Iterator[Finding]:
    """Classes that are unused or in one split only; ids with gaps if classes are `numbered` from the masks."""
    images = tally.images
    ids = range(min(len(classes), 256))
    used = [class_id for class_id in ids if any(counts[class_id] for counts in images.values())]
    unused = [class_id for class_id in ids if class_id not in used]
    if numbered and unused and used:
        yield finding("S403", file, f"the masks hold ids up to {used[-1]}, but not {listed(unused, MANY)}")
    elif not numbered:
        for class_id in unused:
            yield finding("S401", file, f"class {class_id} ({classes.names[class_id]}) is in no mask")
    if not all(counts.any() for counts in images.values()):
        return
    for class_id in used:
        present = [split for split in Split if images[split][class_id]]
        if len(present) == 1:
            message = f"class {class_id} ({classes.names[class_id]}) is only in {present[0].value}"
            yield finding("S402", LIST_FILES[present[0]], message)


def binary_findings(tally: Tally, ignore_index: int, *, file: str) -> Iterator[Finding]:
    """Masks that hold only 0 and the ignored value, so that all objects would be ignored."""
    if tally.ids() == {0, ignore_index}:
        yield finding("S406", file, f"every mask holds only 0 and {ignore_index}, and {ignore_index} counts as ignored")


def _size(header: ImageHeader, *, stored: bool = False) -> str:
    width, height = header.stored_size if stored else header.size
    return f"{width} x {height} px"
