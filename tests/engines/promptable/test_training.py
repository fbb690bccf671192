"""The two trainings through the common loop: what is learnt, what stays, and that a resumed one is the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from segcli.config.load import from_values
from segcli.engines.promptable.frozen_lseg import FrozenPixels
from segcli.errors import ConfigError, DatasetError
from segcli.models.promptable.lseg.text_encoder import TextEncoder
from segcli.models.promptable.lseg.vit import VisionTransformer
from segcli.networks import build_network
from segcli.promptable.backends import PaddleSam
from segcli.promptable.cache import EmbeddingCache
from segcli.steps.evaluate.command import evaluate
from segcli.steps.train.command import train
from segcli.weights.files import read_weights
from tests.coco_folder import make_coco_folder
from tests.images import make_seg_dataset
from tests.promptable_weights import promptable_weights


def config(model: str, data: Path, output: Path, mode: str = "train", **values: Any) -> Any:
    given = {
        "Global.model": model,
        "Global.mode": mode,
        "Global.dataset_dir": str(data),
        "Global.output": str(output),
        "Train.epochs_iters": 2,
        "Train.batch_size": 2,
        "Train.export_best": False,
        "Train.promptable.measured_images": 1,
        **({"Train.promptable.objects_per_image": 1} if model.startswith("SAM") else {}),
    }
    return from_values({**given, **{key.replace("__", "."): value for key, value in values.items()}}).config


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_coco_folder(tmp_path_factory.mktemp("coco"), train=4, val=1).root


@pytest.fixture(scope="module")
def seg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_seg_dataset(tmp_path_factory.mktemp("seg"), train=4, val=1)


def changed(before: Path, after: Path) -> set[str]:
    old, new = read_weights(before), read_weights(after)
    assert set(old) == set(new)
    return {name.partition(".")[0] for name in old if not np.array_equal(old[name], new[name])}


def test_a_frozen_sam_learns_in_its_decoder_alone_and_encodes_each_image_once(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, encoded = promptable_weights("SAM-tiny"), []
    encode = PaddleSam.encode
    monkeypatch.setattr(PaddleSam, "encode", lambda self, image: (encoded.append(1), encode(self, image))[1])
    values = {"Train__pretrain_weight_path": str(weights), "Train__promptable__freeze_encoder": True}

    result = train(config("SAM-tiny", coco, tmp_path / "out", **values))

    assert result.iterations == 4
    assert len(encoded) == 5  # four to learn from and one to measure with, in two epochs and two evaluations
    assert changed(weights, tmp_path / "out" / "best_model" / "model.pdparams") == {"mask_decoder"}
    assert result.score_name == "box mIoU"


def test_a_whole_sam_goes_on_as_if_it_had_not_been_stopped(coco: Path, tmp_path: Path) -> None:
    values = {"Train__promptable__error_rounds": 0, "Train__num_workers": 1, "Train__eval_interval": 1}
    whole = train(config("SAM-tiny", coco, tmp_path / "whole", **values, Train__keep_checkpoints=2))
    halves = tmp_path / "whole" / "iter_2"

    resumed = train(config("SAM-tiny", coco, tmp_path / "resumed", **values, Train__resume_path=str(halves)))

    assert resumed.iterations == whole.iterations == 4
    one, two = (read_weights(Path(run.models["last_1"]["pdparams"])) for run in (whole, resumed))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_lseg_learns_the_names_of_the_classes_and_keeps_its_text_encoder(seg: Path, tmp_path: Path) -> None:
    weights = promptable_weights("LSeg-tiny")
    values = {"Train__pretrain_weight_path": str(weights), "Train__epochs_iters": 8, "Train__eval_interval": 8}

    train(config("LSeg-tiny", seg, tmp_path / "out", **values, Train__learning_rate=0.003, Train__log_interval=1))

    best = tmp_path / "out" / "best_model" / "model.pdparams"
    assert changed(weights, best) == {"pretrained", "scratch"}
    lines = [json.loads(line) for line in (tmp_path / "out" / "history.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "train"]
    assert losses[-1] < 0.7 * losses[0]
    report = evaluate(config("LSeg-tiny", seg, tmp_path / "out", "evaluate")).as_dict()
    assert set(report["binary_IoU"]) == {"red", "blue"}
    assert 0 <= report["metrics"]["mIoU"] <= 1


def test_a_frozen_lseg_runs_its_encoders_once_for_each_image_and_text(
    seg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, calls = promptable_weights("LSeg-tiny"), Counter[str]()
    for encoder in (VisionTransformer, TextEncoder):
        run = encoder.forward

        def counted(self: Any, given: Any, run: Any = run, name: str = encoder.__name__) -> Any:
            calls[name] += len(given)
            return run(self, given)

        monkeypatch.setattr(encoder, "forward", counted)
    values = {"Train__pretrain_weight_path": str(weights), "Train__promptable__freeze_encoder": True}

    train(config("LSeg-tiny", seg, tmp_path / "out", **values))

    assert calls["VisionTransformer"] == 5  # four to learn from and one to measure with, in two epochs
    assert calls["TextEncoder"] == 3 * 3  # three names: once to learn, and once in each of two measurements
    before, after = read_weights(weights), read_weights(tmp_path / "out" / "best_model" / "model.pdparams")
    changed_names = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed_names
    assert not [name for name in changed_names if name.startswith(("clip_pretrained", "pretrained.model"))]


def test_kept_tokens_give_the_same_pixels(tmp_path: Path) -> None:
    network = build_network("LSeg-tiny")
    network.eval()
    images = np.random.default_rng(0).standard_normal((2, 3, 96, 96)).astype(np.float32)
    cache = EmbeddingCache(memory_items=2)

    first, again = (FrozenPixels(cache).encode(network, images).numpy() for _ in range(2))

    np.testing.assert_allclose(first, network.encode_image(paddle.to_tensor(images)).numpy(), atol=1e-5)
    assert np.array_equal(first, again)
    assert cache.misses == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["SAM-tiny", "LSeg-tiny"])
def test_two_processes_train_one_network(model: str, coco: Path, seg: Path, tmp_path: Path) -> None:
    """About 8 CPU-seconds each."""
    data = coco if model == "SAM-tiny" else seg
    result = train(config(model, data, tmp_path, Train__cpu_processes=2, Train__batch_size=1))

    assert result.iterations == 4
    logs = [(tmp_path / "processes" / f"workerlog.{rank}").read_text() for rank in (0, 1)]
    digests = [re.findall(r"the weights of this process are (\w+)", text)[-1] for text in logs]
    assert digests[0] == digests[1]


def test_evaluate_measures_every_kind_of_prompt(coco: Path, tmp_path: Path) -> None:
    weights = promptable_weights("SAM-tiny")

    report = evaluate(config("SAM-tiny", coco, tmp_path, "evaluate", Evaluate__weight_path=str(weights))).as_dict()

    kinds = {"miou_box", "miou_box_filled", "miou_point", "miou_point_oracle", "miou_3_clicks"}
    assert set(report["metrics"]) == kinds
    assert report["metrics"]["miou_box_filled"] == pytest.approx(1)  # the objects are rectangles
    assert report["metrics"]["miou_point_oracle"] >= report["metrics"]["miou_point"]
    assert report["objects"] == 2


def test_images_without_objects_cannot_be_learnt_from(tmp_path: Path) -> None:
    folder = make_coco_folder(tmp_path / "data", train=1, val=1)
    folder.parts["train"]["annotations"] = []
    folder.write()

    with pytest.raises(DatasetError, match=r"no .*object"):
        train(config("SAM-tiny", folder.root, tmp_path / "out"))


def test_an_unknown_optimizer_is_named(seg: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Train\.optimizer\.type: is 'Adagrat'.*AdamW"):
        train(config("LSeg-tiny", seg, tmp_path, Train__optimizer={"type": "Adagrat"}))
