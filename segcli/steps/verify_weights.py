"""`segcli weights verify`: checks that a file holds the expected weights and that the network works with them.

Tests of segcli do not contain the official weights of SAM, MobileSAM and LSeg, which cannot be redistributed. Users
who have them can check them here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from segcli.data.image import read_image, read_mask
from segcli.errors import InputError, WeightsError
from segcli.metrics.promptable_scores import mask_iou
from segcli.models.promptable.specs import PROMPTABLE, PromptKind
from segcli.models.promptable.table import build_promptable_network
from segcli.models.table import get_spec
from segcli.plurals import listed
from segcli.promptable.layout import points_of_prompts
from segcli.promptable.prompts import ObjectPrompt
from segcli.steps.predict.open_promptable import OpenedPromptable, open_weights
from segcli.weights.arrays import Array
from segcli.weights.convert import guess_architecture, network_layout
from segcli.weights.files import read_weights, weight_format
from segcli.weights.matching import Fit, as_float32, fit_tensors

TOLERANCE = 1e-4
"""Largest accepted difference from golden outputs."""
EXPECTED_IOU = 0.7
"""Mean IoU on photographs that trained weights easily reach and wrong weights never."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: Name of the check.
        passed: Whether it passed.
        found: Its outcome, as text.
    """

    name: str
    passed: bool
    found: str


@dataclass(frozen=True)
class VerifyReport:
    """The result of the checks of a weight file.

    Attributes:
        file: The file.
        model: Name of its network.
        checks: All checks.
    """

    file: Path
    model: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    def summary(self) -> list[tuple[str, str]]:
        """Rows for the terminal."""
        rows = [("model", self.model)]
        return [*rows, *((check.name, f"{'ok' if check.passed else 'WRONG'}: {check.found}") for check in self.checks)]


def verify_weights(
    file: Path, model: str | None = None, *, golden: Path | None = None, photos: Path | None = None
) -> VerifyReport:
    """Checks a weight file of a promptable model.

    Args:
        file: torch, safetensors or pdparams.
        model: The model; None guesses it from names and shapes.
        golden: ``.npz`` with an input and the outputs of the original network with these weights. SAM: ``x``
            [1, 3, S, S] normalised, ``emb``; optionally ``boxes_scaled`` [B, 4] in model pixels with
            ``box_low_mm1`` [B, 3, m, m] and ``box_iou_mm1`` [B, 3]. LSeg: ``x``, ``tokens`` [K, 77], ``logits3``.
        photos: Folder with ``prompts.json``, a list of ``{"image", "objects": [{"box_xyxy", "gt_mask", "text",
            "gt_text_mask"}]}`` whose masks are known.

    Raises:
        WeightsError: The file cannot be read, or matches no known network.
        UsageError: There is no model of that name.
        InputError: Golden file or photographs cannot be read.
    """
    tensors = read_weights(file)
    name = model or guess_architecture(tensors)
    if name is None:
        raise WeightsError("fits no network that segcli knows", path=file, hint=f"--model {'|'.join(PROMPTABLE)}")
    spec = get_spec(name)
    if name not in PROMPTABLE:
        raise WeightsError(f"{name} is not promptable; `segcli evaluate` tests its weights", path=file)
    fit = fit_tensors(tensors, network_layout(name), is_torch_layout=weight_format(file) != "pdparams")
    checks = [_names_and_shapes(fit), _numbers(fit)]
    if fit.is_exact and golden is not None:
        checks += _parity(name, fit, _read_golden(golden))
    if fit.is_exact and photos is not None:
        checks.append(_photographs(open_weights(spec, file), photos))
    return VerifyReport(file, name, tuple(checks))


def _names_and_shapes(fit: Fit) -> Check:
    count = sum(int(array.size) for array in fit.tensors.values())
    unused = f", {len(fit.unused)} known and not needed" if fit.unused else ""
    found = f"{len(fit.tensors)} tensors, {count:,} numbers{unused}" if fit.is_exact else fit.describe_faults()
    return Check("names and shapes", fit.is_exact, found)


def _numbers(fit: Fit) -> Check:
    broken = [name for name, array in fit.tensors.items() if not np.isfinite(as_float32(array)).all()]
    flat = [name for name, array in fit.tensors.items() if array.ndim > 1 and array.size > 1 and not np.ptp(array)]
    if broken:
        return Check("numbers", False, f"not finite: {listed(broken, 3)}")
    # position offsets of an untrained network are all 0, those of a trained one never
    return Check("numbers", True, f"all finite, {len(flat)} tensors of one value")


def _read_golden(path: Path) -> Mapping[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as fault:
        raise InputError(f"is no .npz of arrays ({fault})", path=path) from fault


@paddle.no_grad()
def _parity(name: str, fit: Fit, golden: Mapping[str, Array]) -> list[Check]:
    network = build_promptable_network(name)
    network.set_state_dict({key: as_float32(array) for key, array in fit.tensors.items()})
    network.eval()
    outputs = _sam_outputs if PROMPTABLE[name].prompt_kind is PromptKind.CLICKS else _lseg_outputs
    try:
        found = outputs(network, golden)
    except KeyError as missing:
        raise InputError(f"the golden file lacks {missing}") from missing
    return [_compared(key, value, golden[key]) for key, value in found.items()]


def _sam_outputs(network: Any, golden: Mapping[str, Array]) -> dict[str, Array]:
    embedding = network.image_encoder(paddle.to_tensor(golden["x"]))
    found = {"emb": embedding.numpy()}
    if "box_low_mm1" in golden:
        coords, labels = map(paddle.to_tensor, points_of_prompts(golden["boxes_scaled"], None, None))
        side = 4 * network.grid
        masks, iou = network(embedding, coords, labels, paddle.zeros([1, 1, side, side]), paddle.zeros([1]))
        found |= {"box_low_mm1": masks.numpy()[:, 1:], "box_iou_mm1": iou.numpy()[:, 1:]}
    return found


def _lseg_outputs(network: Any, golden: Mapping[str, Array]) -> dict[str, Array]:
    logits = network(paddle.to_tensor(golden["x"]), paddle.to_tensor(golden["tokens"].astype(np.int64)))
    return {"logits3": logits.numpy()}


def _compared(key: str, output: Array, golden: Array) -> Check:
    if output.shape != golden.shape:
        return Check(f"golden {key}", False, f"shape {list(output.shape)} instead of {list(golden.shape)}")
    off = float(np.abs(output - golden).max())
    return Check(f"golden {key}", off <= TOLERANCE, f"off by {off:.1e} at most, allowed {TOLERANCE:.0e}")


def _photographs(opened: OpenedPromptable, folder: Path) -> Check:
    """Mean IoU of predicted and known masks for the prompts of a folder."""
    try:
        entries = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {fault}", path=folder / "prompts.json") from fault
    is_sam = opened.form.prompt_kind is PromptKind.CLICKS
    mask_key = "gt_mask" if is_sam else "gt_text_mask"
    predictor, ious = opened.predictor(None), []
    for entry in entries:
        known = [item for item in entry["objects"] if item.get(mask_key) and item.get("box_xyxy" if is_sam else "text")]
        if not known:
            continue
        predictor.set_image(read_image(folder / entry["image"]), name=entry["image"])
        prompts = [_prompt(item, is_sam=is_sam) for item in known]
        for item, answer in zip(known, predictor.predict(prompts), strict=True):
            ious.append(mask_iou(answer.mask, read_mask(folder / item[mask_key]) > 0))
    if not ious:
        raise InputError("names no image with known masks", path=folder / "prompts.json")
    mean = float(np.mean(ious))
    found = f"mean IoU {mean:.3f} over {len(ious)} objects, expected {EXPECTED_IOU}"
    return Check("photographs", mean >= EXPECTED_IOU, found)


def _prompt(item: Mapping[str, Any], *, is_sam: bool) -> ObjectPrompt:
    if not is_sam:
        return ObjectPrompt(text=str(item["text"]), name=str(item["text"]))
    x1, y1, x2, y2 = (float(value) for value in item["box_xyxy"])
    return ObjectPrompt(box=(x1, y1, x2, y2), name=str(item.get("text", "box")), may_be_clipped=True)
