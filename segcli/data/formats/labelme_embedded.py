"""Compares the image that a LabelMe file embeds, on which the shapes were drawn, with the image file beside it."""

from __future__ import annotations

from segcli.data.decoding.headers import read_header
from segcli.data.decoding.jpeg import decode_small_jpeg
from segcli.data.files import read_bytes
from segcli.data.formats.labelme_dataset import LabelMeSample
from segcli.data.image import RgbImage, decode_image, upright
from segcli.data.similarity import LEAST_DECODED_PX, show_different_things
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.rules import finding


def other_image(sample: LabelMeSample) -> list[Finding]:
    """L213 where the embedded image shows something else than the file; none where one of them cannot be decoded."""
    if sample.image is None or not sample.annotation.has_image_data:
        return []
    trace = sample.annotation.embedded
    try:
        if trace is not None and trace.is_of(sample.image):
            return []
        content, file = sample.annotation.image_data(), read_bytes(sample.image)
        if content == file:
            return []
        embedded, beside = _small(content), _small(file)
    except (InputError, OSError):
        return []  # a damaged file has a finding of its own, a damaged embedded image is not used
    if not show_different_things(embedded, beside):
        return []
    name = sample.image.name
    hint = f"delete {name}, so that the embedded image is used, or put the image back that was labelled"
    return [finding("L213", sample.name, f"its imageData shows another image than {name}", hint=hint)]


def _small(data: bytes) -> RgbImage:
    """The image, upright; of a JPEG a smaller one, which takes half the time.

    Raises:
        InputError: It cannot be decoded.
    """
    header = read_header(data)
    if header is not None and header.format == "JPEG":
        try:
            return upright(decode_small_jpeg(data, LEAST_DECODED_PX)[0], header.orientation)
        except ValueError:  # a rare kind of JPEG
            pass
    return decode_image(data, name="imageData")
