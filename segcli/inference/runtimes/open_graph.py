"""Opens one network on a runtime of the table."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, cast

from segcli.data.temporary import lasting_names
from segcli.errors import ConfigError, ConfigFault, MissingPartError, SegcliError
from segcli.inference.first_opening import require_openable
from segcli.inference.graphs import Graph
from segcli.inference.runtimes.protocol import Runtime, RuntimeModule, thread_count
from segcli.runtimes import AUTO, RuntimeRow, other_runtime, runtimes

_PACKAGE = "segcli.inference.runtimes"
_PLACE_IN_SOURCE = re.compile(r"Exception from \S+:\d+:\s*|Check '[^\n]*' failed at \S+:\d+:\s+(?=\S)")


def row_of(name: str) -> RuntimeRow:
    """The table row of an installed runtime.

    Raises:
        ConfigError: There is no runtime of this name.
        MissingPartError: It is not installed.
    """
    row = runtimes().get(name)
    if row is None:
        raise ConfigError([ConfigFault("runtime", f"{name!r} is no runtime", f"one of {', '.join(runtimes())}")])
    if not row.is_installed:
        raise MissingPartError(
            f"{name} is not installed", hint=f"pip install {row.installed_by}, or {other_runtime(AUTO)}"
        )
    return row


def open_graph(graph: Graph, name: str, device: str = "cpu") -> Runtime:
    """Opens a network; the form that the runtime reads is created if it does not exist.

    Args:
        graph: The network.
        name: Name of the runtime.
        device: Where to run.

    Raises:
        MissingPartError: The runtime is not installed, finds no file, or cannot open it.
        WeightsError: Reading the file would crash this process, or use all its memory or time.
        ExportError: The conversion that the runtime needs failed.
    """
    row = row_of(name)
    file = graph.made_for(row)
    require_openable(graph, file, row)
    try:
        return module_of(row).open_graph(graph, file, device, thread_count())
    except SegcliError:
        raise
    except Exception as fault:  # each runtime has its own exceptions
        raise MissingPartError(
            f"{name} cannot run this model: {first_line(fault)}", path=file, hint=other_runtime(AUTO)
        ) from fault


def module_of(row: RuntimeRow) -> RuntimeModule:
    """The module that implements a runtime."""
    module: Any = import_module(row.module, _PACKAGE)
    return cast(RuntimeModule, module)


def first_line(fault: BaseException) -> str:
    """The first line of an error's message that says something; the name of its type if there is none.

    Of an error that names a file, not this, as its folder is named beside; and files in a temporary folder by the names
    that they will have. OpenVINO names places in its own source files before it says what is wrong.
    """
    text = fault.message if isinstance(fault, SegcliError) else str(fault)
    lines = (line.strip() for line in _PLACE_IN_SOURCE.sub("", text).splitlines())
    return next((lasting_names(line) for line in lines if line), type(fault).__name__)
