"""A section of the configuration: typed keys, read without pydantic where their values are plainly right or wrong.

The import of pydantic and its models took half of the time in which a command with a faulty configuration answers.
What it converts or refuses is left to it, see `segcli.config.schema.lenient`.
"""

from typing import TYPE_CHECKING, Any

from segcli.config.schema.plain import UNSURE, invalid, read_section
from segcli.config.schema.values import Problem, Values, limited
from segcli.lazy import load_object

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Tells type checkers that the annotations of a class are the arguments of its call."""
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False, field_specifiers=(limited,))
class Section(Values):
    """A section of the configuration: unknown keys are errors, and values do not change after parsing.

    Its methods have the names of those of pydantic's models.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(vars(type(self).model_validate(values)))

    @classmethod
    def model_validate(cls, values: Any) -> "Self":
        """The section with these values, of which those of inner sections are dictionaries or sections.

        Raises:
            ValuesError: A key is unknown or missing, or a value is not of its type.
        """
        if isinstance(values, cls):
            return values
        problems: list[Problem] = []
        found = read_section(cls, values, (), problems)
        if found is UNSURE:
            found = load_object("segcli.config.schema.lenient:validate")(cls, values)
        elif problems:
            raise invalid(cls.__name__, problems)
        section: Self = found
        return section
