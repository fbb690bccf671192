"""Mixed precision, whose operators no CPU computes in half precision: what Paddle is asked for."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import paddle
import pytest

from segcli.config.load import load_config
from segcli.errors import ConfigError
from segcli.models.spec import HalfPrecision
from segcli.models.table import MODELS, get_spec
from segcli.models.task import Task
from segcli.steps.train.precision import MixedPrecision
from tests.steps.train.tiny import LineSession

SEG = HalfPrecision(("elementwise_add", "batch_norm", "sync_batch_norm"), ("bilinear_interp_v2",))
DET = HalfPrecision()
PPYOLOE = HalfPrecision(refused=("reduce_mean",))


def test_each_model_has_the_lists_of_its_library():
    """PaddleSeg's `core/train.py`; PaddleDetection has none, PP-YOLOE's YAML `custom_black_list: ['reduce_mean']`.

    Boxes of up to 1333 pixels must not be added in float16, which has steps of a whole pixel above 1024.
    """
    found = {name: spec.recipe.half_precision for name, spec in MODELS.items() if spec.recipe is not None}
    wanted = {Task.SEMANTIC: SEG, Task.INSTANCE: DET, Task.PROMPTABLE: DET}
    special = {"PP-YOLOE_seg-S": PPYOLOE}
    assert found == {name: special.get(name, wanted[get_spec(name).task]) for name in found}


@pytest.mark.parametrize("operators", [SEG, DET, PPYOLOE])
def test_a_step_asks_for_them_and_moves_the_weights(operators: HalfPrecision, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(paddle.amp, "auto_cast", lambda **options: asked.append(options) or nullcontext())
    session = LineSession()
    session.network.train()
    before = session.network[0].weight.numpy()
    with pytest.warns(UserWarning, match="AmpScaler can only be enabled"):
        precision = MixedPrecision(operators)
    session.accumulate, batches = 2, session.batches(0)
    precision.step(session, [next(batches), next(batches)])
    wanted = {
        "level": "O1",
        "custom_white_list": set(operators.allowed),
        "custom_black_list": set(operators.refused),
    }
    assert asked == [wanted] * 2
    assert not np.array_equal(session.network[0].weight.numpy(), before)


def test_a_training_that_went_without_it_goes_on_with_it():
    """Its checkpoint holds no loss scale, which Paddle's scaler refuses."""
    with pytest.warns(UserWarning, match="AmpScaler can only be enabled"):
        precision = MixedPrecision(SEG)
    precision.load_state_dict({})
    precision.load_state_dict(precision.state_dict())


def test_o2_is_refused_with_a_remedy_that_works():
    with pytest.raises(ConfigError, match=r"Train\.amp=O1"):
        load_config(None, ["Global.model=PP-LiteSeg-T", "Global.dataset_dir=data", "Train.amp=O2"])
    assert (
        load_config(None, ["Global.model=PP-LiteSeg-T", "Global.dataset_dir=data", "Train.amp=O1"]).config.Train.amp
        == "O1"
    )
