"""Annotations that name an image or a category by an id that is not listed: one finding if one cause explains all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcli.findings import Finding
from segcli.plurals import counted, with_article
from segcli.rules import finding


@dataclass(frozen=True)
class References:
    """How the annotations of one file name its images, or its categories.

    Attributes:
        noun: ``image`` or ``category``.
        rule: Id of the rule on a single annotation.
        rule_together: Id of the rule on all of them.
        known: The ids that are listed.
    """

    noun: str
    rule: str
    rule_together: str
    known: Collection[int]

    def findings(self, entries: Sequence[Mapping[str, Any]], file: str, names: Mapping[str, int]) -> Iterator[Finding]:
        """What is wrong with the references of a file.

        Args:
            entries: Its annotations that have the id.
            file: The annotation file, relative to the dataset.
            names: Ids of the categories, or of the images, by their names.
        """
        key = f"{self.noun}_id"
        strange = [(entry["id"], plain_id(entry[key])) for entry in entries if id_key(entry[key]) not in self.known]
        if not strange:
            return
        used = {plain_id(entry[key]) for entry in entries}
        shift = shift_of(used, self.known)
        if shift:
            low = "low" if shift > 0 else "high"
            given = f"the annotations give {self.noun} ids {_span(used)}, the file lists {_span(self.known)}"
            message = (
                f"{given}: all seem to be one too {low}; those of {counted(len(strange), 'annotation')} are not listed"
            )
            yield finding(self.rule_together, file, message)
        elif names and all(value in names for _, value in strange):
            verb = "gives" if len(strange) == 1 else "give"
            message = f"{counted(len(strange), 'annotation')} {verb} the name of {with_article(self.noun)}"
            yield finding(self.rule_together, file, f"{message}, such as {strange[0][1]!r}, not its id")
        else:
            for id_, value in strange:
                message = f"there is no {self.noun} with id {value}"
                yield finding(self.rule, file, message, location=f"annotation {id_}")


def plain_id(value: Any) -> int | str | float | None:
    """An id as written, where it is hashable; None for a list or an object."""
    return value if isinstance(value, int | str | float) else None


def id_key(value: Any) -> int:
    """The id as a lookup key; -1, which is never a valid id, for anything that is not an integer."""
    return value if type(value) is int else -1


def shift_of(used: Iterable[object], known: Collection[int]) -> int:
    """By how much all ids are too low (1) or too high (-1), so that some name nothing; 0 if neither."""
    numbers = {value for value in used if type(value) is int}
    if not numbers or len(numbers) < len(set(used)) or not known:
        return 0
    for shift, first, last in ((1, min(known) - 1, min(numbers)), (-1, max(known) + 1, max(numbers))):
        if first == last and {number + shift for number in numbers} <= set(known):
            return shift
    return 0


def _span(ids: Iterable[Any]) -> str:
    numbers = sorted(ids)
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
