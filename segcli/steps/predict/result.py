"""What `predict` returns and writes into `predict_result.json`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segcli.steps.predict.unlike import Unlike

_NAMED = 8
"""Most classes that the terminal shows."""


@dataclass(frozen=True)
class Predicted:
    """The files of one image. Every path exists.

    Attributes:
        input_path: The image; None for an array.
        page_index: Page or frame; None for a single image.
        size: Height and width in pixels.
        files: Files by kind: ``json``, ``label_map`` (palette PNG whose pixels are the class ids),
            ``overlay`` (the image under the label map, with a legend), ...
        found: Amount per class, by name.
        unit: What `found` counts: ``pixels``, ``objects`` or ``masks``.
        frames: Number of frames of a video or stream; None for images.
        tiles: Width, height and steps of the tiles into which the image was cut; None where it was processed whole.
    """

    input_path: str | None
    page_index: int | None
    size: tuple[int, int]
    files: dict[str, str]
    found: dict[str, int]
    unit: str
    frames: int | None = None
    tiles: dict[str, Any] | None = None


@dataclass(frozen=True)
class Unreadable:
    """An input that could not be read, or that the model fails on; the message names it and says why."""

    input_path: str | None
    message: str


@dataclass(frozen=True)
class PredictResult:
    """The outcome of a prediction.

    Attributes:
        model_name: The model.
        model_dir: Folder of the exported model.
        runtime: Name of the runtime.
        folder: Folder of the results.
        predicted: The images.
        failed: Inputs that could not be read, or that the model fails on.
        seconds: Time from the first image to the last file.
        unlike: Inputs that differ much from the training images.
        skipped: Images that had results already.
    """

    model_name: str
    model_dir: str
    runtime: str
    folder: Path
    predicted: tuple[Predicted, ...]
    failed: tuple[Unreadable, ...]
    seconds: float
    unlike: tuple[Unlike, ...] = ()
    skipped: int = 0

    @property
    def complete(self) -> bool:
        """Whether every input has a result."""
        return not self.failed

    @property
    def images_per_second(self) -> float:
        """Throughput including reading and writing, images per second."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def images(self) -> int:
        """Number of images and frames."""
        return sum(1 if entry.frames is None else entry.frames for entry in self.predicted)

    @property
    def in_tiles(self) -> int:
        """Number of images that were cut into tiles."""
        return sum(entry.tiles is not None for entry in self.predicted)

    @property
    def found(self) -> str:
        """Amounts per class over all images, the most frequent first, as text."""
        total: Counter[str] = Counter()
        for entry in self.predicted:
            total.update(entry.found)
        units = {entry.unit for entry in self.predicted}
        whole, shown = sum(total.values()), total.most_common(_NAMED)
        if not whole:
            return "nothing"
        names = [f"{name} {count / whole:.1%}" if units == {"pixels"} else f"{count} {name}" for name, count in shown]
        more = f", {len(total) - len(shown)} more classes" if len(total) > len(shown) else ""
        return ", ".join(names) + more

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model_name": self.model_name,
            "model_dir": self.model_dir,
            "runtime": self.runtime,
            "save_path": str(self.folder),
            "images": self.images,
            "images_per_second": round(self.images_per_second, 3),
            "results": [asdict(entry) for entry in self.predicted],
            "in_tiles": self.in_tiles,
            "skipped": self.skipped,
            "failed": [asdict(entry) for entry in self.failed],
            "unlike_training": [asdict(entry) for entry in self.unlike],
        }

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [
            ("model", self.model_name),
            ("runtime", self.runtime),
            ("images", f"{self.images} ({self.images_per_second:.1f} images/s)" if self.images else "0"),
            *([("found", self.found)] if self.images else []),
            ("results", str(self.folder)),
        ]
        if self.in_tiles:
            rows.append(("in tiles", f"{self.in_tiles}; the result files name the tile size"))
        if self.skipped:
            rows.append(("skipped", f"{self.skipped}, had results already"))
        if self.unlike:
            rows.append(("unlike training", f"{len(self.unlike)}, the first: {self.unlike[0].message}"))
        return [*rows, *(("failed", entry.message) for entry in self.failed)]
