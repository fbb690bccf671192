"""Types of keys whose words come from tables."""

from typing import TYPE_CHECKING, Literal

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
