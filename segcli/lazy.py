"""Objects by reference (`"package.module:name"`), imported when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load_object(reference: str) -> Any:
    """Imports and returns the object that `"package.module:name"` names.

    >>> load_object("segcli.version:__version__") == load_object("segcli:__version__")
    True
    """
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
