"""Reads values as pydantic does: it converts what can be converted, and says what is wrong with all others."""

import types
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo

from segcli.config.schema.plain import section_in
from segcli.config.schema.values import Limits, Problem, Values, ValuesError


def validate(section: type[Values], values: Any) -> Values:
    """The section with these values.

    Args:
        section: Its class.
        values: By key; those of inner sections are dictionaries or sections.

    Raises:
        ValuesError: A key is unknown or missing, or a value is not of its type.
    """
    hashable: Any = section  # mypy takes the hash of its instances for that of a class
    try:
        model = _model_of(hashable).model_validate(_plain(values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        problems = [Problem(one["loc"], one["type"], one["input"], one["msg"]) for one in found]
        raise ValuesError(str(error), problems) from error
    return _section_of(section, model)


def _plain(values: Any) -> Any:
    """The values without sections, which no model knows."""
    if isinstance(values, Values):
        return values.model_dump(exclude_unset=True)
    return {name: _plain(value) for name, value in values.items()} if type(values) is dict else values


def _section_of(section: type[Values], model: BaseModel) -> Values:
    given = {name: getattr(model, name) for name in model.model_fields_set}
    inner = {name: section_in(section.model_fields[name].annotation) for name in given}
    return section.of_valid(
        {
            name: _section_of(kind, value) if (kind := inner[name]) and isinstance(value, BaseModel) else value
            for name, value in given.items()
        }
    )


class _Model(BaseModel):
    """What all models share."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        """Exchanges booleans where no boolean is expected for a value that nothing accepts: pydantic reads true as 1.

        One validator per section: one per field (``"*"``) takes a while.
        """
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {name: _NO_VALUE if _is_wrong_bool(value, fields.get(name)) else value for name, value in values.items()}


@cache
def _model_of(section: type[Values]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, key in section.model_fields.items():
        check = section.value_checks.get(name)
        kind = _kind(key.annotation) if check is None else Annotated[_kind(key.annotation), AfterValidator(check)]
        limits: dict[str, Any] = {name: limit for limits in key.limits for name, limit in limits.given.items()}
        # what is not given is the section's own default
        fields[name] = (kind, Field(default=... if key.is_required else None, **limits))
    return create_model(section.__name__, __base__=_Model, **fields)


def _kind(kind: Any) -> Any:
    """A type with pydantic's limits and models."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        limits = [Field(**note.given) for note in arguments[1:] if isinstance(note, Limits)]
        return Annotated[(_kind(arguments[0]), *limits)]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_kind, arguments))]  # noqa: UP007 - of members that are known here only
    if origin in (tuple, dict):
        return origin[tuple(map(_kind, arguments))]
    inner: Any = section_in(kind)
    return kind if inner is None else _model_of(inner)


_NO_VALUE = object()


def _is_wrong_bool(value: Any, field: FieldInfo | None) -> bool:
    return isinstance(value, bool) and field is not None and not _takes_bool(field.annotation)


def _takes_bool(annotation: Any) -> bool:
    """Whether an annotation accepts true, such as ``bool | None`` or ``Literal[True] | None``."""
    return annotation in (bool, True) or any(map(_takes_bool, get_args(annotation)))
