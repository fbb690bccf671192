"""Lines of text in images that are drawn with Pillow."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw

from segcli.report.fonts import font_for

INK, FAINT, PAPER = (51, 51, 51), (187, 187, 187), (255, 255, 255)


@lru_cache(maxsize=256)
def text_mask(text: str, size_px: int) -> Image.Image:
    """A line of text as a mask (mode L), which is not to be changed."""
    font, text = font_for(text, size_px)
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics()
    mask = Image.new("L", (int(right - left) + 1, ascent + descent))
    ImageDraw.Draw(mask).text((-left, 0), text, fill=255, font=font)
    return mask


def ink(sheet: Image.Image, mask: Image.Image, x: int, y: int) -> None:
    """Puts a mask of text into an image, with its upper left corner at a pixel."""
    sheet.paste(INK, (x, y), mask)
