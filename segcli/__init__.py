"""segcli: from a folder of labelled images to a checked, trained, measured, exported and served model.

The steps are functions that take what their commands take, and return what was found::

    import segcli

    segcli.convert("my/data")
    segcli.check("my/data").valid
    segcli.train("my/data", time="10m").best_score
    segcli.predict("my/data/images")

An exported model is opened once and called often, in PaddleX's call shapes::

    folder = "output/best_model/inference"
    model = segcli.create_model("PP-LiteSeg-T", model_dir=folder)
    for result in model.predict("image.jpg"):
        result.save_to_img("results")
    pipeline = segcli.create_pipeline("semantic_segmentation", model_dir=folder)

Importing this package imports neither paddle nor any other heavy library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcli.version import __version__

if TYPE_CHECKING:
    from segcli.api import check, convert, evaluate, export, fix, predict, split, train
    from segcli.steps.pipelines.create import create_pipeline
    from segcli.steps.predict.model import create_model

__all__ = [
    "__version__",
    "check",
    "convert",
    "create_model",
    "create_pipeline",
    "evaluate",
    "export",
    "fix",
    "predict",
    "split",
    "train",
]

_OPENED = {
    "create_model": "segcli.steps.predict.model:create_model",
    "create_pipeline": "segcli.steps.pipelines.create:create_pipeline",
}
"""What is not in `segcli.api`, and where it is."""


def __getattr__(name: str) -> Any:
    """Imports a function when it is first used."""
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segcli.lazy import load_object

    return load_object(_OPENED.get(name, f"segcli.api:{name}"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
