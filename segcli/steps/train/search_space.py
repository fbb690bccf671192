"""What `segcli tune` searches: the default keys of a model, or those that the user names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segcli.config.keys import leaves, meanings
from segcli.config.losses import OWN_LOSS
from segcli.config.recipe import with_recipe
from segcli.config.schema import Config
from segcli.config.suggest import did_you_mean, near
from segcli.config.yaml_text import parse_value
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec

_RANGE = re.compile(r"(-?[0-9.]+(?:e-?\d+)?)\.\.(-?[0-9.]+(?:e-?\d+)?)", re.IGNORECASE)
_LOG_RATIO = 10
"""Ranges whose bounds differ by at least this factor are searched on a logarithmic scale."""
_RATE_FACTOR = 5
_SCALES = (None, (0.8, 1.25), (0.5, 2.0))


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds.

    Attributes:
        key: Key of the configuration.
        low: Smallest value.
        high: Largest value.
        whole: Whether the values are whole numbers.
    """

    key: str
    low: float
    high: float
    whole: bool = False

    @property
    def by_logarithm(self) -> bool:
        """Whether the range is searched on a logarithmic scale."""
        return self.low > 0 and self.high / self.low >= _LOG_RATIO

    def suggested(self, trial: Any) -> Any:
        """The value that Optuna suggests for a trial."""
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.by_logarithm)
        return trial.suggest_float(self.key, self.low, self.high, log=self.by_logarithm)


@dataclass(frozen=True)
class Options:
    """A list of values.

    Attributes:
        key: Key of the configuration.
        values: As they would stand in a configuration.
    """

    key: str
    values: tuple[Any, ...]

    def suggested(self, trial: Any) -> Any:
        """The value that Optuna suggests for a trial; Optuna itself stores it as text."""
        by_text = {str(value): value for value in self.values}
        return by_text[trial.suggest_categorical(self.key, list(by_text))]


Dimension = Range | Options


def usual_space(config: Config) -> list[Dimension]:
    """The default space: learning rate around the recipe's, augmentation, and the loss of semantic models.

    Keys that the user has set are not searched.
    """
    spec = get_spec(config.Global.model)
    filled = with_recipe(config)
    rate = filled.Train.learning_rate or 0.001
    found: list[Dimension] = [
        Range("Train.learning_rate", rate / _RATE_FACTOR, rate * _RATE_FACTOR),
        Range("Train.augment.photometric", 0.0, 0.6),
        Options("Train.augment.scale_jitter", _SCALES),
    ]
    if OWN_LOSS not in spec.name:
        found.append(Options("Train.loss", (filled.Train.loss, "ce + dice", "ce + lovasz", "focal + dice")))
    found.append(Range("Train.augment.copy_paste", 0.0, 0.5))
    return [one for one in found if _is_read(one.key, spec) and not config.is_given(one.key)]


def parse_space(texts: Sequence[str], config: Config) -> list[Dimension]:
    """Dimensions as a user writes them: ``Train.learning_rate=1e-4..1e-2``, ``Train.batch_size=4,8``.

    Raises:
        ConfigError: Unknown keys, keys that a training of this model does not read, or invalid values; all at once.
    """
    faults: list[ConfigFault] = []
    found: list[Dimension] = []
    for text in texts:
        key, equals, values = text.partition("=")
        fault = _fault(key, config) if equals else ConfigFault(text, "expected KEY=LOW..HIGH or KEY=A,B,C")
        if fault is not None:
            faults.append(fault)
            continue
        match = _RANGE.fullmatch(values)
        if match is None:
            options = tuple(parse_value(value) for value in values.split(","))
            found.append(Options(key, options))
            continue
        low, high = float(match[1]), float(match[2])
        if low >= high:
            faults.append(ConfigFault(key, f"is {values}; write the lower bound first"))
        found.append(Range(key, low, high, whole=not re.search(r"[.e]", match[1] + match[2], re.IGNORECASE)))
    if faults:
        raise ConfigError(faults)
    return found


def _fault(key: str, config: Config) -> ConfigFault | None:
    if key not in leaves():
        return ConfigFault(key, "there is no such key", did_you_mean(near(key, leaves())))
    spec = get_spec(config.Global.model)
    return None if _is_read(key, spec) else ConfigFault(key, f"is not read by a training of {spec.name}")


def _is_read(key: str, spec: ModelSpec) -> bool:
    return "train" in meanings()[key].modes(spec.name, spec.task)
