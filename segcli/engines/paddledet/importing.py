"""Import PaddleDetection 2.6.0 without the packages that it imports and segcli never uses.

The wheel imports scikit-learn, pandas, motmetrics, lap, pkg_resources and matplotlib for trackers and key points; its
declared ``sklearn==0.0`` installs nothing, so ``import ppdet`` fails on a fresh machine. Empty stand-ins take their
place while it is imported, and only then.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from PIL import ImageFile

from segcli.errors import MissingPartError

STUBBED: tuple[str, ...] = (
    "sklearn",
    "pandas",
    "pkg_resources",
    "motmetrics",
    "lap",
    "matplotlib",
    "mpl_toolkits",
    "visualdl",
)
_PARTS: dict[str, tuple[str, ...]] = {
    "sklearn": ("sklearn.utils", "sklearn.utils.linear_assignment_"),
    "matplotlib": ("matplotlib.pyplot", "matplotlib.gridspec"),
    "mpl_toolkits": ("mpl_toolkits.mplot3d",),
}
_SHARED: tuple[str, ...] = ("paddle", "cv2", "scipy", "pycocotools.coco", "pycocotools.mask")


class _Stub(ModuleType):
    """An empty module in which every name can be imported."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _unusable(f"{self.__name__}.{name}")


def _unusable(name: str) -> type:
    """A class that raises an error about the missing package when it is used."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise MissingPartError(f"PaddleDetection needs {name} for this, which segcli leaves out")

    return type(name.rsplit(".", 1)[-1], (), {"__init__": refuse})


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    """Puts stubs in place of the unused packages; modules that were imported before are restored at the end."""
    names = [name for top in STUBBED for name in (top, *_PARTS.get(top, ()))]
    before = {name: module for name, module in sys.modules.items() if name.split(".", 1)[0] in STUBBED}
    for name in before:
        del sys.modules[name]
    stubs = {name: _Stub(name) for name in names}
    for name, stub in stubs.items():
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(stubs[parent], leaf, stub)
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".", 1)[0] in STUBBED]:
            del sys.modules[name]
        sys.modules.update(before)


def _route_logging() -> None:
    """Removes ppdet's own handlers (standard output); its records then go to the root logger."""
    for name in [n for n in logging.root.manager.loggerDict if n == "ppdet" or n.startswith("ppdet.")]:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.propagate = True


def import_ppdet() -> Any:
    """The ``ppdet`` package, imported once, quiet, and without the packages in `STUBBED`.

    Raises:
        MissingPartError: It is not installed, or needs something else that is missing.
    """
    if "ppdet" in sys.modules and "ppdet.modeling" in sys.modules:
        return sys.modules["ppdet"]
    # what an import that failed has left: classes that it registered cannot be registered again
    for name in [name for name in sys.modules if name.split(".", 1)[0] == "ppdet"]:
        del sys.modules[name]
    said = io.StringIO()
    takes_truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        # modules that other code may use as well are imported first, with the real packages
        for shared in _SHARED:
            importlib.import_module(shared)
        with _stand_ins(), contextlib.redirect_stdout(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they concern its old code, not how it is used
            ppdet = importlib.import_module("ppdet")
            importlib.import_module("ppdet.modeling")
    except ImportError as error:
        hint = "run scripts/setup or segcli doctor --fix"
        raise MissingPartError(f"PaddleDetection cannot be imported: {error}", hint=hint) from error
    # its trainer makes Pillow accept truncated images in the whole process
    ImageFile.LOAD_TRUNCATED_IMAGES = takes_truncated
    _route_logging()
    for line in said.getvalue().splitlines():
        logging.getLogger("ppdet").debug(line)
    return ppdet
