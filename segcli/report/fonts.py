"""Fonts for class names in any script: DejaVu Sans, which comes with matplotlib, then what the system has."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

# free and common fonts that hold Chinese, Japanese, Korean or many scripts, the better first
_WIDE_FONTS = (
    "NotoSansCJK-Regular",
    "NotoSansCJKsc-Regular",
    "NotoSansSC",
    "SourceHanSans",
    "NotoSans-Regular",
    "wqy-microhei",
    "wqy-zenhei",
    "DroidSansFallback",
    "PingFang",
    "Hiragino",
    "AppleSDGothicNeo",
    "Arial Unicode",
    "msyh",
    "simhei",
    "simsun",
    "malgun",
    "YuGoth",
    "NotoSansArabic",
    "NotoSansDevanagari",
    "NotoSansThai",
    "FreeSans",
    "unifont",
)
_SUFFIXES = (".ttf", ".ttc", ".otf")
_NEVER_DRAWN = "\uffff"
_PROBE_PX = 16


def fallback_fonts(text: str) -> tuple[Path, ...]:
    """System fonts for the signs of `text` that DejaVu Sans lacks; empty when it lacks none, or none is found."""
    missing = _lacking(default_font(), "".join(sorted(set(text))))
    fonts = []
    for path in _system_fonts() if missing else ():
        still = _lacking(path, missing)
        if still != missing:
            fonts.append(path)
            missing = still
        if not missing:
            break
    return tuple(fonts)


def font_for(text: str, size_px: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """One font for a whole line of text, and the text with `?` for every sign that no font here has.

    What would begin another line becomes a space: Pillow fails on it, or leaves the line.
    """
    candidates = (default_font(), *fallback_fonts(text))
    best = min(candidates, key=lambda path: len(_lacking(path, text)))
    lacking = set(_lacking(best, text))
    return _open(best, size_px), "".join("?" if sign in lacking else " " if sign.isspace() else sign for sign in text)


@lru_cache(maxsize=1)
def default_font() -> Path:
    """DejaVu Sans of the installed matplotlib, found without importing it."""
    package = find_spec("matplotlib")
    assert package is not None and package.submodule_search_locations, "matplotlib is a declared dependency"
    return Path(package.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


@lru_cache(maxsize=64)
def _open(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size_px)


def _lacking(path: Path, text: str) -> str:
    """The signs of `text` that a font lacks."""
    return "".join(sign for sign in text if not sign.isspace() and not _has(path, sign))


@lru_cache(maxsize=4096)
def _has(path: Path, sign: str) -> bool:
    """Whether a font draws a sign otherwise than it draws a sign that does not exist."""
    try:
        font = _open(path, _PROBE_PX)
    except OSError:
        return False
    return bytes(font.getmask(sign)) != bytes(font.getmask(_NEVER_DRAWN))


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    found = [
        Path(folder) / name
        for root in _font_folders()
        for folder, _, names in os.walk(root)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    ]
    ranked = [
        (rank, path)
        for path in found
        for rank, wanted in enumerate(_WIDE_FONTS)
        if path.name.lower().startswith(wanted.lower())
    ]
    return tuple(path for _, path in sorted(ranked))


def _font_folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "win32":
        return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", home / "AppData/Local/Microsoft/Windows/Fonts")
    if sys.platform == "darwin":
        return (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    return (home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts"))
