"""The typed configuration: PaddleX's keys with their names, meaning and defaults, and ours beside them.

Every key is honoured or refused with a reason. `None` means "take it from the model's recipe or from the dataset".

Annotations are evaluated as they stand in these modules (no `from __future__ import annotations`): it spares pydantic
the time to evaluate each of them from a text, a tenth of the start of the command.
"""

from segcli.config.schema.base import Runtime, Section
from segcli.config.schema.check_dataset import CheckDatasetConfig, ConvertConfig, SplitConfig
from segcli.config.schema.evaluate import EvaluateConfig
from segcli.config.schema.export import ExportConfig
from segcli.config.schema.predict import KernelOption, PredictConfig, PromptedConfig
from segcli.config.schema.shared import GlobalConfig, Mode
from segcli.config.schema.tiles import SlidingWindowConfig
from segcli.config.schema.train import EarlyStopConfig, EmaConfig, PromptTrainingConfig, TrainConfig

__all__ = [
    "CheckDatasetConfig",
    "Config",
    "ConvertConfig",
    "EarlyStopConfig",
    "EmaConfig",
    "EvaluateConfig",
    "ExportConfig",
    "GlobalConfig",
    "KernelOption",
    "Mode",
    "PredictConfig",
    "PromptTrainingConfig",
    "PromptedConfig",
    "Runtime",
    "Section",
    "SlidingWindowConfig",
    "SplitConfig",
    "TrainConfig",
]


class Config(Section):
    """A whole configuration.

    Attributes:
        Global: What every mode needs.
        CheckDataset: The mode check_dataset: convert, divide, check.
        Train: The mode train.
        Evaluate: The mode evaluate.
        Export: The mode export.
        Predict: The mode predict.
    """

    Global: GlobalConfig
    CheckDataset: CheckDatasetConfig = CheckDatasetConfig()
    Train: TrainConfig = TrainConfig()
    Evaluate: EvaluateConfig = EvaluateConfig()
    Export: ExportConfig = ExportConfig()
    Predict: PredictConfig = PredictConfig()
