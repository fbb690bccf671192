"""Pages for people: one file that holds everything, opened without a network."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from segcli.data.files import write_text_atomic
from segcli.version import __version__

JPEG_QUALITY = 85
_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


def uri_of(kind: str, data: bytes) -> Markup:
    """Bytes of a media type as a URL that holds its content.

    Nothing in it needs an escape, so that templates need not look through megabytes for what does.
    """
    return Markup(f"data:{kind};base64,{b64encode(data).decode('ascii')}")


def data_uri(path: Path) -> Markup:
    """An image file as a URL that holds its content."""
    return uri_of(_TYPES[path.suffix], path.read_bytes())


def jpeg_uri(rgb: NDArray[np.uint8], side_px: int = 480) -> Markup:
    """An image as a URL that holds it as JPEG, its longer side at most `side_px`; small ones are enlarged."""
    longest = max(rgb.shape[:2])
    scale = side_px / longest if longest > side_px else max(1, side_px // 2 // longest)
    if scale != 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return uri_of("image/jpeg", data.tobytes())


def write_page(template: str, target: Path, **values: Any) -> None:
    """Writes a page from one of the templates beside this module."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("segcli.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text_atomic(target, environment.get_template(template).render(version=__version__, **values))
