"""Makes the files of this folder, in an environment of its own that holds the other programs.

python -m venv oracles
oracles/bin/pip install . torch torchmetrics monai faster-coco-eval scikit-learn
PYTHONPATH=. oracles/bin/python -m tests.metrics.oracles.make [NAME ...]
"""

from __future__ import annotations

import contextlib
import io
import sys
from importlib.metadata import version
from typing import Any

import numpy as np

from tests.metrics.coco_oracle import coco_results, coco_truth
from tests.metrics.oracles.sets import (
    FOLDER,
    NAMES,
    REPLICATES,
    SETS,
    TOLERANCE_PX,
    compared,
    compared_digest,
    label_digest,
    label_maps,
    object_digest,
    objects,
    probabilities,
)

TIDE_NAMES = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
GAIN_NAMES = (*TIDE_NAMES, "FP", "FN")


def surface() -> dict[str, Any]:
    """Surface Dice and HD95 of MONAI, [sets, classes] each; NaN where a class is in one of both or in neither."""
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    nsd, hd95 = np.full((SETS, 4), np.nan), np.full((SETS, 4), np.nan)
    for seed in range(SETS):
        one_hot = [np.eye(4, dtype=np.float32)[ids].transpose(2, 0, 1)[None] for ids in label_maps(seed)]
        prediction, truth = map(torch.from_numpy, one_hot)
        dice = compute_surface_dice(prediction, truth, [TOLERANCE_PX] * 4, include_background=True)
        far = compute_hausdorff_distance(prediction, truth, include_background=True, percentile=95)
        both = (one_hot[0].any(axis=(0, 2, 3))) & (one_hot[1].any(axis=(0, 2, 3)))
        nsd[seed, both], hd95[seed, both] = dice.numpy()[0, both], far.numpy()[0, both]
    return {"nsd": nsd, "hd95": hd95, "by": f"MONAI {version('monai')}", "digest": label_digest()}


def tide() -> dict[str, Any]:
    """Counts and gains of hotcoco, [sets, kinds]."""
    import hotcoco

    counts, gains = np.zeros((SETS, len(TIDE_NAMES)), np.int64), np.zeros((SETS, len(GAIN_NAMES)))
    for seed in range(SETS):
        samples, found = objects(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            truth = hotcoco.COCO(coco_truth(samples, NAMES))
            oracle = hotcoco.COCOeval(truth, truth.load_res(coco_results(samples, found, "segm")), "segm")
            oracle.evaluate()
            oracle.accumulate()
            errors = oracle.tide_errors()
        counts[seed] = [errors["counts"][name] for name in TIDE_NAMES]
        gains[seed] = [errors["delta_ap"][name] for name in GAIN_NAMES]
    return {"counts": counts, "gains": gains, "by": f"hotcoco {version('hotcoco')}", "digest": object_digest()}


def boundary() -> dict[str, Any]:
    """The twelve numbers of faster-coco-eval's boundary evaluation, [sets, 12]."""
    from faster_coco_eval import COCO, COCOeval_faster

    found = np.zeros((SETS, 12))
    for seed in range(SETS):
        samples, detections = objects(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(coco_truth(samples, NAMES))
            oracle = COCOeval_faster(truth, truth.loadRes(coco_results(samples, detections, "segm")), "boundary")
            oracle.run()
        found[seed] = oracle.stats[:12]
    return {"values": found, "by": f"faster-coco-eval {version('faster-coco-eval')}", "digest": object_digest()}


def calibration() -> dict[str, Any]:
    """ECE of all pixels and per predicted class from scikit-learn's curve, and torchmetrics' of all, [sets, 6]."""
    import torch
    from sklearn.calibration import calibration_curve
    from torchmetrics.classification import MulticlassCalibrationError

    def by_sklearn(confidence: np.ndarray, right: np.ndarray) -> float:
        if not len(right):
            return float("nan")
        accuracy, mean = calibration_curve(right, confidence, n_bins=15)
        counts = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence), minlength=15)
        return float((np.abs(accuracy - mean) * counts[counts > 0]).sum() / counts.sum())

    found = np.zeros((SETS, 6))
    for seed in range(SETS):
        logits, truth = probabilities(seed)
        odds = np.exp(logits - logits.max(axis=0), dtype=np.float64)
        odds /= odds.sum(axis=0)
        confidence, labels = odds.max(axis=0).ravel(), logits.argmax(axis=0).ravel()
        right = labels == truth.ravel()
        own = [by_sklearn(confidence[labels == class_id], right[labels == class_id]) for class_id in range(4)]
        error = MulticlassCalibrationError(num_classes=4, n_bins=15, norm="l1")
        flat = torch.from_numpy(odds.reshape(4, -1).T.copy())
        theirs = float(error(flat, torch.from_numpy(truth.ravel().astype(np.int64))))
        found[seed] = [by_sklearn(confidence, right), *own, theirs]
    by = f"scikit-learn {version('scikit-learn')}, torchmetrics {version('torchmetrics')}"
    return {"values": found, "by": by, "digest": label_digest()}


def bootstrap() -> dict[str, Any]:
    """Difference of two models in AP, its interval and its standard error over hotcoco's replicates, [sets, 4]."""
    import hotcoco

    values = np.zeros((SETS, 4))
    for seed in range(SETS):
        samples, *models = compared(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            truth, evaluated = hotcoco.COCO(coco_truth(samples, NAMES)), []
            for found in models:
                one = hotcoco.COCOeval(truth, truth.load_res(coco_results(samples, found, "segm")), "segm")
                one.evaluate()
                evaluated.append(one)
            both = hotcoco.compare(*evaluated, n_bootstrap=REPLICATES, seed=seed)
        interval = both["ci"]["AP"]
        values[seed] = both["deltas"]["AP"], interval["lower"], interval["upper"], interval["std_err"]
    return {"values": values, "by": f"hotcoco {version('hotcoco')}", "digest": compared_digest()}


def main(names: list[str]) -> None:
    """Writes one file per oracle, or those that are named alone."""
    for make in (surface, calibration, boundary, tide, bootstrap):
        if names and make.__name__ not in names:
            continue
        np.savez_compressed(FOLDER / f"{make.__name__}.npz", **make())
        print(make.__name__, (FOLDER / f"{make.__name__}.npz").stat().st_size, "bytes")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
