"""Patches of MaskFormer's losses and backbone for training on a CPU: same values but for rounding, in less time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcli.engines.patching import Method, Patch

if TYPE_CHECKING:
    from paddle import Tensor

_GAMMA = 2


def patch_focal_loss(original: Method) -> Method:
    """Powers and logarithms, forward and backward, take a sixth of a step; the targets are always 0 or 1."""
    from segcli.models.operators import is_ours
    from segcli.models.operators.focal import FocalLoss

    def sigmoid_focal_loss(
        inputs: Tensor, targets: Tensor, num_masks: float, alpha: float = 0.25, gamma: float = _GAMMA
    ) -> Tensor:
        if gamma != _GAMMA or alpha < 0 or not is_ours(inputs):
            out: Tensor = original(inputs, targets, num_masks, alpha, gamma)
            return out
        total: Tensor = FocalLoss.apply(inputs, targets, alpha).sum()
        return total / num_masks

    return sigmoid_focal_loss


def patch_focal_costs(original: Method) -> Method:
    """As `patch_focal_loss`, for the matching of queries and masks."""
    from segcli.models.host_memory import is_on_host
    from segcli.models.operators.focal import focal_costs

    def batch_sigmoid_focal_loss(inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = _GAMMA) -> Tensor:
        if gamma != _GAMMA or alpha < 0 or not is_on_host(inputs):
            out: Tensor = original(inputs, targets, alpha, gamma)
            return out
        return focal_costs(inputs, targets, alpha)

    return batch_sigmoid_focal_loss


def patch_assignment(_original: Method) -> Method:
    """Costs of a diverged network are NaN; its loss reports that, so the assignment must not fail before."""
    from segcli.models.assignment import assign

    return assign


def patch_batched_masks(original: Method) -> Method:
    """Images of one batch have one size: their masks need not be written into larger ones, value by value."""
    import paddle

    def nested_tensor_from_tensor_list(tensor_list: list[Tensor]) -> tuple[Tensor, Tensor]:
        sizes = {tuple(masks.shape[1:]) for masks in tensor_list}
        if len(sizes) > 1:
            batched, outside = original(tensor_list)
            return batched, outside
        (size,) = sizes
        most = max(len(masks) for masks in tensor_list)
        filled = [
            paddle.concat([masks, paddle.zeros([most - len(masks), *size], masks.dtype)]) for masks in tensor_list
        ]
        return paddle.stack(filled), paddle.zeros([len(tensor_list), *size], "bool")

    return nested_tensor_from_tensor_list


def patch_window_attention(_original: Method) -> Method:
    """See `swin_windows.attention`."""
    from segcli.engines.paddleseg.swin_windows import attention

    return attention


def patch_window_blocks(_original: Method) -> Method:
    """See `swin_windows.block`."""
    from segcli.engines.paddleseg.swin_windows import block

    return block


_LOSS = "paddleseg.models.losses.maskformer_loss"
_SWIN = "paddleseg.models.backbones.swin_transformer"
MASKFORMER_PATCHES = (
    Patch(_LOSS, "sigmoid_focal_loss", patch_focal_loss),
    Patch(_LOSS, "batch_sigmoid_focal_loss", patch_focal_costs),
    Patch(_LOSS, "linear_sum_assignment", patch_assignment),
    Patch(_LOSS, "nested_tensor_from_tensor_list", patch_batched_masks),
    Patch(f"{_SWIN}:WindowAttention", "forward", patch_window_attention),
    Patch(f"{_SWIN}:SwinTransformerBlock", "forward", patch_window_blocks),
)
