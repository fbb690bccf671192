"""`evaluate`: measures weights or an exported model on the validation split of a dataset."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.changes.settled import read_settled
from segcli.models.table import get_spec
from segcli.results import ModeResult
from segcli.tasks import step_part


def evaluate(config: Config) -> ModeResult:
    """Measures `Evaluate.weight_path`, or by default the best weights of the run, or `Evaluate.predictions`.

    Returns:
        The metrics of the task, over all classes and per class.

    Raises:
        UsageError: There are no weights.
        WeightsError: They cannot be opened, or their classes differ from the dataset's.
        DatasetError: The dataset has faults, or a change of it was interrupted.
        BusyError: Another process is changing it.
    """
    measure = step_part("evaluate", get_spec(config.Global.model).task)
    if config.Global.dataset_dir is None:
        result: ModeResult = measure(config)
    else:
        result = read_settled(config.Global.dataset, lambda: measure(config))
    return result
