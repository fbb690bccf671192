"""The dataset to measure on, refused where its classes are not those of the weights."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.classes import ClassMap
from segcli.data.formats.masks import open_seg_dataset, scan_seg_dataset
from segcli.data.samples import SegDataset
from segcli.errors import WeightsError


def dataset_for(names: tuple[str, ...], source: Path, config: Config) -> SegDataset:
    """Opens `Global.dataset_dir` for weights of the classes `names`.

    Args:
        names: Classes of the weights; empty where they are not known.
        source: The weights, for messages.
        config: Names the dataset.

    Raises:
        ConfigError: No dataset is named.
        WeightsError: The classes differ; the message shows both lists.
        DatasetError: The dataset has faults.
    """
    folder = config.Global.dataset
    count = len(names) or None
    dataset, _ = scan_seg_dataset(folder, count)
    if names:
        require_same_classes(names, dataset.classes.names, source, folder)
    return open_seg_dataset(folder, count)


def require_same_classes(of_weights: tuple[str, ...], of_data: tuple[str, ...], weights: Path, data: Path) -> None:
    """Refuses weights whose classes are others than the dataset's, in names, number or order.

    Where one side has no names of its own, only the number can disagree.

    Raises:
        WeightsError: They differ.
    """
    numbered = ClassMap.numbered(len(of_weights)).names
    nameless = numbered in (of_weights, of_data)
    if of_weights == of_data or (nameless and len(of_weights) == len(of_data)):
        return
    width = max(map(len, [*of_weights, "weights"]))
    lines = [f"  {'id':>3}  {'weights':<{width}}  dataset"]
    for class_id, (ours, theirs) in enumerate(zip_longest(of_weights, of_data, fillvalue="-")):
        mark = "" if ours == theirs else "   <- differ"
        lines.append(f"  {class_id:>3}  {ours:<{width}}  {theirs}{mark}")
    listing = "\n".join(lines)
    raise WeightsError(
        f"these weights know other classes than the dataset in {data}\n{listing}",
        path=weights,
        hint="measure on the dataset they were trained for, or train on this one",
    )
