"""Sections that an outer one declares are what a call of their class gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from segcli.config.schema import Config, Section


def _declared(outer: type[Section]) -> Iterator[Section]:
    for field in outer.model_fields.values():
        if isinstance(field.default, Section):
            yield field.default
            yield from _declared(type(field.default))


@pytest.mark.parametrize("section", list(_declared(Config)), ids=lambda section: type(section).__name__)
def test_a_declared_section_has_the_defaults(section: Section) -> None:
    called = type(section)()
    assert section == called
    assert section.model_dump() == called.model_dump()
    assert section.model_fields_set == called.model_fields_set
    assert type(section).model_validate(section.model_dump()) == called
