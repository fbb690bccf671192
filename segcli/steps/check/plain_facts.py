"""Converts facts of images and masks to JSON values and back, for the manifest. Only files without faults are kept."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.boxes import BoxXyxy
from segcli.data.decoding.headers import ImageHeader
from segcli.data.fingerprint.images import ImageColours
from segcli.data.fingerprint.labels import MaskShape
from segcli.data.id_counts import present_ids
from segcli.data.samples import SegSample, Split
from segcli.data.similarity import THUMB_BYTES, Signature
from segcli.steps.check.files import DIGEST_BYTES, SKETCH_PX, FileFacts, UsedValues
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.smears import Smear

_IDS = 256


def file_as_plain(facts: FileFacts) -> dict[str, Any] | None:
    """JSON values of the facts of an image file; None if it has a fault."""
    if not facts.is_whole or facts.damage is not None or facts.header is None:
        return None
    sign, colours, values = facts.signature, facts.colours, facts.values
    return {
        "header": facts.header._asdict(),
        "digest": None if facts.digest is None else facts.digest.hex(),
        "signature": None if sign is None else [sign.bits, b64encode(sign.thumb).decode()],
        "colours": None if colours is None else [colours.mean, colours.std, colours.lowest, colours.highest],
        "values": None if values is None else [values.lowest, values.highest, values.dtype.str, values.undefined],
        "blank": facts.is_blank,
        "sketch": None if facts.sketch is None else b64encode(facts.sketch.tobytes()).decode(),
    }


def file_from_plain(path: str, plain: Any, *, sketched: bool = False) -> FileFacts:
    """The facts of an image file, from the values of `file_as_plain`.

    Raises:
        ValueError, TypeError, KeyError: The values are damaged, or lack the requested sketch.
    """
    header = dict(plain["header"])
    width, height = map(int, header.pop("stored_size"))
    digest = None if plain["digest"] is None else bytes.fromhex(plain["digest"])
    if digest is not None and len(digest) != DIGEST_BYTES:
        raise ValueError("a digest has another length")
    return FileFacts(
        path,
        ImageHeader(stored_size=(width, height), **header),
        digest=digest,
        signature=_signature(plain["signature"]),
        colours=_colours(plain["colours"]),
        values=_values(plain["values"]),
        is_blank=bool(plain["blank"]),
        sketch=_square(plain["sketch"], np.uint8) if sketched else None,
    )


def sample_as_plain(facts: SampleFacts) -> dict[str, Any] | None:
    """JSON values of the facts of an image and its mask; None if one has a fault."""
    image, mask = file_as_plain(facts.image), file_as_plain(facts.mask)
    if image is None or mask is None or facts.counts is None:
        return None
    shape = facts.shape
    return {
        "image": image,
        "mask": mask,
        "counts": [list(facts.ids), facts.counts],
        "edges": None if facts.edge_only is None else np.flatnonzero(facts.edge_only).tolist(),
        "smear": None if facts.smear is None else [facts.smear.ramps, facts.smear.jumps],
        "palette": None if facts.colours is None else list(facts.colours.items()),
        "shape": None if shape is None else [shape.size, *map(_sparse, shape.halves), list(shape.parts.items())],
        "borders": None if facts.borders is None else b64encode(facts.borders.tobytes()).decode(),
        "labelled": facts.labelled,
    }


def sample_from_plain(
    sample: SegSample, split: Split, plain: Any, *, shaped: bool, compared: bool = False
) -> SampleFacts:
    """The facts of an image and its mask, from the values of `sample_as_plain`.

    Raises:
        ValueError, TypeError, KeyError: The values are damaged, or lack what is requested.
    """
    if shaped and plain["shape"] is None:
        raise ValueError("the shape is not known")
    edges, palette = plain["edges"], plain["palette"]
    edge_only = None
    if edges is not None:
        edge_only = np.zeros(_IDS, np.bool_)
        edge_only[edges] = True
    return SampleFacts(
        sample,
        split,
        file_from_plain(sample.image_file, plain["image"], sketched=compared),
        file_from_plain(sample.mask_file, plain["mask"]),
        *present_ids(_counts(plain["counts"])),
        edge_only,
        None if palette is None else {int(id_): (int(r), int(g), int(b)) for id_, (r, g, b) in palette},
        smear=None if plain["smear"] is None else Smear(*map(int, plain["smear"])),
        shape=_shape(plain["shape"]) if shaped else None,
        borders=_square(plain["borders"], np.bool_) if compared else None,
        labelled=_box(plain["labelled"]) if compared else None,
    )


def _square(plain: Any, dtype: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(b64decode(plain, validate=True), dtype).reshape(SKETCH_PX, SKETCH_PX)


def _box(plain: Any) -> BoxXyxy | None:
    if plain is None:
        return None
    left, top, right, bottom = map(float, plain)
    return left, top, right, bottom


def _signature(plain: Any) -> Signature | None:
    if plain is None:
        return None
    bits, thumb = plain
    data = b64decode(thumb, validate=True)
    if not 0 <= int(bits) < 1 << 64 or len(data) != THUMB_BYTES:
        raise ValueError("a signature has another size")
    return Signature(int(bits), data)


def _colours(plain: Any) -> ImageColours | None:
    if plain is None:
        return None
    mean, std, lowest, highest = plain
    return ImageColours._make(map(float, (*mean, *std, lowest, highest)))


def _values(plain: Any) -> UsedValues | None:
    if plain is None:
        return None
    lowest, highest, dtype, undefined = plain
    return UsedValues(float(lowest), float(highest), np.dtype(dtype), float(undefined))


def _shape(plain: Any) -> MaskShape:
    (width, height), upper, lower, parts = plain
    sizes = {int(id_): [float(size) for size in own] for id_, own in parts}
    return MaskShape((int(width), int(height)), np.array([_counts(upper), _counts(lower)]), sizes)


def _sparse(counts: NDArray[np.int64]) -> list[list[int]]:
    present = np.flatnonzero(counts)
    return [present.tolist(), counts[present].tolist()]


def _counts(plain: Any) -> NDArray[np.int64]:
    ids, numbers = plain
    if len(ids) != len(numbers):
        raise ValueError("a count is missing")
    counts = np.zeros(_IDS, np.int64)
    counts[np.array(ids, np.intp)] = numbers
    return counts
