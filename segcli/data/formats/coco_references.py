"""Annotations that name an image or a category by an id that is not listed: one finding if one cause explains all."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from segcli.findings import Finding
from segcli.plurals import counted, with_article
from segcli.rules import finding


@dataclass
class References:
    """The ids by which the annotations of one file name its images, or its categories.

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
    _used: set[Hashable] = field(default_factory=set)
    _strange: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, value: Any, location: str, *, is_known: bool) -> None:
        """Adds the id that an annotation gives."""
        self._used.add(value)
        if not is_known:
            self._strange.append((location, value))

    def findings(self, file: str, names: Mapping[str, int]) -> Iterator[Finding]:
        """What is wrong with the references of a file.

        Args:
            file: The annotation file, relative to the dataset.
            names: Ids of the categories, or of the images, by their names.
        """
        if not self._strange:
            return
        shift = shift_of(self._used, self.known)
        if shift:
            low = "low" if shift > 0 else "high"
            given = f"the annotations give {self.noun} ids {_span(self._used)}, the file lists {_span(self.known)}"
            strange = counted(len(self._strange), "annotation")
            message = f"{given}: all seem to be one too {low}; those of {strange} are not listed"
            yield finding(self.rule_together, file, message)
        elif names and all(value in names for _, value in self._strange):
            verb = "gives" if len(self._strange) == 1 else "give"
            message = f"{counted(len(self._strange), 'annotation')} {verb} the name of {with_article(self.noun)}"
            yield finding(self.rule_together, file, f"{message}, such as {self._strange[0][1]!r}, not its id")
        else:
            for location, value in self._strange:
                message = f"there is no {self.noun} with id {value}"
                yield finding(self.rule, file, message, location=location)


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
