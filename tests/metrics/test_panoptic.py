"""Panoptic quality equals what hotcoco makes of panopticapi's files."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hotcoco.panoptic import PanopticEval

from segcli.data import rle
from segcli.metrics.image_pairs import true_masks
from segcli.metrics.panoptic import count_segments, panoptic_quality
from tests.metrics.instances import make_images, without_crowds

CLASSES = 3
LEAST = 0.3


def write_segments(folder, name: str, segments: list[tuple[np.ndarray, int, bool]], image_id: int) -> dict:
    """Paints masks in order into panopticapi's PNG; the rest is the background's segment."""
    folder.mkdir(exist_ok=True)
    ids = np.ones((240, 320), np.int64)
    for number, (mask, _, _) in enumerate(segments, start=2):
        ids[mask > 0] = number
    bgr = np.stack([ids // 65536, ids // 256 % 256, ids % 256], axis=-1).astype(np.uint8)
    cv2.imwrite(str(folder / name), bgr)
    kinds = [(1, CLASSES + 1, False), *((n, c + 1, crowd) for n, (_, c, crowd) in enumerate(segments, start=2))]
    info = []
    for number, category, crowd in kinds:
        mask = ids == number
        if mask.any():
            x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
            entry = {"id": number, "category_id": category, "area": int(mask.sum()), "bbox": [x, y, w, h]}
            info.append({**entry, "iscrowd": int(crowd)})
    return {"image_id": image_id, "file_name": name, "segments_info": info}


def oracle(tmp_path, samples, found):
    categories = [{"id": c + 1, "name": str(c), "isthing": int(c < CLASSES)} for c in range(CLASSES + 1)]
    images = [{"id": s.image_id, "width": s.width, "height": s.height, "file_name": ""} for s in samples]
    files = []
    for part in ("truth", "found"):
        entries = []
        for sample, detections in zip(samples, found, strict=True):
            if part == "truth":
                objects = sorted(sample.objects, key=lambda o: -o.area_px)
                segments = [(rle.decode(o.to_rle(240, 320)), o.class_id, o.is_crowd) for o in objects]
            else:
                order = [i for i in np.argsort(detections.scores, kind="stable") if detections.scores[i] >= LEAST]
                segments = [(rle.decode(detections.masks[i]), int(detections.classes[i]), False) for i in order]
            entries.append(write_segments(tmp_path / part, f"{sample.image_id}.png", segments, sample.image_id))
        path = tmp_path / f"{part}.json"
        path.write_text(json.dumps({"images": images, "annotations": entries, "categories": categories}))
        files.append(str(path))
    evaluation = PanopticEval(*files, gt_folder=str(tmp_path / "truth"), pred_folder=str(tmp_path / "found"))
    evaluation.run()
    return evaluation.report()


@pytest.mark.parametrize("seed", range(8))
def test_equals_hotcoco(tmp_path, seed):
    samples, found = make_images(4, classes=CLASSES, objects=6, found=10, seed=seed)
    if seed % 2:
        samples = list(map(without_crowds, samples))
    rows = [count_segments(s, true_masks(s), d, CLASSES, LEAST) for s, d in zip(samples, found, strict=True)]
    ours = panoptic_quality(np.sum(rows, axis=0))
    theirs = oracle(tmp_path, samples, found)["per_class"]
    for name, values in ours.items():
        expected = [theirs[str(class_id)][name] for class_id in range(CLASSES)]
        np.testing.assert_allclose(np.nan_to_num(values), expected, atol=1e-12)
    assert np.nanmax(ours["PQ"]) > 0.1
