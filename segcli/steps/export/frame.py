"""The steps of an export for any task: compute references, write the files, compare."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from segcli.config.schema import Config
from segcli.cpu import paddles_own_convolutions
from segcli.data.files import whole_folder
from segcli.inference.calibration_file import Calibration
from segcli.inference.exported_model import InputShape
from segcli.steps.export.result import ExportResult, ParityEntry
from segcli.trained import TrainedModel

log = logging.getLogger("segcli.export")

R = TypeVar("R")


def export_compared(
    trained: TrainedModel,
    folder: Path,
    shape: InputShape,
    config: Config,
    *,
    refer: Callable[[], tuple[R, str]],
    write: Callable[[Path], Mapping[str, str]],
    verify: Callable[[Path, R], tuple[ParityEntry, ...]],
) -> ExportResult:
    """Writes an exported model and compares it with the trained network.

    The folder is replaced as a whole; an older one stays when the export or the comparison fails.

    Args:
        trained: The network.
        folder: Where the exported model goes.
        shape: [N, C, H, W] of the exported input.
        config: `Export.verify` says whether to compare.
        refer: Returns outputs of the trained network for some images, and the origin of these. It is called before
            `write`, which may change the network, and with Paddle's own convolutions, which are what is written.
        write: Writes all files into a folder; returns their names by kind.
        verify: Compares the files of a folder with the reference.

    Raises:
        ExportError: The model cannot be written.
        ParityError: The outputs of the written model differ from the trained network.
    """
    parity: tuple[ParityEntry, ...] = ()
    origin = None
    with whole_folder(folder) as fresh:
        if config.Export.verify:
            with paddles_own_convolutions():
                reference, origin = refer()
            files = write(fresh)
            parity = verify(fresh, reference)
        else:
            files = write(fresh)
    return ExportResult(
        folder, trained.spec.name, trained.card.class_names, shape, files, parity, origin, trained.card.licence
    )


def temperature_for(config: Config, weights_sha256: str) -> float:
    """`Export.temperature`, else the temperature that `evaluate` found for these weights, else 1."""
    given = config.Export.temperature
    if given is not None:
        return given
    found = Calibration.of(Path(config.Global.output), weights_sha256)
    if found is None:
        return 1.0
    log.info("temperature %.4f, from the calibration on %d images", found.temperature, found.images)
    return found.temperature


def warn_of_size(trained: Sequence[int], exported: Sequence[int]) -> None:
    """Warns where the exported network sees images in another size than that in which it was trained and measured.

    Args:
        trained: Height and width of the training.
        exported: Height and width of the export, -1 for a free side.
    """
    if tuple(trained) != tuple(exported):
        free = min(exported) < 0
        size = "with a free size, in which images keep theirs" if free else f"at {exported[1]} x {exported[0]}"
        log.warning(
            "trained and measured at %d x %d, exported %s: measure the export, its scores differ", *trained[::-1], size
        )
