"""The typed values of a section of the configuration: which they are, and how they are told."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, get_args, get_origin

from segcli.config.schema.meaning import Read
from segcli.lazy import load_object

if TYPE_CHECKING:
    from typing_extensions import Self


class Limits(NamedTuple):
    """What a number, or the length of a list, is limited to; None does not limit."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The limits that are set, by name."""
        return {name: limit for name, limit in self._asdict().items() if limit is not None}

    def accept(self, value: Any) -> bool:
        """Whether a value keeps all limits."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
            and (self.min_length is None or len(value) >= self.min_length)
        )


PositiveFloat = Annotated[float, Limits(gt=0)]
PositiveInt = Annotated[int, Limits(gt=0)]
REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""The default of a key that must be given."""


class Key(NamedTuple):
    """A key of a section.

    Attributes:
        annotation: The type of its values.
        metadata: Notes on its use, and its limits.
        default: The value where it is not given, or `REQUIRED`.
    """

    annotation: Any
    metadata: tuple[Any, ...]
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def limits(self) -> Iterator[Limits]:
        """The limits among the notes."""
        return (note for note in self.metadata if isinstance(note, Limits))


class _Limited(NamedTuple):
    default: Any
    limits: Limits


def limited(
    *, default: Any, ge: float | None = None, gt: float | None = None, le: float | None = None, lt: float | None = None
) -> Any:
    """The default of a key whose numbers are limited."""
    return _Limited(default, Limits(ge, gt, le, lt))


class Problem(NamedTuple):
    """A value that a section refuses, in pydantic's words.

    Attributes:
        loc: Names of the key and of the sections around it, outer ones first.
        type: Kind of the problem, such as ``missing``.
        input: The value.
        msg: What is expected.
    """

    loc: tuple[int | str, ...]
    type: str
    input: Any
    msg: str


class ValuesError(ValueError):
    """Values that a section refuses.

    Args:
        message: All of them in words.
        problems: One per value, or several for one that no member of a union accepts.
    """

    def __init__(self, message: str, problems: list[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class Values:
    """Values by key, which do not change.

    Attributes:
        reads: The uses of fields that declare none; an inner section without `reads` inherits its parent's.
        value_checks: By key: raises ValueError for a value that its type allows, or returns the value.
        model_fields: The keys by name, in their order.
    """

    reads: ClassVar[tuple[Read, ...]] = ()
    value_checks: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    model_fields: ClassVar[dict[str, Key]] = {}
    _given: frozenset[str]

    def __init_subclass__(cls) -> None:
        cls.model_fields = {
            name: _key(kind, vars(cls).get(name, REQUIRED))
            for name, kind in cls.__annotations__.items()
            if not name.startswith("_") and ClassVar not in (kind, get_origin(kind))
        }
        for name, key in cls.model_fields.items():
            if not key.is_required:
                setattr(cls, name, key.default)

    @classmethod
    def of_valid(cls, values: Mapping[str, Any]) -> "Self":
        """The object with values that are known to be valid."""
        made = cls.__new__(cls)
        defaults = {name: key.default for name, key in cls.model_fields.items()}
        vars(made).update({**defaults, **values}, _given=frozenset(values))
        return made

    @property
    def model_fields_set(self) -> frozenset[str]:
        """Names of the keys that were given."""
        return self._given

    def model_dump(self, *, mode: str = "python", exclude_unset: bool = False, exclude: Any = ()) -> dict[str, Any]:
        """The values as dictionaries.

        Args:
            mode: ``python``, or ``json`` for values that JSON can hold.
            exclude_unset: Leaves out what was not given.
            exclude: Names of keys that are left out.
        """
        is_json = mode == "json"
        return {
            name: value.model_dump(mode=mode, exclude_unset=exclude_unset)
            if isinstance(value, Values)
            else _dumped(value, is_json=is_json)
            for name, value in self._values()
            if name not in exclude and not (exclude_unset and name not in self._given)
        }

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> "Self":
        """A copy, with some values replaced by valid ones."""
        made = type(self).__new__(type(self))
        vars(made).update(vars(self), **(update or {}), _given=self._given | set(update or ()))
        return made

    def _values(self) -> list[tuple[str, Any]]:
        return [(name, vars(self)[name]) for name in self.model_fields]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *(value for _, value in self._values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values())})"

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed; make a copy instead")


def _key(kind: Any, default: Any) -> Key:
    notes: tuple[Any, ...] = ()
    if get_origin(kind) is Annotated:
        kind, *rest = get_args(kind)
        notes = tuple(rest)
    if isinstance(default, _Limited):
        return Key(kind, (*notes, default.limits), default.default)
    return Key(kind, notes, default)


def _dumped(value: Any, *, is_json: bool) -> Any:
    """A copy of dictionaries and lists; what JSON cannot hold is converted as by pydantic."""
    kind = type(value)
    if value is None or kind in (str, int, bool):
        return value
    if kind is dict and (not is_json or all(type(name) is str for name in value)):
        return {name: _dumped(inner, is_json=is_json) for name, inner in value.items()}
    if kind in (list, tuple):
        inner = [_dumped(one, is_json=is_json) for one in value]
        return inner if is_json or kind is list else tuple(inner)
    if not is_json or (kind is float and value - value == 0):  # neither infinite nor NaN
        return value
    return load_object("pydantic_core:to_jsonable_python")(value)
