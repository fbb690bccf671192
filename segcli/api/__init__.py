"""The steps as Python functions: what the commands of the same names run, with typed arguments and result objects.

A function reads the configuration as its command does (a file, arguments, `overrides`), runs the same mode, writes the
same ``<output>/<mode>_result.json`` and returns the result object. It prints nothing; what it has to say goes to the
logger ``segcli``. What fails raises one of `segcli.errors`.

The examples begin with the dataset of ``segcli demo data``, those on a trained model after that of `train`.
"""

from __future__ import annotations

from segcli.api.datasets import check, convert, fix, split
from segcli.api.models import evaluate, export, predict
from segcli.api.training import train

__all__ = ["check", "convert", "evaluate", "export", "fix", "predict", "split", "train"]
