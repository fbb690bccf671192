"""Figures without a display, without global state and without files in the user's home."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from segcli.data.files import atomic_path
from segcli.report.fonts import fallback_fonts

_CACHE_VARIABLE = "MPLCONFIGDIR"


def new_figure(width_in: float, height_in: float) -> Any:
    """An empty matplotlib figure with an Agg canvas, of a size in inches; pyplot is not involved."""
    _keep_matplotlib_out_of_home()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def font_families(text: str) -> list[str]:
    """Families that together show `text`, for the `family` argument of matplotlib's texts."""
    _keep_matplotlib_out_of_home()
    from matplotlib import font_manager

    families = ["DejaVu Sans"]
    for path in fallback_fonts(text):
        font_manager.fontManager.addfont(str(path))
        families.append(font_manager.FontProperties(fname=str(path)).get_name())
    return families


def save_png(figure: Any, target: Path, *, dpi: int = 110) -> None:
    """Writes a figure, whole or not at all."""
    with warnings.catch_warnings(), atomic_path(target) as temporary:
        # where no font has a sign, a box is drawn; the reports say the name in text as well
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, dpi=dpi)


def _keep_matplotlib_out_of_home() -> None:
    """Matplotlib makes folders in HOME when imported; the font list goes to the temporary folder instead."""
    if _CACHE_VARIABLE in os.environ:
        return
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"segcli-matplotlib-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    mine = not folder.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == user)
    os.environ[_CACHE_VARIABLE] = str(folder) if mine else tempfile.mkdtemp(prefix="segcli-matplotlib-")
