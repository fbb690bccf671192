"""A published file can be given as it is: predict, train and evaluate read torch's layout as well as Paddle's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segcli.errors import WeightsError
from segcli.models.promptable.specs import is_same_network
from segcli.models.table import get_spec
from segcli.trained import load_trained
from segcli.weights.convert import network_layout
from segcli.weights.files import write_pdparams
from segcli.weights.reading import read_weights_of
from tests.weights.test_convert import as_stored, torch_tensors
from tests.weights.torch_fixtures import write_zip


def test_a_torch_file_is_loaded_with_its_linear_weights_turned(tmp_path: Path) -> None:
    tensors = torch_tensors("SAM-tiny")
    source = write_zip(tmp_path / "sam.pth", as_stored(tensors))

    state = load_trained(source, "SAM-tiny").network.state_dict()

    linear = network_layout("SAM-tiny").linear
    # a square weight tells nothing by its shape
    square = [name for name in linear if tensors[name].shape[0] == tensors[name].shape[1]]
    assert square
    for name, value in state.items():
        np.testing.assert_array_equal(value.numpy(), tensors[name].T if name in linear else tensors[name])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    write_pdparams(tmp_path / "other.pdparams", {"conv.weight": np.zeros((3, 3), np.float32)})

    with pytest.raises(WeightsError, match=r"does not fit SAM-tiny(.|\n)*unknown to the network: conv\.weight"):
        read_weights_of(get_spec("SAM-tiny"), tmp_path / "other.pdparams")


def test_paddlexs_two_names_are_one_network() -> None:
    assert is_same_network("SAM-H_box", "SAM-H_point")
    assert is_same_network("SAM-H", "SAM-H_box")
    assert not is_same_network("SAM-B", "SAM-H_box")
    assert network_layout("SAM-H_box").shapes == network_layout("SAM-H").shapes
