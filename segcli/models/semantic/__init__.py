"""The 20 semantic models: their table, and the networks that PaddleSeg of PyPI lacks."""
