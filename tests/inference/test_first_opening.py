"""A network from outside is opened in a process of its own first: what kills that process is an error here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from segcli.errors import MissingPartError, SegcliError, WeightsError
from segcli.inference import first_opening
from segcli.inference.first_opening import require_openable, written_here
from segcli.inference.graphs import Graph
from segcli.inference.runtimes.open_graph import open_graph
from segcli.runtimes import RuntimeRow, runtimes
from tests.trained_model import trained_run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(first_opening, "_known", set())
    return tmp_path


def foreign(folder: Path, name: str) -> tuple[Graph, Path]:
    file = folder / f"{name}.onnx"
    file.write_bytes(name.encode())
    return Graph(folder / name), file


def tries(folder: Path) -> int:
    return len((folder / "tries").read_text()) if (folder / "tries").exists() else 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(
    ("kind", "text"),
    [("segfault", "crashes the process .SIGSEGV"), ("busy", "not done after"), ("memory", "more than 2 GB")],
)
def test_a_file_that_kills_what_reads_it_is_refused_each_time(folder, monkeypatch, kind, text) -> None:
    monkeypatch.setattr(first_opening, "WORKER", "tests.inference.dying_worker")
    graph, file = foreign(folder, kind)
    for number in (1, 2):
        with pytest.raises(WeightsError, match=text) as error:
            require_openable(graph, file, runtimes()["onnxruntime"])
        assert error.value.path == str(file)
        assert tries(folder) == number


def test_what_was_opened_once_on_this_machine_is_not_tried_again_until_it_changes(folder, monkeypatch) -> None:
    monkeypatch.setattr(first_opening, "WORKER", "tests.inference.dying_worker")
    graph, file = foreign(folder, "good")
    for _ in range(2):
        require_openable(graph, file, runtimes()["onnxruntime"])
    monkeypatch.setattr(first_opening, "_known", set())  # another process
    require_openable(graph, file, runtimes()["onnxruntime"])
    assert tries(folder) == 1
    require_openable(graph, file, runtimes()["openvino"])
    file.write_bytes(b"another")
    require_openable(graph, file, runtimes()["onnxruntime"])
    assert tries(folder) == 3


def test_what_this_process_wrote_and_runtimes_of_others_are_not_tried(folder, monkeypatch) -> None:
    monkeypatch.setattr(first_opening, "WORKER", "tests.inference.dying_worker")
    graph, file = foreign(folder, "segfault")
    require_openable(graph, file, RuntimeRow("other", "json", "other.runtime", (".onnx",)))
    with written_here():
        require_openable(graph, file, runtimes()["onnxruntime"])
    require_openable(graph, file, runtimes()["onnxruntime"])
    assert tries(folder) == 0


def test_a_cache_that_cannot_be_written_means_a_trial_in_each_process(folder, monkeypatch) -> None:
    monkeypatch.setattr(first_opening, "WORKER", "tests.inference.dying_worker")
    (folder / "cache").write_text("a file where the folder should be")
    graph, file = foreign(folder, "good")
    for _ in range(2):
        require_openable(graph, file, runtimes()["onnxruntime"])
    assert tries(folder) == 1


def test_a_file_that_a_library_refuses_itself_keeps_its_message(folder) -> None:
    graph, _ = foreign(folder, "network")
    pytest.importorskip("onnxruntime")
    with pytest.raises(MissingPartError, match="onnxruntime cannot run this model"):
        open_graph(graph, "onnxruntime")


@pytest.mark.parametrize("place", ["/etc/hostname", "../secret", "link"])
def test_weights_beside_an_onnx_file_must_lie_in_its_folder(folder, place: str) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (folder / "model").mkdir()
    (folder / "secret").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    (folder / "model/link").symlink_to(folder / "secret")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, [4])],
        [onnx.helper.make_tensor_value_info("y", 1, [4])],
    )
    weight = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", place), ("offset", "0"), ("length", "16")):
        weight.external_data.add(key=key, value=value)
    graph.initializer.append(weight)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (folder / "model/network.onnx").write_bytes(model.SerializeToString())

    with pytest.raises(SegcliError, match=r"network\.onnx"):
        open_graph(Graph(folder / "model/network"), "onnxruntime")


@pytest.mark.parametrize("change", ["cut", "grown", "lies"])
def test_weights_of_paddle_are_looked_through_before_they_are_read(folder, change: str) -> None:
    shutil.copytree(trained_run() / "run/best_model/inference", folder / "model")
    weights = folder / "model/inference.pdiparams"
    data = weights.read_bytes()
    terabyte = b"\x08\x05\x10" + b"\x80" * 5 + b"\x20"  # single precision, 2^40 of them
    lies = data[:16] + len(terabyte).to_bytes(4, "little") + terabyte + data[24:]
    weights.write_bytes({"cut": data[:-1], "grown": data + b"x", "lies": lies}[change])
    graph = Graph(folder / "model/inference", folder / "model/logits.json", weights)
    with pytest.raises(WeightsError, match=r"inference\.pdiparams: tensor \d+ "):
        open_graph(graph, "paddle")


def test_a_network_that_cannot_compute_an_input_is_named(folder) -> None:
    pytest.importorskip("onnxruntime")
    model = trained_run() / "run/best_model/inference"
    runtime = open_graph(Graph(model / "inference"), "onnxruntime")
    with pytest.raises(WeightsError, match=r"inference\.onnx: onnxruntime cannot compute"):
        runtime.run(np.zeros((1, 5, 32, 32), np.float32))
