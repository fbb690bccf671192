"""Opens trained weights as what they are: network, class names, preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.data.classes import ClassMap
from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.models.promptable.specs import is_same_network
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.networks import build_network
from segcli.weights.arrays import Array
from segcli.weights.checksums import require_undamaged
from segcli.weights.files import weight_format
from segcli.weights.loading import load_exactly
from segcli.weights.official import licence_of
from segcli.weights.reading import read_weights_of

Network = Any

_log = logging.getLogger("segcli.weights")


@dataclass(frozen=True)
class TrainedModel:
    """A network with all its weights, in evaluation mode, and what they mean.

    Attributes:
        network: The `paddle.nn.Layer`.
        card: Class names, preprocessing, configuration.
        spec: The model's row of the table.
    """

    network: Network
    card: ModelCard
    spec: ModelSpec


def load_trained(weights: Path, model: str | None = None) -> TrainedModel:
    """Opens a weight file together with the card beside it.

    Args:
        weights: A ``.pdparams`` or safetensors file; of a promptable model also one of torch.
        model: Name of the model that is wanted; None takes the card's.

    Raises:
        WeightsError: The file cannot be read, is of another model, lacks weights, or there is no card and no `model`.
        UsageError: There is no model of that name.
    """
    weight_format(weights)
    require_undamaged(weights)
    card = ModelCard.beside(weights)
    is_ours = card is not None
    spec = get_spec(_agree_on_model(weights, model, card))
    arrays = read_weights_of(spec, weights)
    if card is None:
        card = _card_without_names(spec, arrays, weights)
    options = card.config.get("Train", {}).get("network")
    channels = card.preprocess.channels
    network = build_network(spec.name, _class_count(spec, card), options=options, lazy=True, input_channels=channels)
    report = load_exactly(network, arrays, path=weights)
    if report.unexpected and is_ours:
        raise WeightsError(f"holds more than {spec.name}: {report.describe()}", path=weights)
    if report.unexpected:
        _log.warning("%s: %s", weights, report.describe())
    network.eval()
    return TrainedModel(network, card, spec)


def _agree_on_model(weights: Path, model: str | None, card: ModelCard | None) -> str:
    if card is None:
        if model is None:
            raise WeightsError("has no card beside it that names its model", path=weights, hint="say which model it is")
        return model
    if model is not None and not is_same_network(model, card.model_name):
        raise WeightsError(
            f"holds {card.model_name}, not {model}",
            path=weights,
            hint=f"set Global.model={card.model_name}, or give weights of {model}",
        )
    return card.model_name


def _class_count(spec: ModelSpec, card: ModelCard) -> int | None:
    return None if spec.task.facts.takes_prompts else len(card.class_names)


def _card_without_names(spec: ModelSpec, arrays: Mapping[str, Array], weights: Path) -> ModelCard:
    """A card for official weights, which bring none: the class count comes from the head, the names are numbers."""
    licence = licence_of(weights, spec)
    if spec.task.facts.takes_prompts:
        return ModelCard(spec.name, (), preprocess=spec.preprocess, licence=licence)
    count = _count_classes(spec, arrays)
    if count is None:
        raise WeightsError(f"has no head of {spec.name} that tells its classes", path=weights)
    _log.warning("%s has no card beside it: its %d classes are numbered, not named", weights, count)
    return ModelCard(spec.name, ClassMap.numbered(count).names, preprocess=spec.preprocess, licence=licence)


def _count_classes(spec: ModelSpec, arrays: Mapping[str, Array]) -> int | None:
    """The class count for which the model's network has the shapes of the file.

    Two networks of different class counts show which tensors grow with the count, along which axis, and from what.
    """
    two, three = (_shapes(build_network(spec.name, count, lazy=True)) for count in (2, 3))
    for name, shape in two.items():
        growing = [axis for axis, side in enumerate(shape) if three[name][axis] == side + 1]
        if growing and name in arrays and arrays[name].ndim == len(shape):
            return int(arrays[name].shape[growing[0]]) - shape[growing[0]] + 2
    return None


def _shapes(network: Network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(int(side) for side in tensor.shape) for name, tensor in network.state_dict().items()}
