"""`predict`: runs a model on images and writes the results."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from segcli.config.image_range import learnt_range
from segcli.config.schema import Config
from segcli.data.prefetch import batched, map_ahead, read_ahead
from segcli.data.sources import SourceItem, Sources, open_sources
from segcli.errors import ConfigError, ConfigFault, InputError
from segcli.progress import track
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.clips import AnnotatedFrame, Clips
from segcli.steps.predict.exported_predictor import ExportedPredictor
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.open_predictor import open_predictor
from segcli.steps.predict.outputs.writing import write_chosen
from segcli.steps.predict.result import Predicted, PredictResult, Unreadable
from segcli.steps.predict.unlike import UnlikeInputs
from segcli.weights.guest_home import exported_in

log = logging.getLogger("segcli.predict")

_WRITERS = 2
_WAITING = 4
"""Most results that wait for a writer; with the batches read ahead, this bounds the memory."""


def predict(config: Config) -> PredictResult:
    """Runs an exported model on `Predict.input` and writes the results to `Global.output`, as PaddleX does.

    Images are decoded ahead of the network and results written behind it, so memory does not grow with their number.
    An input that cannot be read, or that the model fails on, is reported; the others are still processed.

    Raises:
        ConfigError: `Predict.input` is missing, or a PaddleX runtime option has no counterpart.
        UsageError: The folder holds another model.
        InputError: There is no input, or none of it can be read.
        SegcliError: The model fails on every image.
    """
    settings = config.Predict
    if settings.input is None:
        raise ConfigError([ConfigFault("Predict.input", "is missing", "give an image, a folder, a list or a URL")])
    sources = open_sources(settings.input)
    output = Path(settings.save_dir or config.Global.output)
    folder = exported_in(Path(settings.model_dir))
    predictor = open_predictor(
        config.Global.model, folder, settings, config.Global.device, strict=config.Global.strict_device
    )
    log.info("%s runs on %s", folder, predictor.runtime.name)
    failed: list[Unreadable] = []
    begin = time.perf_counter()
    sources = sources.read_by(learnt_range(predictor.model.preprocess, config)).every(settings.frame_step)
    tiling = predictor.tiling if isinstance(predictor, ExportedPredictor) else None
    if tiling is not None:
        sources = sources.in_parts_above(tiling.decoded_px)
    done = Done(output)
    if settings.skip_existing:
        sources = sources.without(done)
    unlike = UnlikeInputs(predictor.model, tiling)
    attempts = Attempts(predictor.predict)
    results = _results(attempts, unlike, sources, settings.batch_size, failed)
    predicted = _joined(_write(results, output, config), output)
    seconds = time.perf_counter() - begin
    if done.names:
        log.info("%d results exist already, from whichever model, and are kept", len(done.names))
    if not done.names:  # what is left of an earlier run may be nothing but what it failed on
        attempts.require_any()
    if failed and not predicted and not done.names:
        raise InputError(f"none of {len(failed)} inputs has a result; the first: {failed[0].message}")
    return PredictResult(
        model_name=predictor.model.title,
        model_dir=str(folder),
        runtime=predictor.runtime.name,
        folder=output,
        predicted=tuple(predicted),
        failed=tuple(failed),
        unlike=tuple(unlike.found),
        skipped=len(done.names),
        seconds=seconds,
    )


class Done:
    """Finds images that already have results in a folder: their JSON, which is written last, exists.

    Args:
        folder: Folder of the results.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: list[Path] = []

    def __call__(self, name: Path) -> bool:
        """Whether the results of a name exist; records the name if so."""
        is_there = any((self._folder / f"{name}_res{suffix}").is_file() for suffix in (".json", ".jsonl"))
        if is_there:
            self.names.append(name)
        return is_there


def _results(
    attempts: Attempts[ImageResult], unlike: UnlikeInputs, sources: Sources, batch_size: int, failed: list[Unreadable]
) -> Iterator[ImageResult]:
    items = track(read_ahead(sources, 2 * batch_size), "predict", len(sources))
    for batch in batched(unlike.watched(readable(items, failed)), batch_size):
        for item, result in zip(batch, attempts(batch), strict=True):
            if isinstance(result, InputError):
                failed.append(Unreadable(item.input_path, str(result)))
            else:
                yield result


def readable(items: Iterable[SourceItem], failed: list[Unreadable]) -> Iterator[SourceItem]:
    """The items that have an image; the others are logged and added to `failed`."""
    for item in items:
        if item.fault is None:
            yield item
        else:
            log.warning("left out: %s", item.fault)
            failed.append(Unreadable(item.input_path, str(item.fault)))


def _joined(predicted: Sequence[Predicted], folder: Path) -> Sequence[Predicted]:
    """The results, with the COCO files of single images, if any, joined into one."""
    if not any("coco" in entry.files for entry in predicted):
        return predicted
    from segcli.steps.predict.promptable_files import join_coco  # with all that writes annotations

    return join_coco(predicted, folder)


def _write(results: Iterator[ImageResult], folder: Path, config: Config) -> list[Predicted]:
    """Writes the results in threads, in order, with a bounded queue; the frames of one video go into one file."""

    def write(result: ImageResult) -> Predicted | AnnotatedFrame:
        if result.clip is not None:
            return AnnotatedFrame.of(result, result.clip)
        settings = config.Predict
        if settings.write is not None:
            return write_chosen(result, folder, settings.json_form, settings.write)
        return result.write_files(folder, settings.json_form)

    images: list[Predicted] = []
    with Clips(folder) as clips:
        for written in map_ahead(write, results, workers=_WRITERS, ahead=_WAITING):
            if isinstance(written, AnnotatedFrame):
                clips.add(written)
            else:
                images.append(written)
    return [*images, *clips.predicted]
