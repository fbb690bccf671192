"""Paints the demo images at twice their size and downscales them, for smooth edges.

All canvases are float32 [H, W, 3], RGB, 0..255.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.steps.demo.scene import PlacedShape

Canvas = NDArray[np.float32]
SCALE = 2
_FIXED_POINT_BITS = 4
_SHADOW = (4, 5)
"""Where the shadow falls: to the right and down, in pixels of the enlarged canvas."""


def paint(rng: np.random.Generator, shapes: list[PlacedShape], width: int, height: int) -> NDArray[np.uint8]:
    """An image, uint8 RGB [height, width, 3], with the shapes lying on a textured ground."""
    canvas = _ground(rng, height * SCALE, width * SCALE)
    for shape in shapes:
        _paint_shape(rng, canvas, shape)
    canvas *= (1 + 0.18 * _noise(rng, height * SCALE, width * SCALE, cells=2))[..., None]
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    small += rng.normal(0, rng.uniform(2, 6), small.shape)
    return np.asarray(np.clip(small, 0, 255), dtype=np.uint8)


def _noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Canvas:
    """Smooth noise [H, W] of about -1..1, with `cells` blobs along each side."""
    coarse = rng.uniform(-1, 1, (cells + 2, cells + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _colour(
    rng: np.random.Generator, hue: tuple[float, float], saturation: tuple[float, float], value: float
) -> Canvas:
    """An RGB colour; hue in degrees, saturation 0..1, value 0..255."""
    hsv = np.array([[[rng.uniform(*hue) % 360, rng.uniform(*saturation), value / 255]]], dtype=np.float32)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255, dtype=np.float32)


def _grid(height: int, width: int) -> tuple[Canvas, Canvas]:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns


def _ground(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Wood, stone or cloth in a dull colour; brown and grey resemble the colours of tiles and coins."""
    rows, columns = _grid(height, width)
    wave = _noise(rng, height, width, cells=4)
    kind = rng.integers(3)
    if kind == 0:  # wood
        pattern = 0.10 * np.sin(rows / rng.uniform(5, 9) + 5 * wave) + 0.05 * wave
    elif kind == 1:  # stone
        pattern = 0.12 * wave + 0.10 * _noise(rng, height, width, cells=30)
    else:  # cloth
        pattern = 0.09 * np.sin(rows / 2.2) * np.sin(columns / 2.2) + 0.06 * wave
    colour = _colour(rng, ((20, 50), (200, 240), (0, 360))[rng.integers(3)], (0.05, 0.35), rng.uniform(95, 205))
    return np.asarray(colour * (1 + pattern)[..., None], dtype=np.float32)


def _outline(shape: PlacedShape) -> Canvas:
    """The shape's outline as points [n, 2] on the enlarged canvas."""
    points = shape.array * SCALE
    if shape.kind == "rectangle":
        (x0, y0), (x1, y1) = points
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    elif shape.kind == "circle":
        angles = np.linspace(0, 2 * math.pi, 90, endpoint=False)
        radius = np.hypot(*(points[1] - points[0]))
        points = points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points.astype(np.float32)


def _paint_shape(rng: np.random.Generator, canvas: Canvas, shape: PlacedShape) -> None:
    """Lays the shadow and the textured object on the part of the canvas that they cover."""
    outline = _outline(shape)
    margin = 16
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin, canvas.shape[1::-1])
    region = canvas[low[1] : high[1], low[0] : high[0]]
    local = outline - low.astype(np.float32)
    alpha = np.zeros(region.shape[:2], dtype=np.float32)
    cv2.fillPoly(
        alpha, [np.round(local * 2**_FIXED_POINT_BITS).astype(np.int32)], 1.0, cv2.LINE_8, shift=_FIXED_POINT_BITS
    )
    shadow = np.zeros_like(alpha)
    shadow[_SHADOW[1] :, _SHADOW[0] :] = alpha[: -_SHADOW[1], : -_SHADOW[0]]
    shadow = cv2.GaussianBlur(shadow, (0, 0), 5)
    region *= 1 - 0.45 * shadow[..., None]
    texture = _TEXTURES[shape.label](rng, local, region.shape[0], region.shape[1])
    alpha = cv2.GaussianBlur(alpha, (3, 3), 0)[..., None]
    region += alpha * (texture - region)


def _leaf(rng: np.random.Generator, outline: Canvas, height: int, width: int) -> Canvas:
    """Green, sometimes autumnal, with a midrib and side veins."""
    autumn = rng.random() < 0.25
    colour = _colour(rng, (25, 60) if autumn else (75, 130), (0.5, 0.85), rng.uniform(110, 190))
    image = np.asarray(colour * (1 + 0.15 * _noise(rng, height, width, cells=6))[..., None], dtype=np.float32)
    vein = [float(channel) for channel in np.minimum(colour * 1.35 + 15, 255)]
    half = len(outline) // 2
    upper, lower = outline[1:half], outline[half + 1 :][::-1]
    count = min(len(upper), len(lower))
    rib = (upper[:count] + lower[:count]) / 2
    cv2.polylines(image, [np.round(rib).astype(np.int32)], False, vein, 3, cv2.LINE_AA)
    for index in range(0, count - 2, 2):
        for side in (upper, lower):
            end = rib[index] + 0.85 * (side[index + 2] - rib[index])
            cv2.line(image, [int(v) for v in rib[index]], [int(v) for v in end], vein, 1, cv2.LINE_AA)
    return image


def _tile(rng: np.random.Generator, outline: Canvas, height: int, width: int) -> Canvas:
    """Glazed clay: a frame and a pattern of diamonds in a second colour."""
    hue = ((5, 20), (205, 225), (345, 360))[rng.integers(3)]
    base, ink = _colour(rng, hue, (0.55, 0.8), rng.uniform(140, 210)), _colour(rng, (35, 50), (0.1, 0.3), 225)
    rows, columns = _grid(height, width)
    (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
    period = rng.uniform(0.28, 0.5)
    across, down = (columns - x0) / (x1 - x0), (rows - y0) / (y1 - y0)
    diamond = np.abs((across / period) % 1 - 0.5) + np.abs((down / period) % 1 - 0.5) < 0.3
    edge = np.minimum(np.minimum(across, 1 - across), np.minimum(down, 1 - down))
    marked = (diamond & (edge > 0.12)) | ((edge > 0.06) & (edge < 0.09))
    image = np.where(marked[..., None], ink, base)
    glaze = 1 + 0.15 * (across - down) + 0.05 * _noise(rng, height, width, cells=8)
    return np.asarray(image * glaze[..., None], dtype=np.float32)


def _coin(rng: np.random.Generator, outline: Canvas, height: int, width: int) -> Canvas:
    """Gold, copper or silver with a rim, two-fold reflections and a stamped number."""
    hue, saturation = (((42, 52), (0.5, 0.7)), ((16, 26), (0.45, 0.6)), ((200, 230), (0.02, 0.08)))[rng.integers(3)]
    colour = _colour(rng, hue, saturation, rng.uniform(165, 225))
    centre = (outline.min(axis=0) + outline.max(axis=0)) / 2
    radius = float(np.ptp(outline[:, 0])) / 2
    rows, columns = _grid(height, width)
    distance = np.hypot(columns - centre[0], rows - centre[1]) / radius
    angle = np.arctan2(rows - centre[1], columns - centre[0])
    light = 0.9 + 0.22 * np.cos(2 * (angle - rng.uniform(0, math.pi))) * np.minimum(distance * 1.5, 1)
    light *= np.where(np.abs(distance - 0.86) < 0.045, 0.6, 1.0)
    image = np.asarray(colour * light[..., None], dtype=np.float32)
    stamp = str(rng.choice(["1", "2", "5", "10"]))
    size = radius / 26
    (text_width, text_height), _ = cv2.getTextSize(stamp, cv2.FONT_HERSHEY_SIMPLEX, size, 4)
    place = (int(centre[0] - text_width / 2), int(centre[1] + text_height / 2))
    cv2.putText(image, stamp, place, cv2.FONT_HERSHEY_SIMPLEX, size, [float(v) for v in colour * 0.5], 4, cv2.LINE_AA)
    return image


_TEXTURES: dict[str, Callable[[np.random.Generator, Canvas, int, int], Canvas]] = {
    "leaf": _leaf,
    "tile": _tile,
    "coin": _coin,
}
