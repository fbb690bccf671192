"""Shapes of an image that was resized or rotated after labelling, or whose sides were exchanged: fitted to it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from segcli.data.decoding.headers import ImageHeader, read_header
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeSample, read_labelme_dataset
from segcli.data.formats.labelme_fit import fit_of
from segcli.data.image import image_header
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the points and the size of the image into the file."""
    named = {found.path for found in findings}
    for sample in read_labelme_dataset(draft.root).samples:
        if sample.name in named:
            _repair_file(draft, rule, sample)


def exchange(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Exchanges width and height in the file."""
    for name in dict.fromkeys(found.path for found in findings):
        file = draft.json_file(name)
        file.content["imageWidth"], file.content["imageHeight"] = (
            file.content["imageHeight"],
            file.content["imageWidth"],
        )
        file.is_changed = True
        draft.done(rule, name, "imageWidth and imageHeight exchanged")


def _repair_file(draft: Draft, rule: str, sample: LabelMeSample) -> None:
    file, header = draft.json_file(sample.name), _header(sample)
    stated = sample.annotation.stated_size
    fit = fit_of(stated, header) if header is not None and stated is not None else None
    entries = file.content["shapes"] if isinstance(file.content, dict) else []
    if fit is None or len(entries) != len(sample.annotation.shapes):
        draft.left(rule, sample.name, "some of its shapes cannot be read: repair those first")
        return
    for entry, shape in zip(entries, sample.annotation.shapes, strict=True):
        _write(entry, fit.apply(shape))
    file.content["imageWidth"], file.content["imageHeight"] = fit.size
    file.is_changed = True
    how = f"rotated by EXIF orientation {fit.orientation}" if fit.orientation > 1 else "scaled"
    width, height = fit.size
    draft.done(rule, sample.name, f"{counted(len(entries), 'shape')} {how} to {width} x {height} px")


def _write(entry: dict[str, object], shape: Shape) -> None:
    entry["points"] = [[round(x, 4), round(y, 4)] for x, y in shape.points]
    if shape.mask is not None:
        entry["mask"] = base64.b64encode(shape.mask).decode("ascii")


def _header(sample: LabelMeSample) -> ImageHeader | None:
    try:
        if sample.image is not None:
            return image_header(sample.image)
        return read_header(sample.annotation.image_data())
    except InputError:  # another rule reports it
        return None
