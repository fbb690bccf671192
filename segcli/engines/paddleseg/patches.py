"""Patches of PaddleSeg 2.8.0 for Paddle 3.3: each function makes the replacement of one method and says why.

Paddle 3 no longer multiplies a float tensor by an integer or boolean one, and sums are 0-dimensional.
"""

from __future__ import annotations

import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

from segcli.engines.function_patches import function_patches
from segcli.engines.paddleseg.importing import import_paddleseg
from segcli.engines.paddleseg.maskformer_patches import MASKFORMER_PATCHES
from segcli.engines.patching import Method, Patch, apply_all

if TYPE_CHECKING:
    from paddle import Tensor


def apply_patches() -> None:
    """Imports paddleseg and applies every patch that is not applied yet."""
    import_paddleseg()
    apply_all((*PATCHES, *function_patches("paddleseg")))


def patch_cross_entropy(_original: Method) -> Method:
    """`mask * coef` is float by integer; with class weights `label * mask` is integer by float."""
    import paddle
    import paddle.nn.functional as F

    def post_process_loss(
        self: Any, logit: Tensor, label: Tensor, semantic_weights: Tensor | None, loss: Tensor
    ) -> Tensor:
        counted = label != self.ignore_index if self.avg_non_ignore else paddle.ones(label.shape, "bool")
        mask = counted.astype("float32")
        loss = (loss.squeeze(-1) if loss.ndim > mask.ndim else loss) * mask
        if semantic_weights is not None:
            loss = loss * semantic_weights
        coef = paddle.ones_like(mask)
        if self.weight is not None:
            known = paddle.where(counted, label, paddle.zeros_like(label))
            coef = (F.one_hot(known, logit.shape[-1]) * self.weight).sum(-1)
        if self.top_k_percent_pixels == 1.0:
            weight = (mask * coef).mean()
        else:
            loss, hardest = paddle.topk(loss.flatten(), int(self.top_k_percent_pixels * loss.size))
            weight = coef.flatten().gather(hardest).mean()
        out: Tensor = loss.mean() / (weight + self.EPS)
        return out

    return post_process_loss


def patch_ohem(_original: Method) -> Method:
    """`prob + (1 - valid_mask)` is float by integer (reached when there are more than `min_kept` labelled pixels)."""
    import paddle
    import paddle.nn.functional as F

    from segcli.models.operators.cross_entropy import cross_entropy

    def forward(self: Any, logit: Tensor, label: Tensor) -> Tensor:
        images, classes, height, width = logit.shape
        label = label.reshape([-1]).astype("int64")
        kept = label != self.ignore_index
        if self.min_kept < int(kept.sum()):
            known = paddle.where(kept, label, paddle.zeros_like(label))
            prob = F.softmax(logit.detach(), axis=1).transpose([0, 2, 3, 1]).reshape([-1, classes])
            prob = paddle.take_along_axis(prob, known.unsqueeze(1), 1).squeeze(1)
            # ignored pixels must not be among the least certain ones
            prob = prob + (~kept).astype(prob.dtype)
            threshold = self.thresh
            if self.min_kept > 0:
                threshold = max(threshold, float(prob.sort()[min(len(prob), self.min_kept) - 1]))
            kept = paddle.logical_and(kept, prob < threshold)
        target = paddle.where(kept, label, paddle.full_like(label, self.ignore_index))
        target = target.reshape([images, 1, height, width])
        mask = kept.reshape([images, 1, height, width]).astype("float32")
        loss = cross_entropy(logit, target, ignore_index=self.ignore_index, reduction="none", axis=1)
        out: Tensor = (loss * mask).mean() / (mask.mean() + self.EPS)
        return out

    return forward


def patch_dual_task(_original: Method) -> Method:
    """The logits, the labels and the loss are multiplied by a boolean mask."""
    import paddle
    import paddle.nn.functional as F

    def forward(self: Any, logit: Tensor, labels: Tensor) -> Tensor:
        labels = labels.unsqueeze(1) if labels.ndim == 3 else labels
        labelled = labels != self.ignore_index
        mask = labelled.astype(logit.dtype)
        known = paddle.where(labelled, labels, paddle.zeros_like(labels)).squeeze(1)
        truth = F.one_hot(known, logit.shape[1]).transpose([0, 3, 1, 2])
        edges = self.compute_grad_mag(self._gumbel_softmax_sample(logit * mask, tau=self.tau))
        true_edges = self.compute_grad_mag(truth)
        loss = F.l1_loss(edges, true_edges, reduction="none") * mask
        return 0.5 * _mean_where(loss, edges > 1e-8) + 0.5 * _mean_where(loss, true_edges > 1e-8)

    return forward


def _mean_where(loss: Tensor, chosen: Tensor) -> Tensor:
    chosen = chosen.astype(loss.dtype)
    chosen.stop_gradient = True
    count = chosen.sum()
    total = (loss * chosen).sum()
    return total / count if count > 1e-10 else total


def patch_relax_boundary(original: Method) -> Method:
    """The relaxed one-hot labels are integers, and are multiplied by probabilities."""

    def relax_onehot(self: Any, label: Tensor, num_classes: int) -> Tensor:
        out: Tensor = original(self, label, num_classes).astype("float32")
        return out

    return relax_onehot


def patch_rmi(_original: Method) -> Method:
    """One-hot labels and probabilities are multiplied by a boolean mask."""
    import paddle
    import paddle.nn.functional as F

    def forward_sigmoid(self: Any, logits: Tensor, labels: Tensor, do_rmi: bool = False) -> Tensor:  # noqa: ARG001
        labelled = labels != self.ignore_index
        known = paddle.where(labelled, labels, paddle.zeros_like(labels)).astype("int64")
        mask = labelled.unsqueeze(1).astype("float32")
        truth = F.one_hot(known, self.num_classes).transpose([0, 3, 1, 2]).astype("float32") * mask
        truth.stop_gradient = True
        smallest = import_module(type(self).__module__)._CLIP_MIN
        out: Tensor = self.rmi_lower_bound(truth, F.sigmoid(logits) * mask + smallest)
        return out

    return forward_sigmoid


def patch_regression(original: Method) -> Method:
    """L1 and MSE take the difference of float predictions and integer labels."""

    def forward(self: Any, input: Tensor, label: Tensor) -> Tensor:
        out: Tensor = original(self, input, label.astype(input.dtype))
        return out

    return forward


def patch_calculate_area(_original: Method) -> Method:
    """The areas of the classes are 0-dimensional, which `concat` refuses; here they are stacked."""
    import paddle

    def calculate_area(
        pred: Tensor, label: Tensor, num_classes: int, ignore_index: int = 255
    ) -> tuple[Tensor, Tensor, Tensor]:
        pred = pred.squeeze(1) if pred.ndim == 4 else pred
        label = label.squeeze(1) if label.ndim == 4 else label
        if pred.shape != label.shape:
            raise ValueError(f"prediction and label differ in shape: {pred.shape} and {label.shape}")
        labelled = label != ignore_index
        areas: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for index in range(num_classes):
            predicted = paddle.logical_and(pred == index, labelled)
            true = label == index
            for area, pixels in zip(areas, (paddle.logical_and(predicted, true), predicted, true), strict=True):
                area.append(pixels.astype("int64").sum())
        intersection, prediction, truth = (paddle.stack(area) for area in areas)
        return intersection, prediction, truth

    return calculate_area


def patch_maskformer(original: Method) -> Method:
    """Evaluation returned only the last image of a batch, after resizing each image to its own size again.

    Class probabilities of the queries weigh their masks (Cheng et al. 2021, "Per-Pixel Classification is Not All You
    Need for Semantic Segmentation", section 3.4), for the whole batch at once.
    """
    import paddle
    import paddle.nn.functional as F

    def forward(self: Any, x: Tensor) -> list[Any]:
        if self.training:
            return list(original(self, x))
        outputs = self.seghead(self.backbone(x))
        height, width = x.shape[-2:]
        masks = F.interpolate(outputs["pred_masks"], size=(height, width), mode="bilinear", align_corners=False)
        # the last class is "no object"
        classes = F.softmax(outputs["pred_logits"], axis=-1)[..., :-1].transpose([0, 2, 1])
        scores = paddle.matmul(classes, F.sigmoid(masks).flatten(2))
        return [scores.reshape([-1, self.num_classes, height, width])]

    return forward


def patch_masks_of_layers(_original: Method) -> Method:
    """Evaluation computed the masks of all decoder layers; only the last ones are used, the others are for losses.

    In training a layer at a time: the gradient of Paddle's einsum copies all masks to another order of axes.
    """
    import paddle

    def forward(self: Any, features: Tensor, pixels: Tensor) -> dict[str, Any]:
        place = self.pe_layer(features)
        layers, _ = self.transformer(self.input_proj(features), None, self.query_embed.weight, place)
        if not self.training or not self.aux_loss:
            queries = layers[-1]
            masks = paddle.einsum("bqc,bchw->bqhw", self.mask_embed(queries), pixels)
            return {"pred_logits": self.class_embed(queries), "pred_masks": masks}
        maps, size = pixels.flatten(2), pixels.shape[2:]
        outputs = [
            {"pred_logits": classes, "pred_masks": paddle.matmul(queries, maps).reshape([*queries.shape[:2], *size])}
            for classes, queries in zip(self.class_embed(layers), self.mask_embed(layers), strict=True)
        ]
        return {**outputs[-1], "aux_outputs": outputs[:-1]}

    return forward


def patch_shifted_windows(_original: Method) -> Method:
    """The regions of Swin's shifted windows were set by nine assignments per stage; here rows and columns are added.

    paddle2onnx converts the assignments to loops over sequences, which OpenVINO cannot load. Nine regions: the windows
    that are whole, and at the lower and right edge those that the shift has joined from both ends (Liu et al.
    2021, "Swin Transformer", figure 4).
    """
    import paddle

    def forward(self: Any, x: Tensor, H: int, W: int) -> tuple[Any, ...]:
        window_partition = import_module("paddleseg.models.backbones.swin_transformer").window_partition
        size, shift = self.window_size, self.shift_size
        rows = 3 * paddle.to_tensor(window_regions(H, size, shift)).reshape([1, -1, 1, 1])
        columns = paddle.to_tensor(window_regions(W, size, shift)).reshape([1, 1, -1, 1])
        regions = window_partition(rows + columns, size).reshape([-1, size * size])
        apart = regions.unsqueeze(1) != regions.unsqueeze(2)
        mask = -100.0 * apart.astype("float32")
        for block in self.blocks:
            block.H, block.W = H, W
            x = block(x, mask)
        if self.downsample is None:
            return x, H, W, x, H, W
        return x, H, W, self.downsample(x, H, W), (H + 1) // 2, (W + 1) // 2

    return forward


def window_regions(side: int, window: int, shift: int) -> list[float]:
    """Region 0, 1 or 2 of each row or column [side rounded up to whole windows]; NumPy would end a traced graph."""
    whole = -(-side // window) * window
    return [float(row >= whole - window) + float(row >= whole - shift) for row in range(whole)]


def patch_resize_sides(original: Method) -> Method:
    """A side was chosen from the list once, when the transform was built; the whole list is kept for `__call__`."""

    def prepare(self: Any, short_size: int | list[int], max_size: float = 1e10) -> None:
        sides = short_size if isinstance(short_size, list) else [short_size]
        original(self, sides[0], max_size)
        self.short_sizes = sides

    return prepare


def patch_resize_call(original: Method) -> Method:
    """An image whose long side reached `max_size` made all later images smaller; now calls are independent."""

    def resize(self: Any, data: dict[str, Any]) -> dict[str, Any]:
        self.short_size = random.choice(self.short_sizes)
        return dict(original(self, data))

    return resize


def patch_channel_max(original: Method) -> Method:
    """The gradient of `paddle.max` over channels takes half of PP-LiteSeg's training time on a CPU; pooling is fast.

    Both have the same values, and the same gradients wherever a single channel is the largest.
    """
    import paddle
    import paddle.nn.functional as F

    def mean_and_max(x: Tensor, use_concat: bool = True) -> Any:
        if not paddle.in_dynamic_mode() or x.stop_gradient or not x.place.is_cpu_place():
            return original(x, use_concat)
        images, channels, height, width = x.shape
        columns = x.reshape([images, 1, channels, height * width])
        largest = F.max_pool2d(columns, kernel_size=(channels, 1)).reshape([images, 1, height, width])
        both = [x.mean(axis=1, keepdim=True), largest]
        return paddle.concat(both, axis=1) if use_concat else both

    return mean_and_max


def patch_segformer(_original: Method) -> Method:
    """Four linear layers' outputs were enlarged, joined and mixed by a fifth layer; both layers are applied at once.

    Each stage is multiplied by the product of both layers' weights before it is enlarged, and the four are added:
    the same parameters, values that differ by at most 2e-6 of the largest, and a third less computation.
    """
    import paddle

    from segcli.models.operators.resizing import interpolate

    def forward(self: Any, x: Tensor) -> list[Tensor]:
        stages = self.backbone(x)
        size = paddle.shape(stages[0])[2:]
        maps = (self.linear_c1.proj, self.linear_c2.proj, self.linear_c3.proj, self.linear_c4.proj)
        # the mixing layer takes the deepest stage first
        mixing = self.linear_fuse._conv.weight.flatten(1).chunk(4, axis=1)[::-1]
        total = _mapped(stages[0], maps[0], mixing[0])
        for level in range(1, 4):
            mixed = _mapped(stages[level], maps[level], mixing[level])
            total += interpolate(mixed, size=size, mode="bilinear", align_corners=self.align_corners)
        fused = self.linear_fuse._relu(self.linear_fuse._batch_norm(total))
        logit = self.linear_pred(self.dropout(fused))
        sides = paddle.shape(x)[2:]
        return [interpolate(logit, size=sides, mode="bilinear", align_corners=self.align_corners)]

    return forward


def _mapped(stage: Tensor, linear: Any, mix: Tensor) -> Tensor:
    """Both linear layers of one stage at once, [N, channels, H, W].

    A matrix product, not a convolution: with a computed kernel, oneDNN in Paddle Inference keeps the kernel's memory,
    which holds other data in the second run.
    """
    import paddle

    kernel = paddle.matmul(mix, linear.weight, transpose_y=True)
    shift = paddle.matmul(mix, linear.bias).unsqueeze(1)
    sides = paddle.shape(stage)
    out: Tensor = (paddle.matmul(kernel, stage.flatten(2)) + shift).reshape([0, 0, sides[2], sides[3]])
    return out


def patch_backbone_weights(_original: Method) -> Method:
    """PaddleSeg's initial deviation of 0.001 is intended to be overwritten by ImageNet weights.

    Before a batch normalisation the gradient grows as the weights shrink: the first steps at the learning rates of
    PP-LiteSeg and OCRNet enlarge the weights by factors of 200 to 1,000 and more, after which they hardly change.
    """
    from paddle import nn

    def init_weight(self: Any) -> None:
        for layer in self.sublayers():
            if isinstance(layer, nn.Conv2D):
                nn.initializer.KaimingNormal()(layer.weight)
        if self.pretrained is not None:
            import_module("paddleseg.utils").load_pretrained_model(self, self.pretrained)

    return init_weight


_LOSSES = "paddleseg.models.losses"
_TRANSFORMS = "paddleseg.transforms.transforms"
PATCHES: tuple[Patch, ...] = (
    Patch(f"{_LOSSES}.cross_entropy_loss:CrossEntropyLoss", "_post_process_loss", patch_cross_entropy),
    Patch(f"{_LOSSES}.ohem_cross_entropy_loss:OhemCrossEntropyLoss", "forward", patch_ohem),
    Patch(f"{_LOSSES}.gscnn_dual_task_loss:DualTaskLoss", "forward", patch_dual_task),
    Patch(f"{_LOSSES}.decoupledsegnet_relax_boundary_loss:RelaxBoundaryLoss", "relax_onehot", patch_relax_boundary),
    Patch(f"{_LOSSES}.rmi_loss:RMILoss", "forward_sigmoid", patch_rmi),
    Patch(f"{_LOSSES}.l1_loss:L1Loss", "forward", patch_regression),
    Patch(f"{_LOSSES}.mean_square_error_loss:MSELoss", "forward", patch_regression),
    Patch(f"{_TRANSFORMS}:ResizeByShort", "__init__", patch_resize_sides),
    Patch(f"{_TRANSFORMS}:ResizeByShort", "__call__", patch_resize_call),
    Patch("paddleseg.utils.metrics", "calculate_area", patch_calculate_area),
    Patch("paddleseg.models.layers.tensor_fusion_helper", "avg_max_reduce_channel_helper", patch_channel_max),
    Patch("paddleseg.models.maskformer:MaskFormer", "forward", patch_maskformer),
    Patch("paddleseg.models.maskformer:TransformerPredictor", "forward", patch_masks_of_layers),
    Patch("paddleseg.models.segformer:SegFormer", "forward", patch_segformer),
    Patch("paddleseg.models.backbones.swin_transformer:BasicLayer", "forward", patch_shifted_windows),
    Patch("paddleseg.models.backbones.stdcnet:STDCNet", "init_weight", patch_backbone_weights),
    Patch("paddleseg.models.backbones.hrnet:HRNet", "init_weight", patch_backbone_weights),
    *MASKFORMER_PATCHES,
)
