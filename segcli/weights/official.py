"""Resolves weights: a local file, an official name or a URL; only the last two use the network."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from segcli.errors import WeightsError
from segcli.models.card import ModelCard
from segcli.models.published import PUBLISHED
from segcli.models.spec import ModelSpec
from segcli.models.table import MODELS
from segcli.weights.cache import cache_folder
from segcli.weights.download import cached_name, fetch


def resolve_weights(source: str | None, spec: ModelSpec) -> Path | None:
    """The weight file for `source`; None for None.

    Args:
        source: A local file; ``pretrained`` or ``backbone``, the model's name (its trained weights) or the name of an
            official file, with or without ``.pdparams``; or an ``http(s)`` URL, to which ``#sha256=<hex>`` may be
            added. Names and URLs are downloaded once and kept in the cache.
        spec: The model, with the URLs of its official weights.

    Raises:
        WeightsError: There is no such file or name, or it cannot be downloaded.
    """
    if source is None:
        return None
    if "://" in source:
        return _fetch(source)
    path = Path(source).expanduser()
    if path.is_file():
        return path
    names = official_names(spec)
    if source in names:
        return _fetch(names[source])
    hint = f"give a weight file, a URL, null for a random start, or an official name: {', '.join(names)}"
    raise no_such_weights(source, hint)


def no_such_weights(source: str, hint: str) -> WeightsError:
    """The error of a path of weights that is not there, or is a folder."""
    message = "is a folder, not a weight file" if Path(source).is_dir() else "there is no such weight file"
    return WeightsError(message, path=source, hint=hint).for_missing_path()


def has_official_name(source: str) -> bool:
    """Whether these are official weights of some model, which `resolve_weights` finds once the model is known."""
    return any(source in official_names(spec) for spec in MODELS.values())


def official_names(spec: ModelSpec) -> dict[str, str]:
    """Official name -> URL, for all names of a model's official weights."""
    names = dict(spec.weights)
    if "pretrained" in names:
        names[spec.name] = names["pretrained"]
    for url in spec.weights.values():
        names[Path(urlsplit(url).path).stem] = url
        names[Path(urlsplit(url).path).name] = url
    return names


def licence_of(weights: Path, spec: ModelSpec) -> str:
    """Licence of a weight file: of official weights, or of those that its training began with; else empty.

    Args:
        weights: The file. Without a card beside it, official weights are known by their name.
        spec: The model.

    Raises:
        WeightsError: The card beside it cannot be read.
    """
    card = ModelCard.beside(weights)
    if card is not None:
        return card.licence
    is_official = weights.name in official_names(spec) or weights.name in map(cached_name, spec.weights.values())
    return PUBLISHED[spec.name].licence if spec.name in PUBLISHED and is_official else ""


def _fetch(url: str) -> Path:
    return fetch(url, cache_folder() / "weights")
