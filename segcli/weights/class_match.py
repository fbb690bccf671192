"""Checks that weights and dataset have the same classes, in names, number and order."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from segcli.data.classes import ClassMap
from segcli.errors import WeightsError


def moved_classes(of_weights: tuple[str, ...], of_data: tuple[str, ...]) -> list[str]:
    """Names of the classes that weights and dataset both know, by different ids.

    Where the numbers of classes differ the list is empty: the head of such weights is not used.
    """
    if len(of_weights) != len(of_data):
        return []
    return [name for id_, name in enumerate(of_weights) if name in of_data and of_data.index(name) != id_]


def require_same_classes(
    of_weights: tuple[str, ...],
    of_data: tuple[str, ...],
    weights: Path,
    data: Path | None = None,
    *,
    hint: str = "measure on the dataset they were trained for, or train on this one",
) -> None:
    """Refuses weights whose classes differ from the dataset's in names, number or order.

    If one side has no class names, only the numbers are compared.

    Args:
        of_weights: Names of the weights' classes.
        of_data: Names of the dataset's classes.
        weights: Path of the weights, for the message.
        data: Folder of the dataset, for the message.
        hint: The remedy in the message.

    Raises:
        WeightsError: They differ.
    """
    numbered = ClassMap.numbered(len(of_weights)).names
    nameless = numbered in (of_weights, of_data)
    if of_weights == of_data or (nameless and len(of_weights) == len(of_data)):
        return
    width = max(map(len, [*of_weights, "weights"]))
    lines = [f"  {'id':>3}  {'weights':<{width}}  dataset"]
    for class_id, (of_weight, of_dataset) in enumerate(zip_longest(of_weights, of_data, fillvalue="-")):
        mark = "" if of_weight == of_dataset else "   <- differ"
        lines.append(f"  {class_id:>3}  {of_weight:<{width}}  {of_dataset}{mark}")
    listing = "\n".join(lines)
    where = "" if data is None else f" in {data}"
    raise WeightsError(f"these weights know other classes than the dataset{where}\n{listing}", path=weights, hint=hint)
