"""The semantic models: their table, and the networks that PaddleSeg's PyPI release lacks."""
