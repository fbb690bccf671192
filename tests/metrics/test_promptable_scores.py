from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.inference.square_input import SquareInput
from segcli.metrics.promptable_images import click_intervals, prompt_table
from segcli.metrics.promptable_measure import ClickReport
from segcli.metrics.promptable_scores import BOX, CLICKS, POINT, PROTOCOLS, PromptCounts, evaluate_image, mask_iou
from segcli.promptable.predictor import SamPredictor

SIDE = 64


class Halving:
    """Knows one disc: answers a box with it, one click with its left half (scored best), whole disc and nothing.

    A click more than one gives the whole disc.
    """

    fingerprint = "halving"
    mask_side = SIDE

    def __init__(self, disc: Any) -> None:
        self.disc = disc

    def encode(self, image: Any) -> Any:
        return image

    def decode(self, embedding: Any, coords: Any, labels: Any, mask: Any, has_mask: Any) -> Any:
        logits = np.full((len(coords), 4, SIDE, SIDE), -9.0, np.float32)
        logits[:, 0, self.disc] = logits[:, 2, self.disc] = 9.0
        left = self.disc.copy()
        left[:, 32:] = False
        logits[:, 1, left] = 9.0
        return logits, np.tile(np.array([[0.9, 0.8, 0.7, 0.6]], np.float32), (len(coords), 1))


def test_known_answers_give_known_counts() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = (x - 31.5) ** 2 + (y - 31.5) ** 2 < 20**2
    predictor = SamPredictor(Halving(disc), SquareInput(SIDE, (0, 0, 0), (1, 1, 1)))
    predictor.set_image(np.zeros((SIDE, SIDE, 3), np.uint8))

    metrics = evaluate_image(predictor, [disc, disc]).compute()

    assert metrics["miou_box"] == 1.0
    assert metrics["miou_box_filled"] == pytest.approx(np.pi / 4, abs=0.02)
    assert metrics["miou_point"] == 0.5
    assert metrics["miou_point_oracle"] == 1.0
    assert metrics["miou_3_clicks"] == 1.0


def test_counts_merge_and_leave_out_what_was_not_asked() -> None:
    first, second = PromptCounts(), PromptCounts()
    first.update(BOX, [1.0, 0.5])
    second.update(BOX, [0.0])
    second.update(CLICKS, [0.25])
    first.merge(second)

    assert first.compute() == {"miou_box": 0.5, "miou_3_clicks": 0.25}
    assert first.ious[POINT] == []


def test_mask_iou() -> None:
    left, all_ = np.array([[True, False]]), np.array([[True, True]])

    assert mask_iou(left, all_) == 0.5
    assert mask_iou(~all_, ~all_) == 1.0


class Correcting(Halving):
    """Knows two more rows of the disc with each answer that it is given back; keeps what it was given."""

    def __init__(self, disc: Any) -> None:
        super().__init__(disc)
        self.given: list[tuple[int, float, int]] = []

    def decode(self, embedding: Any, coords: Any, labels: Any, mask: Any, has_mask: Any) -> Any:
        known = int((mask[0, 0] > 0).sum()) if has_mask[0] else 0
        self.given.append((int((labels[0] >= 0).sum()), float(has_mask[0]), known))
        rows = np.flatnonzero(self.disc.any(axis=1))
        done = int((mask[0, 0] > 0).any(axis=1).sum()) if has_mask[0] else 10
        part = self.disc.copy()
        part[rows[min(done + 2, len(rows)) - 1] + 1 :] = False
        logits = np.full((len(coords), 4, SIDE, SIDE), -9.0, np.float32)
        logits[:, :, part] = 9.0
        return logits, np.full((len(coords), 4), 0.9, np.float32)


def correcting(most_clicks: int = 3) -> tuple[dict[str, float], Correcting]:
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = (x - 31.5) ** 2 + (y - 31.5) ** 2 < 20**2
    backend = Correcting(disc)
    predictor = SamPredictor(backend, SquareInput(SIDE, (0, 0, 0), (1, 1, 1)))
    predictor.set_image(np.zeros((SIDE, SIDE, 3), np.uint8))
    return evaluate_image(predictor, [disc], most_clicks).compute(), backend


def test_the_second_and_third_click_give_the_answer_before_back() -> None:
    _, backend = correcting()
    clicks = backend.given[1:]  # after the box
    assert [(points, has) for points, has, _ in clicks] == [(1, 0.0), (2, 1.0), (3, 1.0)]
    assert 0 < clicks[1][2] < clicks[2][2], "each is the mask of the click before it"


def test_clicks_are_counted_until_the_answer_is_good_enough() -> None:
    """12 of 40 rows after the first click, then 2 more with each: 32 are 0.86 of the disc, 34 are 0.91."""
    metrics, backend = correcting(20)
    assert (metrics["noc_85"], metrics["noc_90"]) == (11.0, 12.0)
    assert (metrics["noc_85_missed"], metrics["noc_90_missed"]) == (0.0, 0.0)
    assert len(backend.given) == 1 + 12, "an object that is good enough gets no more clicks"
    missed, _ = correcting(11)
    assert (missed["noc_85"], missed["noc_90"]) == (11.0, 11.0)
    assert (missed["noc_85_missed"], missed["noc_90_missed"]) == (0.0, 1.0)
    assert not any("noc" in name for name in correcting()[0])


def test_every_number_has_its_protocol() -> None:
    metrics, _ = correcting(20)
    assert {name for name in metrics if not name.endswith("_missed")} == set(PROTOCOLS)


def test_every_prompt_has_a_row_and_every_number_an_interval():
    rng = np.random.default_rng(0)
    by_image = {}
    for place in (0, 2, 5):
        by_image[place] = PromptCounts()
        by_image[place].update(BOX, list(rng.random(4)))
        by_image[place].update(CLICKS, list(rng.random(4)))
        by_image[place].clicks[85], by_image[place].missed[85] = 20, 1
    total = PromptCounts()
    for counts in by_image.values():
        total.merge(counts)
    report = ClickReport(total, 3, 12, by_image)
    rows = prompt_table(report, [f"{number}.png" for number in range(6)])
    assert [(row["image"], row["object"]) for row in rows[3:5]] == [("0.png", 3), ("2.png", 0)]
    assert np.mean([row["IoU box"] for row in rows]) == pytest.approx(report.totals()["miou_box"])
    assert report.totals()["noc_85"] == 5
    found = click_intervals(report, 300).all
    assert set(found) == {"miou_box", "miou_3_clicks", "noc_85", "noc_85_missed"}
    assert found["miou_box"].low < report.totals()["miou_box"] < found["miou_box"].high
    assert found["noc_85"].as_list() == [5, 5]
