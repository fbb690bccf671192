"""A section of the configuration."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

from segcli.config.schema.meaning import Read
from segcli.outputs import output_names
from segcli.runtimes import export_formats, runtime_names

if TYPE_CHECKING:
    from typing_extensions import Self

    Runtime = str
    ExportFormat = str
    OutputName = str
else:
    # names from the tables, so that runtimes of plug-in packages are accepted too
    Runtime = Literal[runtime_names()]
    ExportFormat = Literal[export_formats()]
    OutputName = Literal[output_names()]


class Section(BaseModel):
    """A section of the configuration: unknown keys are errors, and values do not change after parsing.

    Attributes:
        reads: The uses of fields that declare none; an inner section without `reads` inherits its parent's.
    """

    reads: ClassVar[tuple[Read, ...]] = ()
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def with_defaults(cls) -> "Self":
        """The section as it is without any key, where an outer one declares it.

        To call the class would build a validator for it alone at every start of a command, 1 ms each.
        """
        return cls.model_construct()

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        """Exchanges booleans where no boolean is expected for a value that nothing accepts: pydantic reads true as 1.

        One validator per section: one per field (``"*"``) takes a tenth of the start-up time of a command.
        """
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {name: _NO_VALUE if _is_wrong_bool(value, fields.get(name)) else value for name, value in values.items()}


_NO_VALUE = object()


def _is_wrong_bool(value: Any, field: FieldInfo | None) -> bool:
    return isinstance(value, bool) and field is not None and not _takes_bool(field.annotation)


def _takes_bool(annotation: Any) -> bool:
    """Whether an annotation accepts true, such as ``bool | None`` or ``Literal[True] | None``."""
    return annotation in (bool, True) or any(map(_takes_bool, get_args(annotation)))
