"""A training step of each family by the operators for a CPU and by Paddle's: the same loss, the same gradients.

Single operators are compared to their last digits in `tests/models`; here, what the networks make of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import Tensor, nn
from paddle.autograd import PyLayer

import segcli
from segcli.engines.paddledet.patches import apply_patches as patches_of_paddledet
from segcli.engines.paddleseg.losses import BatchDiceLoss
from segcli.engines.paddleseg.patches import apply_patches as patches_of_paddleseg
from segcli.models.instance import host_sampling
from segcli.models.operators import bias, convolution, depthwise, linear, narrowing
from tests.bench.one_batch import OneBatch
from tests.bench.steps import Step, lseg, mask_rtdetr, pp_yoloe, sam, semantic, solo
from tests.engines.paddledet import tiny
from tests.paddles_operators import paddles_operators, paddles_points

TOLERANCE = 4e-4
"""Largest difference of a parameter's gradients, of its norm; an operator that is off by 0.001 must be seen."""
SMALLEST = 1e-4
"""Share of the largest norm below which a gradient is rounding, such as that of a bias before a softmax."""
Gradients = dict[str, np.ndarray[Any, Any]]


def rcnn(name: str) -> Step:
    """A reduced R-CNN whose boxes are no narrower than a pixel of their map, for which Paddle's gradient is wrong."""
    network, inputs = tiny.network(name), tiny.batch()
    network.train()
    network.rpn_head.train_proposal.min_size = 16.0
    return network, lambda: network(inputs)["loss"]


def dice(name: str) -> Step:
    """A semantic model by the Dice loss alone, whose gradient is small beside that of the cross entropy."""
    given = OneBatch(images=2, side_px=64, classes=5, learning_rate=1e-3)
    network, batch = given.parts(name)[0], given.tensors(name)
    return network, lambda: BatchDiceLoss()(network(batch["img"])[0], batch["label"])


@dataclass(frozen=True)
class Case:
    """A step of a family's smallest model.

    Attributes:
        make: Builds the network and its step.
        operators: Those with a gradient of their own that it takes.
        as_exported: See `paddles_operators`.
    """

    make: Callable[[], Step]
    operators: frozenset[str]
    as_exported: bool = False

    @classmethod
    def of(cls, make: Callable[[], Step], operators: str, *, as_exported: bool = False) -> Case:
        """With the operators in one string."""
        return cls(make, frozenset(operators.split()), as_exported)

    def elsewhere(self) -> AbstractContextManager[None]:
        """Paddle's operators."""
        return paddles_operators(as_exported=self.as_exported)


def mask_rtdetr_of_paddles_layers() -> Step:
    """By the rounding of others it would choose other queries; `tests/models/instance/test_losses.py` holds those."""
    with patch("segcli.engines.paddledet.networks.use_own_layers"):
        return mask_rtdetr(side=64, images=1, objects=3)


def small(name: str, *, images: int = 2, side: int = 64) -> Callable[[], Step]:
    return partial(semantic, name, images=images, side=side, classes=5)


_RCNN = "_AddBias AddRow _Convolution _Repeated RoiAlign"
CASES = {
    "PP-LiteSeg-T": Case.of(small("PP-LiteSeg-T"), "_AddBias _Convolution _CrossEntropy _Narrowing"),
    "SegFormer-B0": Case.of(small("SegFormer-B0"), "_AddBias _Convolution _CrossEntropy AddRow _RowNorm"),
    "SeaFormer_tiny": Case.of(small("SeaFormer_tiny", side=128), "_AddBias _Convolution _CrossEntropy _Depthwise"),
    "OCRNet_HRNet-W18": Case.of(small("OCRNet_HRNet-W18"), "_AddBias _Convolution _CrossEntropy"),
    "Deeplabv3-R50": Case.of(small("Deeplabv3-R50"), "_AddBias _Convolution _CrossEntropy"),
    "Deeplabv3_Plus-R50": Case.of(small("Deeplabv3_Plus-R50"), "_AddBias _Convolution _CrossEntropy"),
    "UNet-S by Dice": Case.of(partial(dice, "UNet-S"), "BatchDice _AddBias _Convolution"),
    "UNet-S": Case.of(small("UNet-S"), "BatchDice _AddBias _Convolution _CrossEntropy"),
    "MaskFormer_tiny": Case.of(
        small("MaskFormer_tiny", images=1),
        "_AddBias AddRow AttentionInWindows _Convolution FocalLoss MovedRows _Repeated _RowNorm",
    ),
    "MaskRCNN-ResNet50-FPN": Case.of(partial(rcnn, "MaskRCNN-ResNet50-FPN"), _RCNN),
    "Cascade-MaskRCNN-ResNet50-FPN": Case.of(partial(rcnn, "Cascade-MaskRCNN-ResNet50-FPN"), _RCNN),
    "MaskRCNN-ResNet50": Case.of(partial(rcnn, "MaskRCNN-ResNet50"), "_AddBias AddRow _Convolution RoiAlign"),
    "SOLOv2": Case.of(partial(solo, side=128, objects=3), "_AddBias _Convolution _Narrowing _Repeated"),
    "PP-YOLOE_seg-S": Case.of(partial(pp_yoloe, side=128, objects=3), "_AddBias _Convolution _Narrowing _Repeated"),
    "Mask-RT-DETR-S": Case.of(
        mask_rtdetr_of_paddles_layers,
        "MaskSamples WeightedRows",
    ),
    "SAM-tiny": Case.of(
        partial(sam, "SAM-tiny", 2, images=1, side=128),
        "_AddBias AddRow _Convolution MaskLoss OuterSum _RowNorm",
        as_exported=True,
    ),
    "LSeg-tiny": Case.of(partial(lseg, images=1), "_AddBias AddRow _Convolution _RowNorm", as_exported=True),
}
SLOW = {"MaskRCNN-ResNet50"}
"""Its head is the last stage of a ResNet50."""
EVERY = sorted(set[str]().union(*(case.operators for case in CASES.values())))


max_pool2d = F.max_pool2d


def pool_by_mean(x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, **options: Any) -> Tensor:
    """In the place of the pooling of square places; what is pooled over channels stays as it is."""
    if kernel_size in (2, 3):
        return F.avg_pool2d(x, kernel_size, stride, padding)
    return max_pool2d(x, kernel_size, stride, padding, **options)


@pytest.fixture
def without_kinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No operator is left out for small inputs, random points are the same, and rounding stays as small as it is.

    The slope of a ReLU jumps at 0, and so does the place of the largest value: rounding of one may change a gradient by
    a hundredth.
    """
    monkeypatch.setattr(host_sampling, "random_points", paddles_points)
    for module in (bias, linear, narrowing):
        monkeypatch.setattr(module, "FEWEST_VALUES", 1)
    for module, name in (
        *((depthwise, "FEWEST_PRODUCTS"), (convolution, "FEWEST_COPIES"), (convolution, "FEWEST_OF_SINGLE")),
    ):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(convolution, "_most_waste", lambda: 3.17)  # of Intel's, with which more are oneDNN's
    for apply in (patches_of_paddleseg, patches_of_paddledet):
        apply()  # after which some of their modules have a copy of Paddle's functions
    copies = [
        vars(module).get("F") for name, module in sys.modules.items() if name.startswith(("paddleseg.", "ppdet."))
    ]
    for functions in (F, *(one for one in copies if hasattr(one, "relu"))):
        monkeypatch.setattr(functions, "relu", lambda x, name=None: F.silu(x))
        monkeypatch.setattr(functions, "max_pool2d", pool_by_mean)


def settled(make: Callable[[], Step]) -> Step:
    """A network as in the midst of a training, with fixed statistics.

    At first many parameters are 0, and so are gradients behind them. Divided by the deviation of a few nearly equal
    values, rounding would grow.
    """
    paddle.seed(0)
    network, step = make()
    for parameter in network.parameters():
        parameter.set_value(parameter + 0.02 * paddle.randn(parameter.shape))
    norms = [layer for layer in network.sublayers() if isinstance(layer, nn.BatchNorm2D)]
    for layer in norms:
        layer._momentum = 0.0
    with paddle.no_grad():
        step()
    for layer in norms:
        layer._variance.set_value(layer._variance + layer._mean.square())
        layer.eval()
    return network, step


def operators_of(loss: Tensor) -> frozenset[str]:
    """The operators with a gradient of their own that a loss goes back through."""
    waiting, kept = [loss.grad_fn], dict[int, Any]()
    while waiting:
        node = waiting.pop()
        if node is not None and id(node) not in kept:
            kept[id(node)] = node
            waiting += node.next_functions
    names = (node.name().partition("GradNodePyLayer_")[2] for node in kept.values())
    return frozenset(name for name in names if name)


def measured(built: Step, where: AbstractContextManager[None]) -> tuple[float, frozenset[str], Gradients]:
    """The loss, its operators, and the gradients of the parameters."""
    network, step = built
    network.clear_gradients(set_to_zero=False)
    paddle.seed(1)
    with where:
        loss = step()
        operators = operators_of(loss)
        loss.backward()
    given = {name: one.grad for name, one in network.named_parameters()}
    return float(loss), operators, {name: one.numpy() for name, one in given.items() if one is not None}


def assert_same(ours: Gradients, theirs: Gradients) -> None:
    norms = {name: float(np.linalg.norm(values)) for name, values in theirs.items()}
    least = SMALLEST * max(norms.values())
    off = {name: float(np.linalg.norm(ours[name] - theirs[name])) / max(norms[name], least) for name in norms}
    wrong = sorted((name for name in off if not off[name] <= TOLERANCE), key=off.__getitem__, reverse=True)
    assert not wrong, f"{len(wrong)} of {len(off)} gradients differ, {wrong[0]} by {off[wrong[0]]:.1e}"


@pytest.mark.usefixtures("without_kinks")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in CASES]
)
def test_a_step_is_that_of_paddles_operators(name: str) -> None:
    case = CASES[name]
    built = settled(case.make)
    loss, operators, gradients = measured(built, nullcontext())
    other_loss, other_operators, other_gradients = measured(built, case.elsewhere())

    assert (operators, other_operators) == (case.operators, frozenset())
    assert loss == pytest.approx(other_loss, rel=1e-5)
    assert gradients.keys() == other_gradients.keys() and len(gradients) > 40
    assert_same(gradients, other_gradients)


def test_every_operator_is_part_of_a_step() -> None:
    """Those that have a gradient of their own; a new one needs a case."""
    sources = Path(segcli.__file__).parent.rglob("*.py")
    found = [
        name for path in sources for name in re.findall(r"^class (\w+)\(PyLayer\)", path.read_text(), re.MULTILINE)
    ]

    assert sorted(found) == EVERY


@pytest.mark.slow
@pytest.mark.usefixtures("without_kinks")
@pytest.mark.parametrize("operator", EVERY)
def test_a_gradient_that_is_off_by_a_thousandth_is_seen(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in CASES.values() if operator in case.operators)
    built = settled(case.make)
    _, _, theirs = measured(built, case.elsewhere())
    owner = next(one for one in PyLayer.__subclasses__() if one.__name__ == operator)
    plain = owner.backward

    def enlarged(ctx: Any, *gradients: Tensor) -> Any:
        return plain(ctx, *(one * 1.001 for one in gradients))

    monkeypatch.setattr(owner, "backward", staticmethod(enlarged))
    with pytest.raises(AssertionError, match="gradients differ"):
        assert_same(measured(built, nullcontext())[2], theirs)
