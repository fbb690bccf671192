"""`segcli suggest FOLDER`: which images to label next, with proposals to correct."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import PredictConfig
from segcli.data.csv_file import write_csv
from segcli.data.fingerprint.images import evenly
from segcli.data.image import read_input
from segcli.data.prefetch import map_ahead, read_ahead
from segcli.data.sources import Input, SourceItem, Sources, open_sources
from segcli.errors import InputError, SegcliError, UsageError
from segcli.inference.exported_model import ExportedModel
from segcli.models.table import get_spec
from segcli.progress import track
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.command import readable
from segcli.steps.predict.open_predictor import open_predictor
from segcli.steps.predict.result import Unreadable
from segcli.steps.suggest.look import Look, Looker
from segcli.steps.suggest.proposals import ProposalFolder, file_of
from segcli.steps.suggest.ranking import Ranking, rank, standardised
from segcli.steps.suggest.result import Suggestion, SuggestResult
from segcli.tasks import step_part
from segcli.weights.guest_home import exported_in

log = logging.getLogger("segcli.suggest")

TABLE = "suggest.csv"
MOST_LABELLED = 500
"""Most labelled images that the others are compared with."""
_AHEAD = 4

_Seen = tuple[SourceItem, Look]
"""An image without its pixels, and what was seen in it."""


def suggest(
    given: Input,
    model_dir: Path,
    output: Path,
    *,
    save_dir: Path | None = None,
    labelled: Path | None = None,
    count: int | None = None,
    settings: PredictConfig | None = None,
    device: str = "auto",
) -> SuggestResult:
    """Ranks unlabelled images by the benefit of labelling them, and writes proposals for the first ones.

    The images are read twice: once to rank them, once to write the proposals, so memory does not grow with their size.

    Args:
        given: Images; see `segcli.data.sources.open_sources`. Those with a LabelMe file count as labelled.
        model_dir: Folder of an exported semantic or instance model, or of the weights around it.
        output: Folder of the table.
        save_dir: Folder of the proposals, which may be that of a LabelMe dataset; None is ``<output>/suggest``.
        labelled: Dataset whose training images count as labelled, those among `given` too; None uses the model's
            training dataset.
        count: Number of images to write proposals for; None uses the recommended number.
        settings: Runtime and threshold.
        device: Device that the network runs on.

    Raises:
        UsageError: The model is promptable, or `count` is less than 1.
        WeightsError: The folder holds no exported model.
        InputError: There is no input, or none of it can be read.
        DatasetError: `labelled` holds no dataset of the model's task.
    """
    if count is not None and count < 1:
        raise UsageError(f"cannot propose {count} images", hint="give 1 or more")
    model = ExportedModel.open(exported_in(model_dir))
    predictor = open_predictor(model.model_name, model.folder, settings or PredictConfig(), device)
    looker: Looker = step_part("suggest", get_spec(model.model_name).task)(predictor)
    sources = open_sources(given).read_by(model.preprocess.reads_by)
    failed: list[Unreadable] = []
    target = ProposalFolder(save_dir or output / "suggest", model.class_names)
    learnt = _training_images(looker, model, labelled)
    in_training = set(learnt)
    seen, with_labels = _look_at_all(
        looker, sources, lambda item: file_of(item) in in_training or target.has_labels(item), failed
    )
    met = {file_of(item) for item, _ in with_labels}
    known = [look for _, look in with_labels]
    known += _looks_at_labelled(looker, model, [image for image in learnt if image not in met])
    ranking = _ranked([look for _, look in seen], known)
    ordered = [seen[number] for number in ranking.order]
    chosen = [item.name for item, _ in ordered[: ranking.enough if count is None else count]]
    proposals, kept = _propose(looker, sources, chosen, target)
    ranked = _suggestions(ordered, ranking, proposals)
    _write_table(ranked, output / TABLE)
    return SuggestResult(
        model_name=model.title,
        model_dir=str(model.folder),
        folder=target.folder,
        is_sure=_is_sure([look for _, look in seen], known),
        ranked=ranked,
        enough=ranking.enough,
        labelled=len(known),
        failed=failed,
        kept=kept,
    )


def _training_images(looker: Looker, model: ExportedModel, labelled: Path | None) -> list[Path]:
    """The training images of the model, as resolved paths."""
    learnt = None if model.card is None else model.card.config.get("Global", {}).get("dataset_dir")
    folder = labelled or (None if learnt is None else Path(learnt))
    if folder is None:
        return []
    try:
        return [image.resolve() for image in looker.labelled_images(folder)]
    except SegcliError as fault:
        if labelled is not None:
            raise
        log.warning("no comparison with the training images of the model: %s", fault)
        return []


def _look_at_all(
    looker: Looker, sources: Sources, has_labels: Callable[[SourceItem], bool], failed: list[Unreadable]
) -> tuple[list[_Seen], list[_Seen]]:
    """The unlabelled images and the labelled ones."""
    seen: list[_Seen] = []
    known: list[_Seen] = []
    # nothing is read in windows here
    attempts = Attempts(lambda items: (looker.look(item.rgb) for item in items if item.rgb is not None))
    for item in readable(track(read_ahead(sources, _AHEAD), "look", len(sources)), failed):
        (look,) = attempts([item])
        if isinstance(look, InputError):
            failed.append(Unreadable(item.input_path, str(look)))
        else:
            (known if has_labels(item) else seen).append((replace(item, rgb=None), look))
    attempts.require_any()
    if failed and not seen and not known:
        raise InputError(f"none of {len(failed)} inputs has a result; the first: {failed[0].message}")
    return seen, known


def _looks_at_labelled(looker: Looker, model: ExportedModel, learnt: Sequence[Path]) -> list[Look]:
    """Looks of training images, of at most `MOST_LABELLED`."""
    few = evenly(learnt, MOST_LABELLED)
    read = map_ahead(partial(read_input, image_range=model.preprocess.reads_by), few)
    return [looker.look(rgb) for rgb in track(read, "look at labelled images", len(few))]


def _ranked(seen: Sequence[Look], known: Sequence[Look]) -> Ranking:
    if not seen:
        return Ranking((), (), 0)
    looks = [*seen, *known]
    table = standardised([np.stack([look.colours for look in looks]), np.stack([look.layout for look in looks])])
    return rank([look.unsure for look in seen], table[: len(seen)], _rows(table, len(seen)))


def _is_sure(seen: Sequence[Look], known: Sequence[Look]) -> bool:
    """Whether the model is as certain on the unlabelled images as on its training images."""
    if not seen or not known:
        return False
    return float(np.median([look.unsure for look in seen])) <= float(np.median([look.unsure for look in known]))


def _rows(table: NDArray[np.float32], begin: int) -> NDArray[np.float32] | None:
    return table[begin:] if begin < len(table) else None


def _propose(
    looker: Looker, sources: Sources, chosen: Collection[Path], target: ProposalFolder
) -> tuple[dict[Path, Path], list[str]]:
    """Proposal files by image name, and the names that already existed in the folder."""
    wanted = set(chosen)
    written: dict[Path, Path] = {}
    kept: list[str] = []
    items: Iterable[SourceItem] = read_ahead(sources.without(lambda name: name not in wanted), _AHEAD)
    for item in track(items, "propose", len(wanted)):
        if item.rgb is None or item.name not in wanted:
            continue
        path = target.write(item, looker.propose(item.rgb))
        if path is None:
            kept.append(item.name.as_posix())
        else:
            written[item.name] = path
    return written, kept


def _suggestions(ordered: Sequence[_Seen], ranking: Ranking, proposals: Mapping[Path, Path]) -> list[Suggestion]:
    return [
        Suggestion(item.input_path, item.page_index, look.entropy, look.disagreement, held, proposals.get(item.name))
        for (item, look), held in zip(ordered, ranking.held, strict=True)
    ]


def _write_table(ranked: Sequence[Suggestion], target: Path) -> None:
    columns = ["rank", *Suggestion(None, None, 0.0, 0.0, 0.0).as_dict()]
    write_csv([{"rank": place, **one.as_dict()} for place, one in enumerate(ranked, start=1)], columns, target)
