"""Resets PaddleDetection's global configuration, so that the settings of one network do not affect the next.

Its factories read one global dictionary, into which every configuration is merged and from which nothing is ever
removed: a ResNet50 built after a ResNeXt101 would have its groups.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.paddledet.registration import register_instance_networks

_LOCK = threading.RLock()
_pristine: dict[str, Any] | None = None


@contextmanager
def workspace(config: Mapping[str, Any]) -> Iterator[Callable[..., Any]]:
    """The global configuration as after import, with ``config`` merged in; the former state is restored at the end.

    Args:
        config: In the form of PaddleDetection's YAML files; copied.

    Yields:
        PaddleDetection's ``create(name, **arguments)``.
    """
    global _pristine  # noqa: PLW0603 - one snapshot per process, like the dictionary itself
    import_ppdet()
    from ppdet.core import workspace as ppdet_workspace

    with _LOCK:
        register_instance_networks()
        if _pristine is None:
            _pristine = {name: _copied(value, bare=True) for name, value in _sections(ppdet_workspace.global_config)}
        held = {name: _copied(value) for name, value in ppdet_workspace.global_config.items()}
        _replace(ppdet_workspace.global_config, {name: _copied(value) for name, value in _pristine.items()})
        try:
            ppdet_workspace.merge_config(copy.deepcopy(dict(config)))
            yield ppdet_workspace.create
        finally:
            _replace(ppdet_workspace.global_config, held)


def _sections(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries that are registered classes: the state before any configuration was loaded."""
    from ppdet.core.config.schema import SchemaDict

    return ((name, value) for name, value in config.items() if isinstance(value, SchemaDict))


def _copied(value: Any, *, bare: bool = False) -> Any:
    """A copy that shares no list or dictionary; ``bare`` drops what a configuration has set in a class's section."""
    from ppdet.core.config.schema import SchemaDict

    if not isinstance(value, SchemaDict):
        return copy.deepcopy(value)
    result = value.copy()  # keeps the schema and the module, which cannot be deep-copied
    if bare:
        result.clear()
    for key, inner in list(result.items()):
        dict.__setitem__(result, key, copy.deepcopy(inner))
    return result


def _replace(config: dict[str, Any], content: Mapping[str, Any]) -> None:
    config.clear()
    config.update(content)
