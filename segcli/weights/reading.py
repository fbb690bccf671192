"""Reads weights for a model, and converts them to Paddle's layout if its published files have torch's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segcli.errors import WeightsError
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.spec import ModelSpec
from segcli.weights.arrays import Array
from segcli.weights.files import read_weights, weight_format


def read_weights_of(spec: ModelSpec, path: Path) -> Mapping[str, Array]:
    """The arrays of a weight file under the names and in the layout of the model's network.

    Only the promptable models have published files of other toolkits; files of all other models are read unchanged.

    Raises:
        WeightsError: The file cannot be read, or holds tensors that the promptable network does not have.
    """
    tensors = read_weights(path)
    if spec.name not in PROMPTABLE:
        return tensors
    from segcli.weights.convert import network_layout
    from segcli.weights.matching import as_float32, fit_tensors

    fit = fit_tensors(tensors, network_layout(spec.name), is_torch_layout=weight_format(path) != "pdparams")
    if fit.extra or fit.mismatched:
        raise WeightsError(f"does not fit {spec.name}\n{fit.describe_faults()}", path=path)
    return {name: as_float32(array) for name, array in fit.tensors.items()}
