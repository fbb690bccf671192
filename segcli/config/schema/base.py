"""A section of the configuration."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from segcli.config.schema.meaning import Read
from segcli.outputs import output_names
from segcli.runtimes import export_formats, runtime_names

if TYPE_CHECKING:
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

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses booleans for numbers: pydantic would read true as 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and not _takes_bool(annotation):
            raise ValueError("true and false are not numbers")
        return value


def _takes_bool(annotation: Any) -> bool:
    """Whether an annotation accepts true, such as ``bool | None`` or ``Literal[True] | None``."""
    return annotation in (bool, True) or any(map(_takes_bool, get_args(annotation)))
