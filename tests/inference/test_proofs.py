"""A runtime is used only where its answers were compared with the model's own."""

from __future__ import annotations

import json
import logging
import shutil
import time
from functools import partial

import numpy as np
import pytest

from segcli.errors import MissingPartError, ParityError
from segcli.inference import onnx_conversion, speed
from segcli.inference import proofs as proofs_module
from segcli.inference.exported_model import LOGITS_TENSOR, ONNX_FILE, ExportedModel
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.proofs import FILE, Proof, Proofs
from segcli.inference.proving import Prover, Stopwatch, time_job
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.open_graph import row_of
from segcli.runtimes import RuntimeRow
from segcli.runtimes import runtimes as known_runtimes
from segcli.steps.evaluate import open_model as opened
from segcli.steps.evaluate.command import evaluate
from segcli.steps.export import runtimes
from tests.trained_model import make_config, trained_run

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("paddle2onnx")


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "inference"
    shutil.copytree(trained_run() / "run/best_model/inference", folder, ignore=shutil.ignore_patterns(ONNX_FILE, FILE))
    return ExportedModel.open(folder)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A right conversion, made once, and one whose logits are too large."""
    from onnx import helper, numpy_helper

    folder = trained_run() / "run/best_model/inference"
    right = tmp_path_factory.mktemp("onnx") / "right.onnx"
    convert_program(folder / "logits.json", folder / "inference.pdiparams", right)
    graph = onnx.load(str(right))
    last = next(node for node in graph.graph.node if LOGITS_TENSOR in node.output)
    last.output[:] = ["before"]
    graph.graph.initializer.append(numpy_helper.from_array(np.float32([1.1]), "too_much"))
    place = list(graph.graph.node).index(last) + 1
    graph.graph.node.insert(place, helper.make_node("Mul", ["before", "too_much"], [LOGITS_TENSOR]))
    wrong = right.with_name("wrong.onnx")
    onnx.save(graph, str(wrong))
    return right, wrong


@pytest.fixture
def convert(converted, monkeypatch):
    """Makes the converter write the right or the wrong file."""

    def choose(*, wrong: bool):
        for module in (onnx_conversion, runtimes):
            monkeypatch.setattr(
                module, "convert_program", lambda _program, _weights, target: shutil.copy(converted[wrong], target)
            )

    choose(wrong=False)
    return choose


def without(monkeypatch, *names):
    """Leaves these runtimes out, as if they were not installed."""
    monkeypatch.setattr(RuntimeRow, "is_installed", property(lambda row: row.name not in names))


def test_a_form_that_agrees_is_kept_and_not_compared_again(model, convert, monkeypatch):
    without(monkeypatch, "openvino")
    assert open_runtime(model, "onnxruntime").name == "onnxruntime"
    assert (model.folder / ONNX_FILE).is_file()
    monkeypatch.setattr(Prover, "prove", None)
    assert open_runtime(model, "onnxruntime").name == "onnxruntime"


def test_auto_takes_the_fastest_that_was_measured(model, convert):
    open_runtime(model)
    proofs = json.loads((model.folder / FILE).read_text())["proofs"]
    assert {proof["runtime"] for proof in proofs} == {"paddle", "onnxruntime", "openvino"}
    assert all(proof["agrees"] and proof["milliseconds"] > 0 for proof in proofs)
    for slow in proofs:
        slow["milliseconds"] = 1.0 if slow["runtime"] == "paddle" else 2.0
    (model.folder / FILE).write_text(json.dumps({"schema": 1, "proofs": proofs}))
    assert open_runtime(model).name == "paddle"


@pytest.mark.parametrize(("openvino", "chosen"), [(0.97, "onnxruntime"), (0.9, "openvino")])
def test_what_is_as_fast_goes_by_how_soon_it_starts(model, convert, openvino, chosen):
    """ONNX Runtime opens a small network in half a second less than OpenVINO."""
    open_runtime(model)
    written = json.loads((model.folder / FILE).read_text())
    for one in written["proofs"]:
        one["milliseconds"] = {"paddle": 0.99, "onnxruntime": 1.0, "openvino": openvino}[one["runtime"]]
    (model.folder / FILE).write_text(json.dumps(written))
    assert open_runtime(model).name == chosen


@pytest.mark.parametrize(("openvino", "chosen"), [(290.0, "onnxruntime"), (2000.0, "openvino")])
def test_for_a_single_image_the_start_counts_too(model, convert, monkeypatch, openvino, chosen):
    """OpenVINO takes two thirds of ONNX Runtime's time and 300 ms more to open; nothing is timed for one image."""
    open_runtime(model)
    written = json.loads((model.folder / FILE).read_text())
    times = {"paddle": 1.1 * openvino, "onnxruntime": 1.5 * openvino, "openvino": openvino}
    for one in written["proofs"]:
        one |= {"processor": "another", "milliseconds": times[one["runtime"]]}
    (model.folder / FILE).write_text(json.dumps(written))
    monkeypatch.setattr(Prover, "measure", None)
    assert open_runtime(model, images=1).name == chosen


def test_times_of_another_processor_are_measured_again_once(model, convert, monkeypatch):
    monkeypatch.setenv("SEGCLI_CACHE", str(model.folder.parent / "cache"))
    open_runtime(model)
    written = json.loads((model.folder / FILE).read_text())
    for one in written["proofs"]:
        one |= {"processor": "another", "milliseconds": {"paddle": 9.0, "onnxruntime": 2.0}.get(one["runtime"], 3.0)}
    (model.folder / FILE).write_text(json.dumps(written))
    measured = []

    def measure(_self, row: RuntimeRow) -> float:
        measured.append(row.name)
        return {"onnxruntime": 2.0, "openvino": 1.0}[row.name]

    monkeypatch.setattr(Prover, "prove", None)
    monkeypatch.setattr(Prover, "measure", measure)
    for _ in range(2):
        assert open_runtime(model).name == "openvino"
        monkeypatch.setattr(speed, "_of_this_process", {})
    assert measured == ["onnxruntime", "openvino"], "Paddle was far behind; the second process reads the times"
    assert json.loads((model.folder / FILE).read_text()) == written


def test_a_runtime_that_cannot_be_opened_today_is_measured_again(model, convert, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="segcli")
    monkeypatch.setenv("SEGCLI_CACHE", str(model.folder.parent / "cache"))
    open_runtime(model)
    known = json.loads((model.folder / FILE).read_text())["proofs"]
    near = [(row_of(one["runtime"]), Proof(**{**one, "milliseconds": 1.0, "processor": "another"})) for one in known]
    measured = []

    def measure(_self, row: RuntimeRow) -> float:
        measured.append(row.name)
        if measured == ["onnxruntime"]:
            raise MissingPartError("no memory is left")
        return {"onnxruntime": 1.04, "openvino": 23.4}.get(row.name, 31.0)

    monkeypatch.setattr(Prover, "measure", measure)
    near.sort(key=lambda one: one[0].name != "onnxruntime")
    for first in ("openvino", "onnxruntime", "onnxruntime"):
        monkeypatch.setattr(speed, "_of_this_process", {})
        assert speed.by_speed(model, near)[0].name == first
    assert measured.count("onnxruntime") == 2, "the third time is read"
    assert "timed on this processor: onnxruntime cannot be opened, " in caplog.text
    assert "timed on this processor: onnxruntime 1.0 ms, " in caplog.text
    assert "openvino 23 ms" in caplog.text


def test_times_are_those_of_this_processor_where_they_were_measured_here(model, convert, monkeypatch):
    open_runtime(model)
    monkeypatch.setattr(Prover, "measure", None)
    assert open_runtime(model).name in ("onnxruntime", "openvino")


def test_measuring_again_runs_the_image_of_the_comparison(model, convert):
    times = [Prover(model, Proofs(model.folder)).measure(row_of(name)) for name in ("paddle", "onnxruntime")]
    assert all(0 < milliseconds < 60_000 for milliseconds in times)
    assert not (model.folder / FILE).exists()


@pytest.mark.parametrize(("wall", "cpu", "seconds"), [(4.0, 30.0, 4.0), (4.0, 1.0, 1.0), (4.0, 0.0, 4.0)])
def test_a_stopwatch_counts_neither_each_thread_nor_waiting(wall, cpu, seconds, monkeypatch):
    """Times of the first run and of later ones are compared: they must be of one kind."""
    clocks = {"perf_counter": iter([10.0, 10.0 + wall]), "process_time": iter([5.0, 5.0 + cpu])}
    for name, values in clocks.items():
        monkeypatch.setattr(time, name, partial(next, values))
    assert Stopwatch().seconds() == seconds


def test_waiting_for_a_core_does_not_make_a_runtime_slow():
    def job() -> None:
        sum(range(1000))
        time.sleep(0.1)

    assert 0 < time_job(job) < 50


def test_a_refused_form_is_refused_the_second_time_too(model, convert, caplog):
    convert(wrong=True)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="segcli"):
            assert open_runtime(model).name == "paddle"
        assert "its logits are off" in caplog.text
        assert "onnxruntime" in caplog.text
        with pytest.raises(ParityError, match="its logits are off"):
            open_runtime(model, "onnxruntime")


def test_a_file_from_elsewhere_is_compared_before_it_is_used(model, converted, monkeypatch):
    without(monkeypatch, "openvino")
    shutil.copy(converted[0], model.folder / ONNX_FILE)
    assert open_runtime(model, "onnxruntime").name == "onnxruntime"
    shutil.copy(converted[1], model.folder / ONNX_FILE)
    with pytest.raises(ParityError, match="its logits are off"):
        open_runtime(model, "onnxruntime")


def test_a_form_from_before_a_retraining_is_compared_again(model, convert, monkeypatch):
    without(monkeypatch, "openvino")
    open_runtime(model, "onnxruntime")
    weights = model.folder / "inference.pdiparams"
    retrained = bytearray(weights.read_bytes())
    # inside one tensor of the file there are weights alone, which are small
    step = 40_000
    windows = (np.frombuffer(retrained, np.float32, 10_000, at) for at in range(0, len(retrained) - step, step))
    inside = [w for w in windows if np.isfinite(w).all() and ((w == 0) | ((abs(w) > 1e-20) & (abs(w) < 10))).all()]
    assert inside
    for window in inside:
        window[:] = -window
    weights.write_bytes(bytes(retrained))
    with pytest.raises(ParityError):
        open_runtime(ExportedModel.open(model.folder), "onnxruntime")


def test_where_nothing_can_be_written_verdicts_hold_for_the_process(model, converted, monkeypatch):
    without(monkeypatch, "openvino")
    shutil.copy(converted[0], model.folder / ONNX_FILE)

    def full(*_):
        raise OSError("read-only")

    monkeypatch.setattr(proofs_module, "write_text_atomic", full)
    assert open_runtime(model, "onnxruntime").name == "onnxruntime"
    assert not (model.folder / FILE).exists()
    monkeypatch.setattr(Prover, "prove", None)
    assert open_runtime(model, "onnxruntime").name == "onnxruntime"


def test_a_damaged_file_of_verdicts_proves_nothing(model, convert, monkeypatch):
    without(monkeypatch, "openvino")
    open_runtime(model, "onnxruntime")
    (model.folder / FILE).write_text('{"proofs": [{"runtime": 1}')
    compared = []
    prove = Prover.prove
    monkeypatch.setattr(Prover, "prove", lambda self, row: compared.append(row.name) or prove(self, row))
    open_runtime(model, "onnxruntime")
    assert compared == ["onnxruntime"]


def test_weights_measured_through_an_export_of_the_moment_are_compared_with_their_network(
    tmp_path, convert, monkeypatch, caplog
):
    run = trained_run()
    weights = tmp_path / "weights"
    shutil.copytree(run / "run/best_model", weights, ignore=shutil.ignore_patterns("inference"))
    config = make_config(tmp_path, run / "data", Evaluate={"weight_path": str(weights)})
    monkeypatch.setattr(opened, "WORTHWHILE_PIXELS", 1)
    right = evaluate(config)
    assert right.runtime == "onnxruntime"
    convert(wrong=True)
    with caplog.at_level(logging.WARNING, logger="segcli"):
        cautious = evaluate(config)
    assert cautious.runtime == "paddle"
    assert "its logits are off" in caplog.text
    assert np.abs(cautious.report.matrix - right.report.matrix).sum() <= 4


def test_what_a_runtime_cannot_run_is_told_without_a_trace(model, monkeypatch):
    (model.folder / ONNX_FILE).write_bytes(b"no graph")
    with pytest.raises(MissingPartError, match="onnxruntime cannot run this model"):
        open_runtime(model, "onnxruntime")
    assert open_runtime(model).name == "paddle"


@pytest.mark.parametrize(
    ("runtime", "build"),
    [
        ("paddle", "paddlepaddle"),
        ("paddle", "paddlepaddle-gpu"),
        ("onnxruntime", "onnxruntime"),
        ("onnxruntime", "onnxruntime-gpu"),
    ],
)
def test_either_build_of_a_runtime_has_a_version_and_pip_knows_its_name(runtime, build, monkeypatch):
    def version(name: str) -> str:
        if name != build:
            raise proofs_module.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(proofs_module, "version", version)
    assert proofs_module.version_of(known_runtimes()[runtime]).startswith("1.2.3 (segcli ")
    monkeypatch.setattr("segcli.runtimes.find_spec", lambda _name: None)
    with pytest.raises(MissingPartError, match=f"pip install {build.removesuffix('-gpu')},"):
        row_of(runtime)
