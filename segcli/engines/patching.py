"""Patches of libraries: one function or method replaced, so that they run with the versions that are installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Method = Callable[..., Any]


@dataclass(frozen=True)
class Patch:
    """One replaced function or method.

    Attributes:
        owner: Module, or class as ``module:Class``, that holds it.
        attribute: Its name there.
        make: Makes the replacement from the original.
        fault: What goes wrong without the patch; empty where the docstring of `make` says it.
    """

    owner: str
    attribute: str
    make: Callable[[Method], Method]
    fault: str = ""

    def find_owner(self) -> Any:
        """The module or class itself."""
        module, _, name = self.owner.partition(":")
        holder = import_module(module)
        return getattr(holder, name) if name else holder

    @property
    def original(self) -> Method:
        """The function or method that an applied patch has replaced; KeyError before `apply`."""
        return _ORIGINALS[self]

    def apply(self) -> None:
        """Replaces the function or method; a second call changes nothing."""
        if self not in _ORIGINALS:
            owner = self.find_owner()
            # without unwrapping: a static method must still be static when it is restored
            _ORIGINALS[self] = inspect.getattr_static(owner, self.attribute)
            setattr(owner, self.attribute, self.make(_ORIGINALS[self]))


_ORIGINALS: dict[Patch, Method] = {}


def apply_all(patches: Iterable[Patch]) -> None:
    """Applies the patches that are not applied yet."""
    for patch in patches:
        patch.apply()
