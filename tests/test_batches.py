from __future__ import annotations

import numpy as np
import pytest

from segcli.batches import load_batches
from segcli.data.sampling import Draws
from segcli.errors import InputError


class Numbers:
    """Four samples; drawing number `gone` finds no file."""

    def __init__(self, gone: int | None = None) -> None:
        self._gone = gone

    def __len__(self) -> int:
        return 4

    def __getitem__(self, draw: int) -> dict[str, object]:
        if draw == self._gone:
            raise InputError("is gone", path="three.png")
        return {"img": np.full((2,), draw, np.float32)}

    def path_of(self, draw: int) -> str:
        return f"{draw}.png"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_follow_the_draws(num_workers):
    draws = Draws(samples=4, batch_size=2)
    batches = list(load_batches(Numbers(), draws, start=1, stop=3, num_workers=num_workers))
    assert [batch.tensors["img"].numpy()[:, 0].tolist() for batch in batches] == [[2, 3], [4, 5]]
    assert batches[0].paths == ("2.png", "3.png")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_image_that_vanishes_ends_the_training(num_workers):
    draws = Draws(samples=4, batch_size=2)
    batches = load_batches(Numbers(gone=3), draws, start=0, stop=4, num_workers=num_workers)
    with pytest.raises(InputError, match=r"three\.png"):
        list(batches)
