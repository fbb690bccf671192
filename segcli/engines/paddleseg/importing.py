"""The one place that imports paddleseg, without the side effects of its import on the process and the user's home."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

# its level "info" reports internal steps, e.g. that no pretrained model is loaded, which segcli does itself
_LEVELS = {0: logging.ERROR, 1: logging.WARNING, 2: logging.DEBUG, 3: logging.DEBUG}
_UNNEEDED = ("sklearn", "sklearn.metrics")
"""Packages that paddleseg imports for a metric that segcli does not use; importing them takes half a second."""

_log = logging.getLogger("segcli.paddleseg")


@lru_cache(maxsize=1)
def import_paddleseg() -> Any:
    """The paddleseg package, imported once.

    The import would load scikit-learn, create folders in the user's home and send its messages to stdout. Here the
    packages it does not need are replaced by stubs during the import, its folders go to a temporary folder, and its
    messages go to the logger ``segcli.paddleseg``.
    """
    with _stand_ins(), _temporary_seg_home(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paddleseg = importlib.import_module("paddleseg")
    _route_messages(importlib.import_module("paddleseg.utils.logger"))
    return paddleseg


class _StandIn(ModuleType):
    """Stands in for a package while paddleseg is imported; afterwards its names come from the real package."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or sys.modules.get(self.__name__) is self:
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _stand_ins() -> Iterator[None]:
    absent = [name for name in _UNNEEDED if name not in sys.modules]
    modules = {name: _StandIn(name) for name in absent}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


@contextmanager
def _temporary_seg_home() -> Iterator[None]:
    """Sets SEG_HOME to a temporary folder: paddleseg needs it for downloads only, which segcli does itself."""
    before = os.environ.get("SEG_HOME")
    with tempfile.TemporaryDirectory(prefix="segcli-paddleseg-") as home:
        os.environ["SEG_HOME"] = home
        try:
            yield
        finally:
            if before is None:
                del os.environ["SEG_HOME"]
            else:
                os.environ["SEG_HOME"] = before


def _route_messages(logger: Any) -> None:
    def log(level: int = 2, message: str = "") -> None:
        _log.log(_LEVELS.get(level, logging.DEBUG), "%s", message)

    logger.log = log
