"""segcli: from a folder of labelled pictures to a checked, trained, measured, exported and served model.

The Python door has PaddleX's call shapes::

    from segcli import create_model

    model = create_model("PP-LiteSeg-T", model_dir="output/best_model/inference")
    for result in model.predict("picture.jpg"):
        result.save_to_img("results")

Importing this package imports neither paddle nor any other heavy library.
"""

from segcli.version import __version__

__all__ = ["__version__"]
