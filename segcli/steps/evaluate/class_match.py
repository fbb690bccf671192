"""Opens the dataset to evaluate on; refuses it if its classes differ from those of the weights."""

from __future__ import annotations

from pathlib import Path

from segcli.config.folds import chosen_fold
from segcli.config.schema import Config
from segcli.data.formats.masks import open_seg_dataset, scan_seg_dataset
from segcli.data.samples import SegDataset
from segcli.data.splits.folds import fold_of
from segcli.weights.class_match import require_same_classes


def dataset_for(names: tuple[str, ...], source: Path, config: Config) -> SegDataset:
    """Opens `Global.dataset_dir` for weights of the classes `names`.

    Args:
        names: Classes of the weights; empty if unknown.
        source: Path of the weights, for error messages.
        config: Names the dataset.

    Raises:
        ConfigError: No dataset is given.
        WeightsError: The classes differ; the message shows both lists.
        DatasetError: The dataset has faults.
    """
    folder = config.Global.dataset
    count = len(names) or None
    dataset, _ = scan_seg_dataset(folder, count)
    if names:
        require_same_classes(names, dataset.classes.names, source, folder)
    return fold_of(open_seg_dataset(folder, count), chosen_fold(config))
