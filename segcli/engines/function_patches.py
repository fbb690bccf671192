"""Patches of the functions that a library calls by the name `F`: Paddle's, some of them computed in another way."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from segcli.engines.patching import Patch


def function_patches(library: str) -> list[Patch]:
    """A patch of each imported module of a library that calls `paddle.nn.functional` by the name `F`."""
    import paddle.nn.functional as F

    modules = sorted(name for name in sys.modules if name.startswith(f"{library}."))
    return [Patch(name, "F", patch_functions) for name in modules if vars(sys.modules[name]).get("F") is F]


def patch_functions(original: Any) -> Any:
    """Resizing and cross entropy take a quarter of PP-LiteSeg's training on a CPU, more than half of it in vain.

    The name `F` is replaced in the library's modules, and not the functions in Paddle, which others use too.
    """
    from segcli.models.operators.activations import swish
    from segcli.models.operators.cross_entropy import cross_entropy
    from segcli.models.operators.resizing import interpolate

    functions = ModuleType(original.__name__)
    ours = {"cross_entropy": cross_entropy, "interpolate": interpolate, "swish": swish}
    vars(functions).update({**vars(original), **ours})
    return functions
