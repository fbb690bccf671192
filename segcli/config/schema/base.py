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
    # the names of the table, so that a runtime of another package is known here too
    Runtime = Literal[runtime_names()]
    ExportFormat = Literal[export_formats()]
    OutputName = Literal[output_names()]


class Section(BaseModel):
    """A section of the configuration: unknown keys are faults, values do not change after parsing.

    Attributes:
        reads: The uses of all fields that declare none; of an inner section those of the one around it.
    """

    reads: ClassVar[tuple[Read, ...]] = ()
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true for 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and not _takes_bool(annotation):
            raise ValueError("true and false are no numbers")
        return value


def _takes_bool(annotation: Any) -> bool:
    """Whether true is among what an annotation names: ``bool | None``, ``Literal[True] | None``."""
    return annotation in (bool, True) or any(map(_takes_bool, get_args(annotation)))
