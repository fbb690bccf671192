"""The typed configuration: PaddleX's keys with their names, meanings and defaults, and segcli's own keys.

Every key takes effect or is refused with a reason. `None` means "take it from the model's recipe or from the dataset".

These modules do not use `from __future__ import annotations`: pydantic would evaluate each annotation from a string,
which takes a tenth of the start-up time of a command.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import PrivateAttr

from segcli.config.schema.base import Runtime, Section
from segcli.config.schema.check_dataset import CheckDatasetConfig, ConvertConfig, SplitConfig
from segcli.config.schema.evaluate import EvaluateConfig
from segcli.config.schema.export import ExportConfig
from segcli.config.schema.limits import LimitsConfig
from segcli.config.schema.predict import KernelOption, PredictConfig, PromptableConfig
from segcli.config.schema.shared import GlobalConfig, Mode
from segcli.config.schema.tiles import SlidingWindowConfig
from segcli.config.schema.train import AugmentConfig, EarlyStopConfig, EmaConfig, PromptTrainingConfig, TrainConfig
from segcli.config.schema.views import ViewsConfig
from segcli.config.tree import put

__all__ = [
    "DEFAULT",
    "PLANNER",
    "RECIPE",
    "AugmentConfig",
    "CheckDatasetConfig",
    "Config",
    "ConvertConfig",
    "EarlyStopConfig",
    "EmaConfig",
    "EvaluateConfig",
    "ExportConfig",
    "GlobalConfig",
    "KernelOption",
    "LimitsConfig",
    "Mode",
    "PredictConfig",
    "PromptTrainingConfig",
    "PromptableConfig",
    "Runtime",
    "Section",
    "SlidingWindowConfig",
    "SplitConfig",
    "TrainConfig",
    "ViewsConfig",
]

DEFAULT, RECIPE, PLANNER = "default", "recipe of", "planner"
"""Prefixes of the origin of values that the user did not choose."""


class Config(Section):
    """A whole configuration.

    Attributes:
        Global: What every mode needs.
        CheckDataset: The mode check_dataset: convert, split, check.
        Train: The mode train.
        Evaluate: The mode evaluate.
        Export: The mode export.
        Predict: The mode predict.
        limits: What is refused before it takes the machine's memory.
    """

    Global: GlobalConfig
    CheckDataset: CheckDatasetConfig = CheckDatasetConfig.with_defaults()
    Train: TrainConfig = TrainConfig.with_defaults()
    Evaluate: EvaluateConfig = EvaluateConfig.with_defaults()
    Export: ExportConfig = ExportConfig.with_defaults()
    Predict: PredictConfig = PredictConfig.with_defaults()
    limits: LimitsConfig = LimitsConfig.with_defaults()
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Equal values make equal configurations, wherever they came from."""
        return isinstance(other, Config) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # it holds dictionaries

    def origin(self, key: str) -> str:
        """Where the value of a dotted key came from: ``FILE:LINE``, ``-o``, ``--batch-size``, ``recipe of M``, ..."""
        return self._origins.get(key, DEFAULT)

    def is_given(self, key: str) -> bool:
        """Whether the user chose the value of a dotted key, in a file or on the command line."""
        return not self.origin(key).startswith((DEFAULT, RECIPE, PLANNER))

    def replaced(self, values: Mapping[str, Any], origin: str | Mapping[str, str]) -> "Config":
        """A copy of the configuration with some values replaced, each with its origin.

        Args:
            values: By dotted key, e.g. ``{"Train.batch_size": 4}``.
            origin: Of all of them, or by key.

        Raises:
            pydantic.ValidationError: A value is not of the key's type.
        """
        plain = self.model_dump(exclude_unset=True)
        for key, value in values.items():
            put(plain, key, value)
        origins = dict.fromkeys(values, origin) if isinstance(origin, str) else origin
        return type(self).model_validate(plain).with_origins({**self._origins, **origins})

    def with_origins(self, origins: Mapping[str, str]) -> "Config":
        """Sets where the values came from, by dotted key, and returns the configuration itself."""
        self._origins = dict(origins)
        return self

    @property
    def origins(self) -> dict[str, str]:
        """Where each value came from, by dotted key; a key that is missing here has the schema's default."""
        return dict(self._origins)
