"""segcli: from a folder of labelled images to a checked, trained, measured, exported and served model.

The Python door has PaddleX's call shapes::

    from segcli import create_model

    model = create_model("PP-LiteSeg-T", model_dir="output/best_model/inference")
    for result in model.predict("image.jpg"):
        result.save_to_img("results")

Importing this package imports neither paddle nor any other heavy library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcli.version import __version__

if TYPE_CHECKING:
    from segcli.steps.predict.model import create_model

__all__ = ["__version__", "create_model"]


def __getattr__(name: str) -> Any:
    if name == "create_model":
        from segcli.steps.predict.model import create_model

        return create_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
